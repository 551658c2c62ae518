"""The commands' argument parser. A module of its own, because `run` must not import argparse."""

from __future__ import annotations

import argparse
import os
import sys
from functools import partial

from process_hardening.errors import CommandError, hide_value
from process_hardening.output import write

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    from typing import Any, NoReturn


_WIDTH = 80
_MARGIN = 2  # as argparse leaves it


def _read_width() -> int:
    """The width of the terminal, as shutil.get_terminal_size() finds it.

    argparse asks for it with every argument that is added. Importing shutil, which imports three
    modules for archives, would take longer than all the rest of parsing.
    """
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns):
        return int(columns)
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or _WIDTH  # type: ignore[union-attr]
    except (AttributeError, OSError, ValueError):  # closed, or no terminal
        return _WIDTH


def _hide_value(word: str, message: str) -> str:
    """The message without the value of a NAME=VALUE in it, as argparse prints one."""
    _, equals, value = word.partition("=")
    if not equals:
        return message
    for text in (word, repr(word)[1:-1]):
        message = message.replace(text, hide_value(word))
    return message.replace(repr(value), "'...'")


class Parser(argparse.ArgumentParser):
    """Raises CommandError for wrong usage, and when --help or --version cannot be printed."""

    def __init__(self, *, formatter_class: Any = argparse.HelpFormatter, **options: Any) -> None:
        width = _read_width() - _MARGIN
        super().__init__(formatter_class=partial(formatter_class, width=width), **options)
        self._words: list[str] = []

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse does, but remember the arguments for error()."""
        self._words = list(sys.argv[1:] if args is None else args)
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Raise CommandError with the message, without values, and the command to read on with."""
        for word in self._words:
            message = _hide_value(word, message)
        raise CommandError(f"{message}; see `{self.prog} --help`")

    def _print_message(self, message: str, *_: object) -> None:
        write(message.rstrip("\n"))
