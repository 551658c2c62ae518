"""Selects the processes that an audit shows, and their findings. Pure."""

from __future__ import annotations

import re

from process_hardening.audit.entries import Entry
from process_hardening.audit.programs import program_of
from process_hardening.audit.result import KNOWN_LEFT_OUT
from process_hardening.audit.tree import walk_tree
from process_hardening.errors import CommandError, hide_value
from process_hardening.record import Record
from process_hardening.terminal import shorten

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from process_hardening.audit.posture import Posture


class Selection(Record):
    """Which processes and findings an audit includes.

    pids -- only these processes; with tree, their descendants too; default: all
    name -- a regular expression that must match the process name, the program or the arguments
    uid -- only processes of this user
    python -- only processes that run Python
    tree -- whether the processes are ordered as a tree
    everything -- include kernel threads and zombies, which are omitted unless their pid is given
    excluded_ids -- findings to omit; excluded_names -- process names to omit, as regular
        expressions
    left_out -- pids to omit; these processes are not even read, unless pids selects them
    unread -- pids whose arguments are not matched against name: those of the caller, whose own
        arguments contain name
    known -- fingerprints of findings to omit, along with processes that have no other findings

    A process that could not be read may be one of them, so it is included: without it, the audit
    would claim to be complete.
    """

    pids: tuple[int, ...] = ()
    name: str | None = None
    uid: int | None = None
    python: bool = False
    tree: bool = False
    everything: bool = False
    excluded_ids: Collection[str] = ()
    excluded_names: tuple[str, ...] = ()
    left_out: Collection[int] = ()
    unread: Collection[int] = ()
    known: Collection[str] | None = None

    def _includes(self, posture: Posture) -> bool:
        if not (self.everything or posture.has_memory or posture.pid in self.pids):
            return False
        if posture.pid in self.left_out:
            return False
        if self.uid is not None and posture.uid not in (self.uid, None):
            return False
        if self.name is not None and not self._is_named(posture, self.name):
            return _is_unread(posture, "exe")
        if self.python and not posture.runs_python:
            return _is_unread(posture, "python")
        return _has_no_name(posture) or not any(
            re.search(pattern, posture.name) for pattern in self.excluded_names
        )

    def _is_named(self, posture: Posture, pattern: str) -> bool:
        program = program_of(posture)
        names = [posture.name, program.words, program.name, program.script_name]
        if posture.pid not in self.unread:
            names.append(" ".join(posture.arguments))
        return any(re.search(pattern, name) for name in names)

    def check(self) -> None:
        """Raise CommandError for an invalid regular expression."""
        for pattern in (*self.excluded_names, *((self.name,) if self.name is not None else ())):
            try:
                re.compile(pattern)
            except re.error as error:
                # The reason may quote a part of the pattern, and so of a value.
                where = f"error at position {error.pos}" if "=" in pattern else error
                raise CommandError(f"{pattern!r} is not a regular expression: {where}") from None
            except (OverflowError, RecursionError):
                problem = "a regular expression with too large a number, or nested too deeply"
                shown = shorten(repr(hide_value(pattern)), 40)
                raise CommandError(f"{shown}: {problem}") from None

    def narrow(self, entries: Iterable[Entry]) -> list[Entry]:
        """Return the entries of the selected processes, including known findings."""
        chosen = list(entries)
        if self.excluded_ids:
            chosen = [_without(entry, self.excluded_ids) for entry in chosen]
        if self.pids:
            wanted = _find_descendants(chosen, self.pids) if self.tree else self.pids
            chosen = [entry for entry in chosen if entry.posture.pid in wanted]
        return [entry for entry in chosen if self._includes(entry.posture)]

    def drop_known(self, chosen: list[Entry]) -> tuple[Entry, ...]:
        """Return the entries in order, without known findings."""
        if self.known is not None:
            chosen = _drop_known(chosen, self.known)
        return _order_as_tree(chosen) if self.tree else tuple(chosen)

    def describe(self) -> tuple[str, ...]:
        """Return the options that narrow the audit, as on the command line."""
        given = [str(pid) for pid in self.pids]
        if self.name is not None:
            given.append(f"--name {self.name}")
        if self.uid is not None:
            given.append(f"--user {self.uid}")
        if self.python:
            given.append("--python")
        excluded = (*sorted(self.excluded_ids), *self.excluded_names)
        given += [f"--exclude {word}" for word in excluded]
        if self.known is not None:
            given.append(KNOWN_LEFT_OUT)
        return tuple(given)


def _has_no_name(posture: Posture) -> bool:
    """Return whether nothing at all is known of a process that could not be read."""
    return bool(posture.problem) and not posture.name


def _is_unread(posture: Posture, field: str) -> bool:
    """Return whether a field is missing because the process could not be read."""
    is_missing = getattr(posture, field) is None and field not in posture.protected
    return _has_no_name(posture) or (bool(posture.problem) and is_missing)


def _without(entry: Entry, ids: Collection[str]) -> Entry:
    return entry.replace(findings=tuple(f for f in entry.findings if f.id not in ids))


def _order_as_tree(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Return the entries in tree order, with their depth."""
    by_pid = {entry.posture.pid: entry for entry in entries}
    walk = walk_tree(entry.posture for entry in by_pid.values())
    return tuple(by_pid[posture.pid].replace(depth=depth) for depth, posture in walk)


def _find_descendants(entries: Iterable[Entry], pids: Collection[int]) -> set[int]:
    """Return these pids and those of their descendants."""
    wanted = set(pids)
    for _, posture in walk_tree(entry.posture for entry in entries):
        if posture.ppid in wanted or (posture.ppid is None and _has_no_name(posture)):
            wanted.add(posture.pid)
    return wanted


def _drop_known(entries: Iterable[Entry], known: Collection[str]) -> list[Entry]:
    """Keep only new findings, and only the processes that have any."""
    kept = []
    for entry in entries:
        new = tuple(f for f in entry.findings if entry.fingerprint(f) not in known)
        if new or _has_no_name(entry.posture):  # what is known may be another process
            kept.append(entry.replace(findings=new))
    return kept
