"""process-hardening confine: the native command `confine`, under this name too."""

from __future__ import annotations

from process_hardening import domain

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from typing import NoReturn

HELP = "start a program that cannot read, trace or signal any process outside"
EPILOG = """\
The program may do everything else that it could before. This is the native command `confine`,
which starts faster.

exit status:
  the program's own, or one of these:
  2    wrong usage
  126  the program cannot be started confined; it is never started unconfined
  127  the program was not found
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments to argparse, for the documentation and the completions."""
    import argparse

    parser.epilog = EPILOG
    parser.add_argument(
        "--allow-signals",
        action="store_true",
        help="let it send signals to processes outside: a crash can leave their memory in a core,"
        " and some runtimes show theirs at a signal",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="refuse where the kernel cannot refuse signals, or would refuse to rename files"
        " across folders",
    )
    parser.add_argument(
        "--explain", action="store_true", help="say what is restricted and what is not, then exit"
    )
    parser.add_argument(
        "program", nargs=argparse.REMAINDER, metavar="-- PROGRAM [ARG...]", help="what to start"
    )


def main(arguments: Sequence[str]) -> NoReturn:
    """Become the native command. Raises ConfinementError or CannotProtectError."""
    domain.become(arguments)
