"""argparse as the commands want it. Its own module: only what needs argparse loads it."""

from __future__ import annotations

import argparse

from process_hardening.errors import CommandError
from process_hardening.output import write

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    from typing import NoReturn


class Parser(argparse.ArgumentParser):
    """Raises CommandError for an error; what --help and --version say gets out, or is one."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and where to look. Raises CommandError."""
        raise CommandError(f"{message}; see `{self.prog} --help`")

    def _print_message(self, message: str, *_: object) -> None:
        write(message.rstrip("\n"))
