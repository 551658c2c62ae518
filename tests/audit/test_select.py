"""Which processes an audit shows, their order, their ancestors, and what a baseline leaves out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from process_hardening.audit.core_dumps import core_rules_of
from process_hardening.audit.entries import Entry, make_entries
from process_hardening.audit.host import Host
from process_hardening.audit.posture import Posture
from process_hardening.audit.saved import read_known
from process_hardening.audit.select import Selection
from process_hardening.audit.tree import find_hardened_ancestors, walk_tree

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "audit.md"
HOST = Host(core=core_rules_of("core", False, (6, 18)))


def process(pid: int, name: str, **fields: Any) -> Posture:
    """An exposed process of user 1000, but for these fields."""
    known: dict[str, Any] = {
        "ppid": 1,
        "uid": 1000,
        "dumpable": 1,
        "inspectable": True,
        "core_limit": (0, 0),
        "tracer_pid": 0,
        "loader_variables": (),
        "injected_libraries": (),
        "other_user_namespace": False,
        "python": "",
    }
    return Posture(pid=pid, name=name, **{**known, **fields})


def hardened(pid: int, name: str, **fields: Any) -> Posture:
    """A hardened process."""
    return process(pid, name, dumpable=0, inspectable=False, **fields)


MACHINE = (
    process(1, "init", ppid=0, uid=0),
    hardened(10, "agent", ppid=1),
    process(11, "python3", ppid=10, python="3.12"),
    process(12, "sh", ppid=11),
    process(20, "python-worker", ppid=1, python=None),
    process(30, "dead", ppid=1, kind="zombie", dumpable=None, inspectable=None),
)


def choose(postures: tuple[Posture, ...] = MACHINE, **fields: Any) -> tuple[Entry, ...]:
    """The entries of a selection on a machine."""
    selection = Selection(**fields)
    return selection.drop_known(selection.narrow(make_entries(postures, HOST, str)))


def names(**fields: Any) -> list[str]:
    """The names of the processes that a selection shows."""
    return [entry.posture.name for entry in choose(**fields)]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ["init", "agent", "python3", "sh", "python-worker"]),
        ({"everything": True}, ["init", "agent", "python3", "sh", "python-worker", "dead"]),
        ({"pids": (30,)}, ["dead"]),
        ({"pids": (12, 1)}, ["init", "sh"]),
        ({"pids": (99,)}, []),
        ({"pids": (11,), "tree": True}, ["python3", "sh"]),
        ({"name": "^python"}, ["python3", "python-worker"]),
        ({"name": "^python", "excluded_names": ("work",)}, ["python3"]),
        ({"name": "sh|init", "uid": 0}, ["init"]),
        ({"python": True}, ["python3"]),
    ],
    ids=str,
)
def test_the_processes_that_are_shown(fields: dict[str, Any], expected: list[str]) -> None:
    """Each part of a selection narrows it."""
    assert names(**fields) == expected


UNREAD = Posture(pid=60, problem="it kept executing other programs while it was being read")


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "^python"},
        {"uid": 0},
        {"python": True},
        {"pids": (11,), "tree": True},
        {"excluded_names": (".*",)},
        {"known": {entry.fingerprint(f) for entry in choose((UNREAD,)) for f in entry.findings}},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_a_process_that_was_not_read_is_never_left_out(fields: dict[str, Any]) -> None:
    """It may be one that was meant."""
    assert 60 in [entry.posture.pid for entry in choose((*MACHINE, UNREAD), **fields)]
    read = UNREAD.replace(name="other", uid=1000, ppid=1, exe="/bin/other", python="")
    shown = [entry.posture.pid for entry in choose((*MACHINE, read), **fields)]
    assert (60 in shown) is ("known" in fields)


@pytest.mark.parametrize("pattern", ["^gunicorn$", "^python3$", "^python3 gunicorn$", "app:app$"])
def test_name_also_matches_the_script(pattern: str) -> None:
    """The kernel calls the process python3 if harden executes an unreadable interpreter itself."""
    command = "/opt/app/bin/python3\0/opt/app/bin/gunicorn\0app:app\0"
    worker = process(50, "python3", ppid=1, exe="/opt/app/bin/python3", command=command)
    assert 50 in [entry.posture.pid for entry in choose((*MACHINE, worker), name=pattern)]


def test_the_documented_pattern_matches_a_program_that_changed_its_title() -> None:
    """With setproctitle: `^gunicorn$` would match nothing, and a CI job would fail."""
    title = "gunicorn: master [app:app]"
    master = process(50, title[:15], ppid=1, exe="/usr/bin/python3", command=f"{title}\0\0\0")
    (pattern,) = re.findall(r"audit --name '(\S+)' --fail-on low", DOCUMENT.read_text())
    assert 50 in [entry.posture.pid for entry in choose((*MACHINE, master), name=pattern)]


def test_a_tree_shows_parents_above_their_children() -> None:
    """With a depth for each, and what is not shown does not count."""
    shown = choose(tree=True)
    assert [(entry.depth, entry.posture.pid) for entry in shown] == [
        (0, 1),
        (1, 10),
        (2, 11),
        (3, 12),
        (1, 20),
    ]
    assert [entry.depth for entry in choose(tree=True, pids=(11,))] == [0, 1]


def test_pids_that_were_reused_can_look_like_each_others_parents() -> None:
    """Every process is walked once all the same."""
    loop = [(10, 11), (11, 10), (12, 10), (13, 13)]
    postures = [process(pid, f"p{pid}", ppid=ppid) for pid, ppid in loop]
    assert sorted(posture.pid for _, posture in walk_tree(postures)) == [10, 11, 12, 13]


def test_a_deep_tree() -> None:
    """Nothing is recursive: depth does not matter."""
    postures = [process(pid, "p", ppid=pid - 1) for pid in range(1000, 4000)]
    assert [depth for depth, _ in walk_tree(postures)] == list(range(3000))


def test_the_nearest_hardened_ancestor() -> None:
    """A process that is hardened by chance, with a core limit, is no such ancestor."""
    setuid = hardened(40, "sudo", core_limit=(0, 1))
    postures = [*MACHINE, setuid, process(41, "sh", ppid=40)]
    ancestors = find_hardened_ancestors(postures)
    assert {pid: ancestor.pid for pid, ancestor in ancestors.items()} == {11: 10, 12: 10}


def ids(entry: Entry) -> list[str]:
    """The ids of the findings of an entry."""
    return [finding.id for finding in entry.findings]


def test_findings_can_be_excluded() -> None:
    """By their ids; the process is shown all the same."""
    (entry,) = choose(pids=(20,), excluded_ids={"PH001"})
    assert ids(entry) == []
    (entry,) = choose(pids=(20,))
    assert ids(entry) == ["PH001"]


def test_a_baseline_leaves_out_what_it_knows() -> None:
    """Known findings of another pid are left out; new ones of a known process are not."""
    known = {entry.fingerprint(finding) for entry in choose() for finding in entry.findings}
    assert choose(known=known) == ()
    worse = process(77, "sh", core_limit=(0, 1), ppid=11)
    shown = choose((*MACHINE[:3], worse), known=known)
    assert [(entry.posture.pid, ids(entry)) for entry in shown] == [(77, ["PH004"])]


@pytest.mark.parametrize(
    "document",
    [None, 3, [], {}, {"schema": 1}, {"schema": 2, "processes": []}, {"schema": 1, "processes": 3},
     {"schema": 1, "processes": [{}]}, {"schema": 1, "processes": [{"findings": [{}]}]}],
    ids=str,
)  # fmt: skip
def test_a_document_that_is_no_audit(document: object) -> None:
    """Is refused as a baseline."""
    with pytest.raises(ValueError, match="not"):
        read_known(document)
