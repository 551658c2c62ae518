"""The commands' argument parser. A module of its own, because `run` must not import argparse."""

from __future__ import annotations

import argparse
import os
import sys
from functools import partial

from process_hardening.errors import CommandError
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


class Parser(argparse.ArgumentParser):
    """Raises CommandError for wrong usage, and when --help or --version cannot be printed."""

    def __init__(self, *, formatter_class: Any = argparse.HelpFormatter, **options: Any) -> None:
        width = _read_width() - _MARGIN
        super().__init__(formatter_class=partial(formatter_class, width=width), **options)

    def error(self, message: str) -> NoReturn:
        """Raise CommandError with the message and the command to read on with."""
        raise CommandError(f"{message}; see `{self.prog} --help`")

    def _print_message(self, message: str, *_: object) -> None:
        write(message.rstrip("\n"))
