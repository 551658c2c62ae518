"""What process_hardening.audit offers: take(), doctor(), read_process(), and at what price."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import support
from process_hardening import audit
from process_hardening.errors import CommandError
from zoo import HARDENED, Animal

NOBODY = 4194304
"""Above the greatest pid that Linux gives out."""


@pytest.fixture(scope="module")
def loaded(python: str) -> dict[str, list[str]]:
    """The modules that importing audit loads, and those that taking one loads."""
    program = Path(__file__).parent / "programs/loaded_modules.py"
    done = support.run([python, str(program)])
    assert done.returncode == 0, done.stderr
    modules: dict[str, list[str]] = json.loads(done.stdout)
    return modules


def test_importing_the_package_loads_nothing_else(loaded: dict[str, list[str]]) -> None:
    """What take() and doctor() need is loaded when they are called."""
    ours = {name for name in loaded["by_import"] if name.startswith("process_hardening.")}
    # The import system asks the package for the name first, which looks it up in _names.py.
    assert ours == {"process_hardening.audit", "process_hardening._names"}


@pytest.mark.parametrize(
    "module",
    [
        *("argparse", "asyncio", "dataclasses", "hashlib", "inspect", "socket", "subprocess"),
        "typing",
    ],
)
def test_an_audit_does_not_load_what_is_slow(module: str, loaded: dict[str, list[str]]) -> None:
    """Each of them takes longer than reading a machine."""
    assert module not in loaded["by_take"]


def test_take_sees_this_process() -> None:
    """An audit without arguments is of all processes with memory."""
    result = audit.take()
    (own,) = [entry for entry in result.entries if entry.posture.pid == os.getpid()]
    assert own.posture.verdict == "exposed"
    assert result.count_verdicts().total() == len(result.entries)


def test_a_process_is_read_without_its_ancestors(animal: Path) -> None:
    """Then nothing is said of what its ancestors are."""
    support.require_root()
    with Animal(animal, *HARDENED, "fork") as parent:
        (entry,) = audit.take(pids=[parent.pid], with_ancestors=False).entries
        assert (entry.posture.verdict, entry.findings) == ("hardened", ())


def test_a_pid_of_nobody() -> None:
    """It is an error alone, and a note beside another."""
    for read in (lambda: audit.take(pids=[NOBODY]), lambda: audit.read_process(NOBODY)):
        with pytest.raises(CommandError, match=f"{NOBODY}: no such process"):
            read()
    result = audit.take(pids=[NOBODY, os.getpid()])
    assert result.gone == (NOBODY,)
    assert result.notes == (f"process {NOBODY}: no such process",)
    assert not result.is_complete


@pytest.mark.parametrize("is_seen", [False, True], ids=["read", "seen"])
def test_a_pid_of_nobody_is_also_an_error_if_all_processes_are_read(is_seen: bool) -> None:
    """For a tree, or because most postures are reused. A pid that is left out is not looked for."""
    seen = [audit.read_process(os.getpid())] if is_seen else []
    with pytest.raises(CommandError, match=f"{NOBODY}: no such process"):
        audit.take(pids=[NOBODY], tree=True, seen=seen)
    result = audit.take(pids=[NOBODY, os.getpid()], tree=True, seen=seen)
    assert (result.gone, result.is_complete) == ((NOBODY,), False)
    left_out = audit.take(pids=[NOBODY, os.getpid()], tree=True, seen=seen, left_out=[NOBODY])
    assert left_out.gone == ()


def test_a_posture_is_not_reused_for_a_new_process_with_the_same_pid(python: str) -> None:
    """A dead process's verdict says nothing about the next one."""
    support.require_root()
    program = str(Path(__file__).parent / "programs/reuse_pid.py")
    done = support.run(["unshare", "--pid", "--fork", "--mount-proc", python, program])
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["sleep", "tail"]


def test_read_process_agrees_with_the_process(animal: Path) -> None:
    """It is a posture, not yet judged."""
    with Animal(animal, "core=0,7") as one:
        posture = audit.read_process(one.pid)
        assert (posture.dumpable, posture.core_limit) == (one.dumpable, one.core_limit)


def test_doctor_answers_every_question() -> None:
    """About the host and, where they are given, about processes that can read others."""
    diagnosis = audit.doctor(postures=[])
    assert len({check.topic for check in diagnosis.checks}) == len(diagnosis.checks) == 13
