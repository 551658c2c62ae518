"""process-hardening audit: find out who can read the memory of which process."""

from __future__ import annotations

import re
import sys
import time

from process_hardening import audit, harden
from process_hardening.audit.elsewhere import check_system
from process_hardening.audit.posture import LAST_UID
from process_hardening.audit.rules.model import HIGH, SEVERITIES, rank
from process_hardening.cli.arguments import check_files_differ, parse_file_name, parse_pid
from process_hardening.cli.saved import read_audit, read_json, tell_written, write_to
from process_hardening.errors import (
    FOUND,
    NOT_KNOWN,
    CommandError,
    NotKnownError,
    hide_value,
)
from process_hardening.output import width_and_colour, write
from process_hardening.terminal import complain, shorten

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    import argparse
    from types import SimpleNamespace
    from typing import Any

    from process_hardening.audit.result import Audit
    from process_hardening.audit.saved import Comparison, Saved

    Options = argparse.Namespace | SimpleNamespace

HELP = "list programs whose secrets other programs can read, and the commands that protect them"
NEVER = "never"
USAGE = """\
process-hardening audit [OPTION...] [PID...]
       process-hardening audit merge FILE... [--html FILE] [--json]"""
EPILOG = f"""\
The report groups processes by user, program and reason. Readable processes that hold secrets come
first, each with the command that protects it. With --long, --all, --tree or PIDs, the report has
one row per process instead. Only root sees the secrets of other users' processes. Values that
the kernel hides from the audit are null in JSON and never count as safe. The audit hardens itself
and omits itself.

--name is a regular expression that is matched against the program, the process name (comm) and
the arguments. --exclude takes the id of a finding (PH004) to suppress, or a regular expression
that matches process names. --baseline takes the JSON of an earlier audit and reports only new
findings, compared by id, user, process name and subject; processes without new findings are not
shown. --compare takes the JSON of an earlier audit of this host, made with the same options by
the same user, and prints what got better and worse. FILE can be - for standard output. With a FILE
for --html or --openmetrics, no report is printed unless --long or --all requests it.
Severities: {", ".join(SEVERITIES)}, {NEVER}.

`process-hardening audit merge FILE... --html FILE` combines the JSON of several audits into one
page, or with --json into one document.

exit status:
  0  no findings at or above --fail-on; with --compare: nothing got worse
  1  findings at or above --fail-on; with --compare: something got worse
  2  usage error, none of the PIDs exists, a FILE that cannot be compared, or an internal error
  3  nothing matched, or no findings at or above --fail-on but something could not be read or
     one of several PIDs does not exist
  130  interrupted by Ctrl-C

exit status of `audit merge`:
  0  the page was written, or the document was printed
  2  usage error, or a FILE that is not an audit or is from another version
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to the parser."""
    parser.usage = USAGE
    parser.epilog = EPILOG
    parser.add_argument("pids", nargs="*", metavar="PID", help="only these processes; default: all")
    select = parser.add_argument_group("which processes")
    select.add_argument("--name", metavar="REGEX", help="only matching programs")
    select.add_argument("--user", metavar="USER", help="only processes of this user (name or uid)")
    select.add_argument("--python", action="store_true", help="only processes that run Python")
    select.add_argument("--tree", action="store_true", help="show parents above their children")
    select.add_argument(
        "--all", action="store_true", help="include kernel threads and zombies; implies --long"
    )
    judge = parser.add_argument_group("which findings")
    add_fail_on(judge)
    judge.add_argument(
        "--exclude",
        metavar="WHAT",
        action="append",
        default=[],
        help="omit a finding or matching processes; repeatable",
    )
    judge.add_argument(
        "--baseline", metavar="FILE", type=parse_file_name, help="report only new findings"
    )
    judge.add_argument(
        "--compare", metavar="FILE", type=parse_file_name, help="print what got better and worse"
    )
    judge.add_argument("--watch", metavar="SECONDS", help="repeat until Ctrl-C")
    formats = parser.add_argument_group("output formats")
    formats.add_argument("--long", action="store_true", help="print one row per process")
    formats.add_argument("--json", action="store_true", help="print JSON with stable keys")
    formats.add_argument(
        "--html",
        metavar="FILE",
        type=parse_file_name,
        nargs="?",
        const="-",
        help="write a sortable page; default: -",
    )
    formats.add_argument(
        "--openmetrics",
        metavar="FILE",
        type=parse_file_name,
        help="write metrics for node_exporter's textfile collector",
    )


def add_fail_on(group: argparse._ActionsContainer) -> None:
    """Add --fail-on to the parser."""
    group.add_argument(
        "--fail-on",
        metavar="SEVERITY",
        choices=(*SEVERITIES, NEVER),
        help=f"exit with 1 for findings of this severity or above; default: {HIGH}",
    )


def _find_uid(user: str) -> int:
    import pwd

    if user.isascii() and user.isdigit():
        if len(user) <= len(str(LAST_UID)) and int(user) <= LAST_UID:
            return int(user)
        raise CommandError(f"{shorten(user, 40)}: no such user")
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        raise CommandError(f"{hide_value(user)!r}: no such user") from None


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
    """Split the values of --exclude into ids of findings and names of processes."""
    ids = [word for word in excluded if re.fullmatch(r"(?i:PH)\d+", word)]
    if "" in excluded:
        raise CommandError("--exclude: an empty expression would omit every process")
    if ids:
        from process_hardening.audit.rules.tables import RULES, suggest_id
    for word in ids:
        if word.upper() not in RULES:
            raise CommandError(f"--exclude {word}: no such finding{suggest_id(word)}")
    names = tuple(word for word in excluded if word not in ids)
    return frozenset(word.upper() for word in ids), names


def _read_baseline(path: str) -> dict[str, Any]:
    from process_hardening.audit.saved import read_known

    try:
        known, since = read_known(read_json(path))
        return {"known": known, "known_since": since}
    except ValueError as error:
        raise CommandError(f"{path}: {error}") from None


def _compare(result: Audit, before: Saved, path: str) -> Comparison:
    from process_hardening.audit.render.json import audit_as_dict
    from process_hardening.audit.saved import check_comparable, compare, read_saved

    after = read_saved(audit_as_dict(result))
    try:
        check_comparable(before, after)
    except ValueError as error:
        raise CommandError(f"{path}: cannot be compared: {error}") from None
    return compare(before, after)


def _selection_of(options: Options) -> dict[str, Any]:
    """Convert the command line into arguments for audit.take(). Raises CommandError."""
    from process_hardening.audit.reader import find_own_pids

    excluded_ids, excluded_names = _split_excluded(options.exclude)
    return {
        "pids": [parse_pid(pid) for pid in options.pids],
        "name": options.name,
        "uid": None if options.user is None else _find_uid(options.user),
        "python": options.python,
        "tree": options.tree,
        "everything": options.all,
        "excluded_ids": excluded_ids,
        "excluded_names": excluded_names,
        "left_out": find_own_pids()[:1],
        **({} if options.baseline is None else _read_baseline(options.baseline)),
    }


def _report(result: Audit, options: Options, comparison: Comparison | None) -> bool:
    """Write and print the audit. Return whether the terminal was cleared."""
    _write_files(result, options, comparison)
    if options.json:
        from process_hardening.audit.render import json as as_json

        document = as_json.audit_as_dict(result)
        if comparison is not None:
            document["comparison"] = as_json.comparison_as_dict(comparison)
        write(as_json.render(document, options.watch is not None))
        return False
    if not _prints_report(result, options):
        return False
    width, coloured = width_and_colour()
    is_cleared = options.watch is not None and sys.stdout is not None and sys.stdout.isatty()
    if is_cleared:
        write("\x1b[H\x1b[2J" + time.strftime("%H:%M:%S"))
    write(_render(result, options, comparison, width, coloured))
    return is_cleared


def _wants_screen(options: Options) -> bool:
    """Return whether to print a report as well.

    A log must not get one uninvited: it shows the arguments of programs.
    """
    if "-" in (options.openmetrics, options.html):
        return False
    if options.html is not None or (options.openmetrics is not None and not options.compare):
        return bool(options.long or options.all)
    return True


def _prints_report(result: Audit, options: Options) -> bool:
    """Return whether a report is printed. If nothing matched, _complain() says so instead."""
    is_wanted = not options.json and _wants_screen(options)
    return is_wanted and not (result.is_empty and result.scope)


def _render(
    result: Audit,
    options: Options,
    comparison: Comparison | None,
    width: int | None,
    coloured: bool,
) -> str:
    from process_hardening.audit.render import screen

    if comparison is not None:
        return screen.render_comparison(comparison, width, coloured)
    fail_on = None if options.fail_on == NEVER else options.fail_on or HIGH
    if options.long or options.all or options.tree or options.pids:
        from process_hardening.audit.render import text

        return text.render_audit(result, width, coloured, fail_on)
    return screen.render_screen(result, width, coloured, fail_on)


def _write_files(result: Audit, options: Options, comparison: Comparison | None) -> None:
    if options.openmetrics is not None:
        from process_hardening.audit.render import openmetrics

        write_to(options.openmetrics, openmetrics.render(result))
    if options.html is not None:
        from process_hardening.audit.render import html
        from process_hardening.audit.render.json import audit_as_dict
        from process_hardening.audit.saved import read_saved

        page = html.render_audit(read_saved(audit_as_dict(result)), comparison)
        write_to(options.html, page)


def _check_forms(options: Options) -> None:
    """Raise CommandError if two formats go to one place, or if --html got a pid as FILE."""
    if [options.json, options.openmetrics == "-", options.html == "-"].count(True) > 1:
        raise CommandError("only one format can go to standard output: name a file for the other")
    check_files_differ(options, "openmetrics", "html")
    if options.html is not None and options.html.isdigit():
        raise CommandError(f"--html {options.html}: name a file, or put --html after the pids")


def exit_status_of(worst: str | None, fail_on: str | None, is_complete: bool) -> int:
    """Return 1 for a finding at or above fail_on, 3 if something could not be read, else 0.

    fail_on -- the value of --fail-on; None: it was not given
    """
    if worst is not None and fail_on != NEVER and rank(worst) >= rank(fail_on or HIGH):
        return FOUND
    return 0 if is_complete else NOT_KNOWN


def _status_of(result: Audit, options: Options, comparison: Comparison | None) -> int:
    if result.is_empty:
        return NOT_KNOWN
    if comparison is None:
        return exit_status_of(result.worst(), options.fail_on, result.is_complete)
    if comparison.worse and options.fail_on != NEVER:
        return FOUND
    return 0 if result.is_complete else NOT_KNOWN


def run(options: Options) -> int:
    """Audit and report. Return 0 (clean), 1 (findings) or 3 (incomplete, or no match)."""
    if options.pids[:1] == ["merge"]:
        from process_hardening.cli import merge

        return merge.run(options)
    check_system()
    selection = _selection_of(options)
    interval = _parse_interval(options.watch)
    _check_forms(options)
    before = None if options.compare is None else read_audit(options.compare)
    harden()
    said: tuple[str, ...] | None = None
    while True:
        result = audit.take(**selection)
        comparison = _compare(result, before, str(options.compare)) if before else None
        is_cleared = _report(result, options, comparison)
        if said is None:
            tell_written(options.openmetrics, options.html)
        said = _complain(result, options, () if said is None or is_cleared else said)
        if interval is None:
            break
        time.sleep(interval)
    return _status_of(result, options, comparison)


def _complain(result: Audit, options: Options, said: tuple[str, ...]) -> tuple[str, ...]:
    """Print to standard error what was requested but does not exist, except for what was said.

    A report of processes lists those that do not exist itself. Returns all that applies.
    """
    is_listed = _prints_report(result, options) and options.compare is None
    gone = () if is_listed else result.gone
    errors: list[CommandError] = [CommandError(f"{pid}: no such process") for pid in gone]
    if result.is_empty and result.scope:
        asked = " ".join(result.scope)
        errors.append(
            NotKnownError(f"nothing matched {asked}; `process-hardening audit` shows all programs")
        )
    for error in errors:
        if str(error) not in said:
            complain(error)
    return tuple(map(str, errors))
