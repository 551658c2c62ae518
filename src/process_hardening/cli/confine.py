"""process-hardening confine: run the native command `confine`."""

from __future__ import annotations

from process_hardening import domain
from process_hardening.errors import CommandError

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

HELP = "start a program that cannot read, trace or signal other processes"
EPILOG = """\
This command runs the native command `confine`, which starts faster
when called directly.

exit status:
  the program's own, or one of these:
  2    usage error
  126  the program cannot be started confined; it is never started unconfined
  127  the program was not found
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to the parser, for the documentation and the completions."""
    import argparse

    parser.epilog = EPILOG
    parser.add_argument(
        "--allow-signals",
        action="store_true",
        help="allow signals to other processes, which can disclose memory: a crash leaves a"
        " core, and some runtimes dump their memory on a signal",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="refuse to start if the kernel cannot block signals or would block renaming files"
        " across directories",
    )
    parser.add_argument(
        "--explain",
        action="store_true",
        help="test the restrictions, print what is blocked, and exit",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="with --explain: print JSON with stable keys",
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    parser.add_argument(
        "program",
        nargs=argparse.REMAINDER,
        metavar="-- PROGRAM [ARG...]",
        help="the program to start",
    )


def main(arguments: Sequence[str]) -> int:
    """Become the native command, or print the output of its --explain as JSON.

    Returns an exit status in the latter case. Raises ConfinementError or CommandError.
    """
    from itertools import takewhile

    options = list(takewhile(lambda word: word.startswith("-") and word != "--", arguments))
    if "--json" not in options:
        domain.become(arguments)
    if "--explain" not in options:
        problem = "--json requires --explain"
        raise CommandError(f"confine: {problem}; see `process-hardening help confine`")
    import signal

    from process_hardening.cli.facts import parse_facts, write_facts

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # if it is ignored, the status is lost
    rest = [word for word in options if word != "--json"] + list(arguments[len(options) :])
    status, text = domain.explain(rest)
    if not status:
        write_facts(parse_facts(text), as_json=True)
    return status
