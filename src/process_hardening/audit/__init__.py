"""Audit: who can read the memory of which process, and which host settings allow it.

take() audits processes, doctor() audits the host, and read_process() reads one process without
judging it. Importing this package loads none of the modules that these functions need.
"""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from process_hardening.audit.posture import Posture
    from process_hardening.audit.result import Audit, Diagnosis
    from process_hardening.audit.scan import Snapshot
    from process_hardening.audit.select import Selection

__all__ = ["doctor", "read_process", "take"]


def take(
    *,
    pids: Iterable[int] = (),
    name: str | None = None,
    uid: int | None = None,
    python: bool = False,
    tree: bool = False,
    everything: bool = False,
    excluded_ids: Collection[str] = (),
    excluded_names: Iterable[str] = (),
    known: Collection[str] | None = None,
    known_since: str = "",
    left_out: Collection[int] = (),
    with_ancestors: bool = True,
    seen: Iterable[Posture] = (),
    proc: str = "/proc",
) -> Audit:
    """Audit the processes of this machine once.

    pids ... left_out -- which processes and findings to show: the fields of select.Selection
    with_ancestors -- whether to read the ancestors of pids too: an unhardened process with a
        hardened ancestor has a separate finding (PH014)
    known_since -- when the audit was made that has the known findings
    seen -- postures to reuse while their processes run: only processes without one are read
    proc -- where the proc file system is mounted

    The groups of the result show who can read which secrets, and which command prevents it.

    Raises CommandError if there is no /proc, if no process has one of the pids, if name is not a
    regular expression, and on systems other than Linux.
    """
    from process_hardening.audit.elsewhere import check_system
    from process_hardening.audit.scan import scan
    from process_hardening.audit.select import Selection

    check_system()
    selection = Selection(
        pids=tuple(pids),
        name=name,
        uid=uid,
        python=python,
        tree=tree,
        everything=everything,
        excluded_ids=excluded_ids,
        excluded_names=tuple(excluded_names),
        known=known,
        left_out=frozenset(left_out),
    )
    selection.check()
    believed = tuple(seen)
    if believed:
        snapshot = _scan_others(believed, selection.left_out, proc)
    elif selection.pids and not tree:
        snapshot = _scan_these(selection.pids, with_ancestors, proc)
    else:
        snapshot = scan(left_out=selection.left_out, proc=proc)
    read = {posture.pid for posture in snapshot.processes} | {*snapshot.gone, *selection.left_out}
    _read_more(snapshot, set(selection.pids) - read, proc)  # those that /proc does not list
    audit = _judge(snapshot, selection, proc)
    return audit.replace(known_since=known_since) if known_since else audit


def _judge(snapshot: Snapshot, selection: Selection, proc: str) -> Audit:
    import os
    import time

    from process_hardening.audit.entries import make_entries
    from process_hardening.audit.host import read_rules, user_of
    from process_hardening.audit.reader import find_own_pids
    from process_hardening.audit.result import Audit, list_notes
    from process_hardening.audit.tree import find_lineage
    from process_hardening.errors import CommandError

    gone = tuple(pid for pid in selection.pids if pid in snapshot.gone)
    if selection.pids and not set(selection.pids) - set(gone):
        raise CommandError(f"{', '.join(map(str, selection.pids))}: no such process")
    host = read_rules()
    if selection.name is not None:
        own = find_own_pids(proc)
        ancestors = find_lineage(snapshot.processes, own[-1]) if own else ()
        selection = selection.replace(unread={*own, *ancestors})
    asked_by = os.geteuid()
    as_root = asked_by == 0
    found = selection.narrow(make_entries(snapshot.processes, host, user_of, as_root=as_root))
    entries = selection.drop_known(found)
    shown = {entry.posture.pid for entry in entries} | set(snapshot.stuck)
    notes = list_notes(
        [posture for posture in snapshot.processes if posture.pid in shown],
        host,
        all_users=not selection.pids,
        as_root=as_root,
    )
    notes += tuple(f"process {pid}: no such process" for pid in gone)
    return Audit(
        host=host,
        entries=entries,
        notes=notes,
        gone=gone,
        seconds=snapshot.seconds,
        taken=time.time(),
        scope=selection.describe(),
        asked_by=asked_by,
        is_empty=not found,
        known=() if selection.known is None else tuple(found),
        becomes=_find_user_changer() if as_root else "sudo",
    )


def _find_user_changer() -> str:
    """Return the program with which root can become another user; '' for none."""
    from shutil import which

    if which("sudo"):
        return "sudo"
    return "runuser" if which("runuser") else ""


def _scan_these(pids: tuple[int, ...], with_ancestors: bool, proc: str) -> Snapshot:
    """Read the processes with these pids, and their ancestors."""
    from process_hardening.audit.scan import scan

    snapshot = scan(pids, proc=proc)
    read = {posture.pid for posture in snapshot.processes} | set(snapshot.gone)
    while with_ancestors:
        parents = {p.ppid for p in snapshot.processes if p.ppid} - read
        if not parents:
            break
        read |= parents
        _read_more(snapshot, parents, proc)
    return snapshot


def _read_more(snapshot: Snapshot, pids: Collection[int], proc: str) -> None:
    """Read more processes, and add them to a snapshot."""
    from process_hardening.audit.scan import scan

    if pids:
        more = scan(sorted(pids), proc=proc)
        snapshot.processes += more.processes
        snapshot.gone += more.gone
        snapshot.stuck += more.stuck
        snapshot.seconds += more.seconds


def _scan_others(seen: tuple[Posture, ...], left_out: Collection[int], proc: str) -> Snapshot:
    """Reuse the postures of processes that are still running, and read all others."""
    from process_hardening.audit.procfiles import list_pids
    from process_hardening.audit.scan import scan

    inodes = list_pids(proc)  # a process that has none may be another one
    kept = [one for one in seen if one.inode is not None and inodes.get(one.pid) == one.inode]
    snapshot = scan(left_out={*left_out, *(posture.pid for posture in kept)}, proc=proc)
    snapshot.processes = sorted([*kept, *snapshot.processes], key=lambda posture: posture.pid)
    return snapshot


def doctor(postures: Iterable[Posture] | None = None) -> Diagnosis:
    """Audit the settings of this host once.

    postures -- of all processes, to find any that can read others; default: read them now

    Raises CommandError if there is no /proc, and on systems other than Linux.
    """
    from process_hardening.audit.elsewhere import check_system
    from process_hardening.audit.host import read_host
    from process_hardening.audit.result import Diagnosis
    from process_hardening.audit.rules.model import HostCase
    from process_hardening.audit.rules.tables import judge_host
    from process_hardening.audit.scan import scan

    check_system()
    processes = scan().processes if postures is None else postures
    host = read_host()
    return Diagnosis(host=host, checks=judge_host(HostCase(host=host, postures=tuple(processes))))


def read_process(pid: int) -> Posture:
    """Read the posture of one process.

    Raises CommandError if there is no such process or no /proc, and on systems other than Linux.
    """
    from process_hardening.audit.elsewhere import check_system
    from process_hardening.audit.reader import read_posture

    check_system()
    return read_posture(pid)
