"""Hardens the monitor before anything else is loaded, then starts it.

Only the core may be imported at the top of this file.
"""

from __future__ import annotations

import os
import sys
from types import SimpleNamespace

import process_hardening as ph

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

HELP = "monitor which processes can read the memory of others"
EPILOG = """\
The bottom of the screen shows the most important keys; press ? for all keys. The monitor hardens
itself before anything else, and never changes another process.

exit status:
  0    the user quit
  2    usage or internal error, no terminal, or textual is not installed
  5    the process could not be made non-inspectable
  6    a debugger is attached
  7    the core limit could not be lowered
  8    the environment could not be cleaned
  128  plus the number of the signal that killed it; SIGALRM if the terminal accepted no output
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the monitor and return the exit status."""
    ph.pre_main_hardening()

    from process_hardening.errors import CommandError, hide_values
    from process_hardening.terminal import complain, complain_of_bug

    words = sys.argv[1:] if arguments is None else arguments
    try:
        return run(_parse(words))
    except CommandError as error:
        error.args = (hide_values(str(error), words),)
        complain(error)
        return error.exit_code
    except Exception as error:
        return complain_of_bug(error, "tui", words)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments to the parser."""
    from process_hardening.parser import PrintVersion

    parser.epilog = EPILOG
    parser.add_argument(
        "--interval",
        metavar="SECONDS",
        help="time between updates, 0.5 to 3600; default: 2, or more if updates are slow",
    )
    parser.add_argument(
        "--ascii",
        action="store_true",
        help="draw with ASCII characters only; the default if the locale is not UTF-8",
    )
    parser.add_argument("--version", action=PrintVersion)


def _parse(arguments: Sequence[str]) -> argparse.Namespace | SimpleNamespace:
    """Return the options. Raises CommandError; exits after --help and --version."""
    if not arguments:
        # Importing argparse takes as long as starting Python.
        return SimpleNamespace(interval=None, ascii=False)
    import argparse

    from process_hardening.parser import Parser

    parser = Parser(
        prog="process-hardening-tui",
        description=HELP[0].upper() + HELP[1:] + ".",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_arguments(parser)
    return parser.parse_args(arguments)


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    from process_hardening.errors import CommandError

    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0.5 <= seconds <= 3600:
        raise CommandError(f"--interval {text}: give seconds from 0.5 to 3600")
    return seconds


def run(options: argparse.Namespace | SimpleNamespace) -> int:
    """Run the monitor in this hardened process and return the exit status.

    Raises CommandError.
    """
    interval = _seconds(options.interval)
    _check()
    late = _start_again()

    from process_hardening.errors import USAGE_ERROR
    from process_hardening.tui.app import WatchApp
    from process_hardening.tui.ascii import needs_ascii
    from process_hardening.tui.machine import Machine

    app = WatchApp(Machine(), interval, late, options.ascii or needs_ascii(os.environ))
    app.run()
    # After an exception, textual prints the traceback, and its code is 1.
    return USAGE_ERROR if app.return_code == 1 else app.return_code or 0


def _check() -> None:
    """Raise CommandError if textual or a terminal is missing."""
    from importlib.util import find_spec

    from process_hardening.errors import CommandError

    if find_spec("textual") is None:
        raise CommandError("textual is not installed: python -m pip install 'textual>=8'")
    for name, stream in (("input", sys.stdin), ("output", sys.stdout), ("error", sys.stderr)):
        if stream is None or not stream.isatty():
            raise CommandError(
                f"standard {name} is not a terminal; `process-hardening audit` prints a report"
            )
    if os.environ.get("TERM") == "dumb":
        raise CommandError(
            "the monitor does not work on a dumb terminal (TERM=dumb);"
            " `process-hardening audit` prints a report"
        )


def _start_again() -> str:
    """Become an execute-only image, unless this process already is one or cannot become one.

    Does not use reexec=True, which exits if no image is possible. The monitor holds no secret, so
    it can continue, hardened from the first statement of main(). Returns why there is no image, or
    ''.
    """
    from process_hardening.errors import HardeningError
    from process_hardening.launch.reexec import is_born_hardened, start_again, take_marker
    from process_hardening.state import status

    if status().inspectable:
        return ""  # the bypass variable is set, and a warning was printed
    try:
        if take_marker() is None and not is_born_hardened():
            start_again()
    except HardeningError as error:
        return str(error)
    return ""
