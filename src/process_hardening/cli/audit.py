"""process-hardening audit: who can read the memory of which process."""

from __future__ import annotations

import re
import time

from process_hardening import audit
from process_hardening.audit.elsewhere import check_system
from process_hardening.audit.rules import RULES
from process_hardening.audit.rules.model import HIGH, SEVERITIES, rank
from process_hardening.cli.arguments import parse_pid
from process_hardening.errors import FOUND, NOT_KNOWN, CommandError, StoppedError
from process_hardening.files import replace_file
from process_hardening.output import width_and_colour, write
from process_hardening.terminal import complain

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    import argparse
    from types import SimpleNamespace
    from typing import Any

    from process_hardening.audit.result import Audit

    Options = argparse.Namespace | SimpleNamespace

HELP = "list the processes whose memory other processes can read"
NEVER = "never"
EPILOG = f"""\
By default audit shows every process with memory that /proc shows us; --all adds kernel threads and
zombies. Only root sees everything about processes of other users. What the kernel hides from us is
null in JSON and never counts as safe.

--exclude takes the id of a finding (PH004), which is then not reported, or a regular expression
that matches names of processes. --baseline takes the JSON of an earlier audit and leaves out what
that reports already, by finding, user, process name and subject; processes without new findings
are not shown. Severities: {", ".join(SEVERITIES)}, {NEVER}. FILE can be - for standard output.

exit status:
  0  nothing at or above --fail-on
  1  findings at or above --fail-on
  2  wrong usage, no such process, or an internal error
  3  nothing at or above --fail-on, but something could not be seen
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments to argparse."""
    parser.epilog = EPILOG
    parser.add_argument("pids", nargs="*", metavar="PID", help="only these; default: all")
    select = parser.add_argument_group("which processes")
    select.add_argument("--name", metavar="REGEX", help="only those whose name matches")
    select.add_argument("--user", metavar="USER", help="only those of a user, by name or uid")
    select.add_argument("--python", action="store_true", help="only those that run Python")
    select.add_argument("--tree", action="store_true", help="show parents above their children")
    select.add_argument("--all", action="store_true", help="kernel threads and zombies too")
    judge = parser.add_argument_group("which findings")
    add_fail_on(judge)
    judge.add_argument(
        "--exclude", metavar="WHAT", action="append", default=[], help="leave out; repeatable"
    )
    judge.add_argument("--baseline", metavar="FILE", help="report only what is new")
    judge.add_argument("--watch", metavar="SECONDS", help="look repeatedly, until Ctrl-C")
    formats = parser.add_argument_group("in which form")
    formats.add_argument("--json", action="store_true", help="print JSON instead of the table")
    formats.add_argument(
        "--openmetrics", metavar="FILE", help="write metrics for node_exporter's textfile collector"
    )


def add_fail_on(group: argparse._ActionsContainer) -> None:
    """Describe --fail-on to argparse."""
    group.add_argument(
        "--fail-on",
        metavar="SEVERITY",
        choices=(*SEVERITIES, NEVER),
        default=HIGH,
        help=f"exit with 1 at this severity or above; default: {HIGH}",
    )


def _check_pattern(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise CommandError(f"{pattern!r} is no regular expression: {error}") from None
    return pattern


def _find_uid(user: str) -> int:
    import pwd

    if user.isascii() and user.isdigit():
        if int(user) < 2**32 - 1:  # chown(2) takes the greatest for "unchanged": nobody has it
            return int(user)
        raise CommandError(f"{user}: no such user")
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        raise CommandError(f"{user!r}: no such user") from None


def _parse_interval(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0.1 <= seconds <= 86400:
        raise CommandError(f"--watch {text}: give seconds from 0.1 to 86400")
    return seconds


def _split_excluded(excluded: list[str]) -> tuple[frozenset[str], tuple[str, ...]]:
    """The ids of findings and the names of processes among the words of --exclude."""
    ids = frozenset(word for word in excluded if re.fullmatch(r"PH\d{3}", word))
    if "" in excluded:
        raise CommandError("--exclude: an empty expression would leave out every process")
    for word in sorted(ids - set(RULES)):
        raise CommandError(f"--exclude {word}: there is no such finding")
    return ids, tuple(_check_pattern(word) for word in excluded if word not in ids)


def _read_baseline(path: str) -> frozenset[str]:
    import json

    from process_hardening.audit.select import known_from

    try:
        with open(path, encoding="utf-8") as file:
            return known_from(json.load(file))
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise CommandError(f"{path}: no baseline: {error}") from None


def _selection_of(options: Options) -> dict[str, Any]:
    """The arguments of audit.take() that the command line asks for. Raises CommandError."""
    excluded_ids, excluded_names = _split_excluded(options.exclude)
    return {
        "pids": [parse_pid(pid) for pid in options.pids],
        "name": None if options.name is None else _check_pattern(options.name),
        "uid": None if options.user is None else _find_uid(options.user),
        "python": options.python,
        "tree": options.tree,
        "everything": options.all,
        "excluded_ids": excluded_ids,
        "excluded_names": excluded_names,
        "known": None if options.baseline is None else _read_baseline(options.baseline),
    }


def _report(result: Audit, options: Options) -> None:
    if options.openmetrics is not None:
        from process_hardening.audit.render import openmetrics

        text = openmetrics.render(result)
        if options.openmetrics == "-":
            write(text)
        else:
            replace_file(options.openmetrics, text)
    if options.json:
        from process_hardening.audit.render import json as as_json

        write(as_json.render(as_json.audit_as_dict(result), options.watch is not None))
    elif options.openmetrics != "-":
        from process_hardening.audit.render import text as as_text

        width, coloured = width_and_colour()
        if options.watch is not None and width is not None:
            write("\x1b[H\x1b[2J" + time.strftime("%H:%M:%S"))
        write(as_text.render_audit(result, width, coloured))


def exit_status_of(worst: str | None, fail_on: str, is_complete: bool) -> int:
    """1 for a finding at or above fail_on, 3 when something could not be seen, else 0."""
    if worst is not None and fail_on != NEVER and rank(worst) >= rank(fail_on):
        return FOUND
    return 0 if is_complete else NOT_KNOWN


def run(options: Options) -> int:
    """Look, judge, report; returns 0 clean, 1 findings, 3 incomplete."""
    check_system()
    selection = _selection_of(options)
    interval = _parse_interval(options.watch)
    if options.json and options.openmetrics == "-":
        raise CommandError("standard output can have one form only: name a file for the other")
    try:
        while True:
            result = audit.take(**selection)
            _report(result, options)
            for pid in result.gone:
                complain(CommandError(f"{pid}: no such process"))
            if interval is None:
                break
            time.sleep(interval)
    except KeyboardInterrupt:
        raise StoppedError("stopped") from None
    return exit_status_of(result.worst(), options.fail_on, result.is_complete)
