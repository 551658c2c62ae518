"""The argument parser of the commands. `run` has its own, because it must not import argparse."""

from __future__ import annotations

import argparse
import os
import sys
from functools import partial

from process_hardening import _native
from process_hardening.errors import CommandError, suggest
from process_hardening.output import USUAL_WIDTH, read_width, write

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from typing import Any, NoReturn


_MARGIN = 2  # as in argparse


class PrintVersion(argparse.Action):
    """--version: print the facts for a bug report on one line, without wrapping, and exit."""

    def __init__(self, option_strings: Any, dest: Any) -> None:
        text = "print the versions of this package, Python, the kernel and the C library, and exit"
        super().__init__(option_strings, dest, nargs=0, default=argparse.SUPPRESS, help=text)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """Print and exit. Raises CommandError if printing fails."""
        facts = [f"{sys.implementation.name} {sys.version.partition(' ')[0]}"]
        if hasattr(os, "uname"):  # Windows has no os.uname()
            kernel = os.uname()
            facts.append(f"{kernel.sysname} {kernel.release} {kernel.machine}")
        if "CS_GNU_LIBC_VERSION" in getattr(os, "confstr_names", ()):
            facts.append(os.confstr("CS_GNU_LIBC_VERSION") or "unknown libc")
        write(f"{parser.prog} {_native.VERSION} ({', '.join(facts)})")
        parser.exit()


class Parser(argparse.ArgumentParser):
    """Raises CommandError for usage errors, and if --help or --version cannot be printed."""

    def __init__(self, *, formatter_class: Any = argparse.HelpFormatter, **options: Any) -> None:
        # argparse would query the width through shutil for every argument that is added.
        width = (read_width(1) or USUAL_WIDTH) - _MARGIN
        super().__init__(formatter_class=partial(formatter_class, width=width), **options)
        self.suggest_on_error = False  # since Python 3.15 the default, in other words than ours

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse like argparse, but refuse unknown arguments here.

        argparse would refuse them in the outermost parser, which lacks the commands' options.
        """
        namespace, unknown = super().parse_known_args(args, namespace)
        many = next((a for a in self._get_positional_actions() if a.nargs == "*"), None)
        if many and not any(word.startswith("-") for word in unknown):
            # After an option, argparse accepts no more positional arguments, as in
            # `audit merge --json FILE...`.
            setattr(namespace, many.dest, [*getattr(namespace, many.dest), *unknown])
            unknown = []
        if unknown:
            hint = suggest(unknown[0].partition("=")[0], self._option_string_actions)
            self.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
        return namespace, unknown

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Check a choice like argparse, but suggest the closest one."""
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as error:
            hint = suggest(str(value), map(str, action.choices or ()))
            raise argparse.ArgumentError(action, f"{error.message}{hint}") from None

    def error(self, message: str) -> NoReturn:
        """Raise CommandError with the message and the command that prints help."""
        if ": ignored explicit argument " in message:  # the value, which may be a secret, follows
            message = f"{message.partition(': ignored explicit argument ')[0]} takes no value"
        raise CommandError(f"{message}; see `{self.prog} --help`")

    def _print_message(self, message: str, *_: object) -> None:
        write(message.rstrip("\n"))
