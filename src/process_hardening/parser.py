"""The commands' argument parser. A module of its own, because `run` must not import argparse."""

from __future__ import annotations

import argparse

from process_hardening.errors import CommandError
from process_hardening.output import write

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    from typing import NoReturn


class Parser(argparse.ArgumentParser):
    """Raises CommandError for wrong usage, and when --help or --version cannot be printed."""

    def error(self, message: str) -> NoReturn:
        """Raise CommandError with the message and the command to read on with."""
        raise CommandError(f"{message}; see `{self.prog} --help`")

    def _print_message(self, message: str, *_: object) -> None:
        write(message.rstrip("\n"))
