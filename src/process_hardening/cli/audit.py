"""process-hardening audit: the posture of every process, or of some."""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from types import SimpleNamespace

from process_hardening.errors import CommandError
from process_hardening.files import replace_file
from process_hardening.output import width_and_colour, write
from process_hardening.audit import select as model
from process_hardening.audit.host import Host, read_rules, user_of
from process_hardening.audit.reader import Posture
from process_hardening.audit.rules.registry import HIGH, REGISTRY, SEVERITIES
from process_hardening.audit.scan import Snapshot, check_system, scan
from process_hardening.terminal import complain

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    from collections.abc import Callable, Collection

HELP = "say of every process who can read its memory and where a crash would put it"
NEVER = "never"
EPILOG = f"""\
By default every process with memory is shown that /proc shows us; --all adds kernel threads and
zombies. What belongs to others is seen in full by root alone; what the kernel keeps from us is
null in JSON and never taken for safe.

--exclude takes the id of a finding (PH004), which then is not reported, or a regular expression
that names processes. --baseline takes the JSON of an earlier audit: what it already reports, by
finding, user, process name and subject, is left out, and processes without anything new are not
shown. Severities: {", ".join(SEVERITIES)}, {NEVER}. FILE may be - for standard output.

exit status:
  0 nothing at or above --fail-on; 1 there is; 3 nothing, but something could not be told;
  2 usage, no such process, or internal error
"""

_NOT_FOUND = 2
_INCOMPLETE = 3


class InterruptedWatchError(CommandError):
    """The user stopped it."""

    exit_code = 130


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
    judge.add_argument(
        "--fail-on",
        metavar="SEVERITY",
        choices=(*SEVERITIES, NEVER),
        default=HIGH,
        help=f"exit with 1 from this severity on; default: {HIGH}",
    )
    judge.add_argument(
        "--exclude", metavar="WHAT", action="append", default=[], help="leave out; repeatable"
    )
    judge.add_argument("--baseline", metavar="FILE", help="report only what is new")
    judge.add_argument("--watch", metavar="SECONDS", help="look again and again; Ctrl-C ends it")
    formats = parser.add_argument_group("in which form")
    formats.add_argument("--json", action="store_true", help="print JSON, in place of the table")
    formats.add_argument("--sarif", metavar="FILE", help="write SARIF 2.1.0")
    formats.add_argument(
        "--anchor",
        metavar="FILE",
        default="README.md",
        help="the file of the repository at which SARIF shows the results; default: README.md",
    )
    formats.add_argument("--junit", metavar="FILE", help="write JUnit XML")
    formats.add_argument(
        "--openmetrics", metavar="FILE", help="write metrics for node_exporter's textfile collector"
    )


def _number(text: str, what: str) -> int:
    digits = text.isascii() and text.isdigit() and len(text) <= len(str(1 << 31))
    if not digits or not 0 < int(text) < 1 << 31:
        raise CommandError(f"{text!r} is no {what}")
    return int(text)


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise CommandError(f"{pattern!r} is no regular expression: {error}") from None


def _uid_of(user: str) -> int:
    import pwd

    if user.isascii() and user.isdigit():
        if int(user) < 2**32 - 1:  # the greatest is nobody's: chown(2) takes it for "as it is"
            return int(user)
        raise CommandError(f"{user}: no such user")
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        raise CommandError(f"{user!r}: no such user") from None


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0.1 <= seconds <= 86400:
        raise CommandError(f"--watch {text}: give seconds from 0.1 to 86400")
    return seconds


class Query:
    """What is asked for; checked before anything is read. Raises CommandError."""

    def __init__(self, options: argparse.Namespace | SimpleNamespace) -> None:
        self.pids = [_number(pid, "process id: give a number, as ps prints it")
                     for pid in options.pids]  # fmt: skip
        self.name = None if options.name is None else _compiled(options.name)
        self.uid = None if options.user is None else _uid_of(options.user)
        self.python: bool = options.python
        self.tree: bool = options.tree
        self.all: bool = options.all
        self.fail_on: str | None = None if options.fail_on == NEVER else options.fail_on
        excluded = [what for what in options.exclude if re.fullmatch(r"PH\d{3}", what)]
        if "" in options.exclude:
            raise CommandError("--exclude: an empty expression would leave out every process")
        for what in excluded:
            if what not in REGISTRY:
                raise CommandError(f"--exclude {what}: there is no such finding")
        self.excluded_ids = frozenset(excluded)
        self.excluded_names = [
            _compiled(what) for what in options.exclude if what not in self.excluded_ids
        ]
        self.known = None if options.baseline is None else _baseline(options.baseline)

    def _wants(self, posture: Posture) -> bool:
        if not (self.all or posture.has_memory or posture.pid in self.pids):
            return False
        if self.name and not self.name.search(posture.name):
            return False
        if self.uid is not None and posture.uid != self.uid:
            return False
        if self.python and not posture.runs_python:
            return False
        return not any(pattern.search(posture.name) for pattern in self.excluded_names)

    def answer(self, snapshot: Snapshot, host: Host) -> model.Audit:
        """The audit that was asked for, of what was seen."""
        entries = model.make_entries(snapshot.processes, host, user_of)
        for entry in entries:
            entry.findings = [f for f in entry.findings if f.id not in self.excluded_ids]
        if self.pids and self.tree:
            entries = model.descendants_of(entries, self.pids)
        elif self.pids:
            entries = [entry for entry in entries if entry.posture.pid in self.pids]
        entries = [entry for entry in entries if self._wants(entry.posture)]
        if self.known is not None:
            entries = model.drop_known(entries, self.known)
        if self.tree:
            entries = model.as_tree(entries)
        audit = model.Audit(host, entries, snapshot.seconds)
        audit.gone = tuple(pid for pid in self.pids if pid in snapshot.gone)
        seen = Snapshot()
        wanted = {entry.posture.pid for entry in entries} | set(snapshot.stuck)
        seen.processes = [p for p in snapshot.processes if p.pid in wanted]
        uid = os.geteuid()
        all_users = not self.pids
        audit.notes = model.notes_of(seen, host, all_users, uid == 0)
        audit.notes += [f"process {pid} has ended" for pid in audit.gone]
        return audit


def _baseline(path: str) -> set[str]:
    import json

    try:
        with open(path, encoding="utf-8") as file:
            return model.known_from(json.load(file))
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise CommandError(f"{path}: no baseline: {error}") from None


def _look(query: Query) -> Snapshot:
    """Read what is needed: all processes, or some and their ancestors, which give or take."""
    if not query.pids or query.tree:
        return scan()
    snapshot = scan(query.pids)
    read = {posture.pid for posture in snapshot.processes} | set(snapshot.gone)
    while True:
        parents = {p.ppid for p in snapshot.processes if p.ppid} - read
        if not parents:
            return snapshot
        read |= parents
        more = scan(sorted(parents))
        snapshot.processes += more.processes
        snapshot.stuck += more.stuck
        snapshot.seconds += more.seconds


def take_audit(query: Query) -> model.Audit:
    """Look at the machine once. Raises CommandError."""
    snapshot = _look(query)
    audit = query.answer(snapshot, read_rules())
    if query.pids and not set(query.pids) - set(audit.gone):
        gone = ", ".join(map(str, query.pids))
        raise CommandError(f"{gone}: no such process")
    return audit


def _deliver(path: str, text: str) -> None:
    if path == "-":
        write(text)
    else:
        replace_file(path, text)


def _report(
    audit: model.Audit, options: argparse.Namespace | SimpleNamespace, query: Query
) -> None:
    files: dict[str, tuple[str | None, Callable[[], str]]] = {
        "sarif": (options.sarif, lambda: _sarif(audit, options.anchor)),
        "junit": (options.junit, lambda: _junit(audit, query.fail_on)),
        "openmetrics": (options.openmetrics, lambda: _openmetrics(audit)),
    }
    to_stdout = False
    if options.json + [path for path, _ in files.values()].count("-") > 1:
        raise CommandError("standard output can be one form only: name a file for the others")
    for path, render in files.values():
        if path is not None:
            _deliver(path, render())
            to_stdout = to_stdout or path == "-"
    if options.json:
        from process_hardening.audit.render import json as audit_json

        write(audit_json.render(audit_json.audit_as_dict(audit), options.watch is not None))
    elif not to_stdout:
        from process_hardening.audit.render import text as audit_text

        width, coloured = width_and_colour()
        if options.watch is not None and width is not None:
            write("\x1b[H\x1b[2J" + time.strftime("%H:%M:%S"))
        write(audit_text.render_audit(audit, width, coloured))


def _sarif(audit: model.Audit, anchor: str) -> str:
    from process_hardening.audit.render import json as audit_json
    from process_hardening.audit.render import sarif

    return audit_json.render(sarif.as_dict(audit, anchor))


def _junit(audit: model.Audit, fail_on: str | None) -> str:
    from process_hardening.audit.render import junit as audit_junit

    return audit_junit.render(audit, fail_on)


def _openmetrics(audit: model.Audit) -> str:
    from process_hardening.audit.render import openmetrics

    return openmetrics.render(audit)


def status_of(severities: Collection[str], fail_on: str | None, is_complete: bool) -> int:
    """The exit status: 1 for something at or above fail_on, 3 for incomplete, 0."""
    if fail_on is not None:
        bar = SEVERITIES.index(fail_on)
        if any(SEVERITIES.index(severity) >= bar for severity in severities):
            return 1
    return 0 if is_complete else _INCOMPLETE


def run(options: argparse.Namespace | SimpleNamespace) -> int:
    """Look, judge, report; returns 0 clean, 1 findings, 3 incomplete."""
    check_system(sys.platform)
    query = Query(options)
    interval = _seconds(options.watch)
    try:
        while True:
            audit = take_audit(query)
            _report(audit, options, query)
            for pid in audit.gone:
                complain(CommandError(f"{pid}: no such process"))
            if interval is None:
                break
            time.sleep(interval)
    except KeyboardInterrupt:
        raise InterruptedWatchError("stopped") from None
    worst = audit.worst()
    return status_of([worst] if worst else [], query.fail_on, audit.is_complete)
