"""process-hardening verify: attack hardened victims and an unhardened control."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace

from process_hardening.cli.arguments import check_files_differ, parse_file_name, parse_pid
from process_hardening.errors import CommandError, StoppedError
from process_hardening.files import read_text, replace_file
from process_hardening.output import USUAL_WIDTH, read_width, width_and_colour, write
from process_hardening.table import table
from process_hardening.verify import (
    BROKEN_VICTIMS,
    BUILT_IN,
    SAMPLES,
    TOOL,
    VICTIMS,
    Attack,
    Progress,
    Verification,
    find_attacks,
    list_attacks,
    verify,
    verify_confined,
    verify_process,
    verify_program,
)
from process_hardening.verify.conclusion import Comparison, Earlier, compare, read_earlier
from process_hardening.verify.render import evidence, text
from process_hardening.verify.render import json as json_report

HELP = "attack hardened victims and an unhardened control on this machine"
EPILOG = f"""\
An attack counts as blocked only if the same attack got a secret from the control in the same run
and both victim and control still respond afterwards. No report contains a secret or the value of
a variable.

If you are root, victims and attackers run as an unprivileged user or, with --pid, as the user of
the process. Root's own processes can only be attacked with --as-root-without-ptrace.

victims:
  {", ".join(VICTIMS)};
  broken on purpose, to show what a failure looks like: {", ".join(BROKEN_VICTIMS)}

  Without --victim, variants of an attack run only against {", ".join(SAMPLES)}.

exit status:
  0    every attack that leaked from the control was blocked, except for documented limits (*)
  1    a secret leaked from a hardened victim
  2    usage or internal error
  3    inconclusive: an attack did not leak from the control (external tools do not count), a
       victim did not start or respond, the program is hardened even when started plainly, or the
       runtime of a running process discloses its memory, which only a harmful attack can prove
  127  no such program
  130  interrupted by Ctrl-C
"""

_STOPPED = "stopped; nothing is left running"
_SHORTEST_CANARY = 8
_LONGEST_CANARY = 1 << 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to the parser."""
    parser.epilog = EPILOG
    parser.add_argument(
        "--attack",
        metavar="NAME",
        action="append",
        default=[],
        help="only this attack (repeatable)",
    )
    parser.add_argument(
        "--victim",
        metavar="NAME",
        action="append",
        default=[],
        help="only this victim (repeatable)",
    )
    parser.add_argument(
        "--built-in", action="store_true", help="only attacks that need no external tool"
    )
    parser.add_argument(
        "--confined",
        action="store_true",
        help="attack an unhardened victim, or PROGRAM, from a confined attacker",
    )
    parser.add_argument("--pid", metavar="PID", help="attack a running process without harming it")
    parser.add_argument(
        "--canary",
        metavar="TEXT",
        help="a secret in the memory of the program or process; - reads it from standard input",
    )
    parser.add_argument(
        "--junit", metavar="FILE", type=parse_file_name, help="also write the results as JUnit XML"
    )
    parser.add_argument(
        "--html", metavar="FILE", type=parse_file_name, help="also write the results as HTML"
    )
    parser.add_argument(
        "--evidence",
        metavar="DIR",
        type=parse_file_name,
        help="write a dated record of the run to this directory",
    )
    parser.add_argument(
        "--compare",
        metavar="FILE",
        type=parse_file_name,
        help="also report what got better or worse since FILE, written by --json or --evidence",
    )
    parser.add_argument("--list", action="store_true", help="list the attacks and exit")
    parser.add_argument("--json", action="store_true", help="print JSON with stable keys")
    parser.add_argument(
        "--as-root-without-ptrace",
        action="store_true",
        help="attack as root without CAP_SYS_PTRACE, as in a container, not as an ordinary user",
    )
    parser.add_argument(
        "program",
        nargs=argparse.REMAINDER,
        metavar="-- PROGRAM [ARG...]",
        help="attack this program, started plainly and with each method of `run`; its standard"
        " input is empty",
    )


def _select_attacks(options: argparse.Namespace | SimpleNamespace) -> tuple[Attack, ...]:
    if options.attack:
        return find_attacks(options.attack)
    return list_attacks((BUILT_IN,) if options.built_in else (BUILT_IN, TOOL))


def _write_list(attacks: tuple[Attack, ...], as_json: bool) -> None:
    if as_json:
        write(json_report.render_list(attacks))
        return
    rows = [
        (attack.name, attack.kind, attack.summary, attack.find_missing() or "yes")
        for attack in attacks
    ]
    width, _ = width_and_colour()
    write(table(("attack", "kind", "what it does", "possible here"), rows, width))


class _ProgressLine:
    """Shows the progress of a verification and the estimated time left, on standard error."""

    def __init__(self) -> None:
        self._begin = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        per_attempt = (time.monotonic() - self._begin) / max(progress.done, 1)
        left = (progress.total - progress.done) * per_attempt
        line = (
            f"[{progress.done}/{progress.total}] about {left:.0f} s left;"
            f" {progress.attack}: {progress.victim}"
        )
        columns = read_width(2) or USUAL_WIDTH
        sys.stderr.write(f"\r\x1b[K{line[: columns - 1]}")
        sys.stderr.flush()


def _read_earlier(path: str) -> Earlier:
    """Return an earlier verification. Raises CommandError."""
    try:
        document = json.loads(read_text(path))
    except CommandError as error:
        raise CommandError(f"--compare: {error}") from None
    except (ValueError, RecursionError):
        problem = "not JSON: name a file that --json wrote"
        raise CommandError(f"--compare: {path}: {problem}") from None
    try:
        return read_earlier(document)
    except CommandError as error:
        raise CommandError(f"--compare: {path}: {error}") from None


class _EndedError(BaseException):
    """A signal ends this program. Not an Exception, which could be caught on the way."""


@contextmanager
def _die_after_clean_up() -> Iterator[None]:
    """Let SIGTERM and SIGHUP stop what runs in the block, like Ctrl-C, before they take effect."""

    def stop(number: int, _frame: object) -> None:
        for each in handled:
            signal.signal(each, signal.SIG_IGN)  # the clean-up runs once
        raise _EndedError(number)

    numbers = (signal.SIGTERM, signal.SIGHUP)
    handled = [number for number in numbers if signal.getsignal(number) == signal.SIG_DFL]
    for number in handled:
        signal.signal(number, stop)
    try:
        yield
    except _EndedError as error:
        (number,) = error.args
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        raise StoppedError(_STOPPED) from None  # as PID 1: the signal has no effect
    finally:
        for number in handled:
            signal.signal(number, signal.SIG_DFL)


def _verify(
    options: argparse.Namespace | SimpleNamespace, attacks: tuple[Attack, ...]
) -> Verification:
    is_terminal = sys.stderr is not None and sys.stderr.isatty()
    progress = _ProgressLine() if is_terminal else None
    as_root = options.as_root_without_ptrace
    program = options.program[options.program[:1] == ["--"] :]
    if options.confined and (options.victim or options.pid is not None):
        raise CommandError("--confined cannot be combined with --victim or --pid")
    if options.victim and (program or options.pid is not None):
        raise CommandError("--victim cannot be combined with a program or a process")
    if program and options.pid is not None:
        raise CommandError("name a program or a process, not both")
    if options.canary is not None and not program and options.pid is None:
        raise CommandError("--canary needs a program or a process that holds it")
    canary = _read_canary(options.canary)
    try:
        if options.confined:
            return verify_confined(program, attacks, canary, as_root, progress)
        if program:
            return verify_program(program, attacks, canary, as_root, progress)
        if options.pid is not None:
            return verify_process(parse_pid(options.pid), attacks, canary, as_root, progress)
        return verify(attacks, options.victim or None, as_root, progress)
    except KeyboardInterrupt:
        raise StoppedError(_STOPPED) from None
    finally:
        if is_terminal and sys.stderr is not None:
            sys.stderr.write("\r\x1b[K")


def _read_canary(argument: str | None) -> str | None:
    """Return the text to look for; for '-', read it from standard input.

    Other processes can read an argument, but not standard input.
    """
    canary = argument
    if argument == "-":
        line = sys.stdin.buffer.readline(_LONGEST_CANARY + 1) if sys.stdin else b""
        canary = os.fsdecode(line.removesuffix(b"\n"))  # as Python reads arguments
    if canary is not None and len(canary) < _SHORTEST_CANARY:
        raise CommandError(
            f"--canary: needs at least {_SHORTEST_CANARY} characters to be found reliably"
        )
    if canary is not None and len(canary) > _LONGEST_CANARY:
        raise CommandError(f"--canary: longer than {_LONGEST_CANARY} characters")
    return canary


def _choose_formats(
    options: argparse.Namespace | SimpleNamespace,
) -> dict[str, Callable[[Verification, Comparison | None], str]]:
    """Return the files to write, and what renders each. Raises CommandError.

    The renderers import much, so each is imported only if it is needed.
    """
    check_files_differ(options, "junit", "html")
    renderers: dict[str, Callable[[Verification, Comparison | None], str]] = {}
    if options.junit is not None:
        from process_hardening.verify.render import junit

        renderers[options.junit] = lambda verification, _: junit.render(verification)
    if options.html is not None:
        from process_hardening.verify.render import html

        html.check()
        renderers[options.html] = html.render
    for path in renderers:
        evidence.check_file(path)
    return renderers


def run(options: argparse.Namespace | SimpleNamespace) -> int:
    """Attack and print the results. Return 0 (blocked), 1 (leaked) or 3 (inconclusive)."""
    attacks = _select_attacks(options)
    if options.list:
        _write_list(attacks, options.json)
        return 0
    renderers = _choose_formats(options)
    if options.evidence is not None:
        evidence.check_folder(options.evidence)
    earlier = None if options.compare is None else _read_earlier(options.compare)
    with _die_after_clean_up():
        verification = _verify(options, attacks)
    comparison = compare(earlier, verification) if earlier else None
    for path, render in renderers.items():
        replace_file(path, render(verification, comparison))
    if options.evidence is not None:
        evidence.save_record(options.evidence, verification)
    if options.json:
        write(json_report.render(verification, comparison))
    else:
        write(text.render(verification, *width_and_colour(), comparison))
    return verification.exit_code
