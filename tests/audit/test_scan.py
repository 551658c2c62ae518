"""One pass over all processes: nothing that a process does can stop it or make it lie."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest

import support
from process_hardening.audit import scan as module
from process_hardening.audit.reader import NoSuchProcessError, Reader, read_posture
from process_hardening.audit.scan import scan
from process_hardening.errors import CommandError
from zoo import HARDENED, Animal

STATUS = "Name:\t{name}\nState:\tS (sleeping)\nPid:\t{pid}\nPPid:\t{ppid}\nTracerPid:\t0\n" \
    "Uid:\t1\t1\t1\t1\nGid:\t1\t1\t1\t1\nVmSize:\t4 kB\nThreads:\t1\nCapPrm:\t0\nCapEff:\t0\n" \
    "NoNewPrivs:\t0\nSeccomp:\t0\n"  # fmt: skip
LIMITS = """\
Limit                     Soft Limit           Hard Limit           Units
Max core file size        0                    0                    bytes
"""


def add(proc: Path, pid: int, ppid: int = 0, status: str | None = None) -> Path:
    """A process in a made-up /proc."""
    folder = proc / str(pid)
    folder.mkdir()
    text = STATUS.format(name=f"p{pid}", pid=pid, ppid=ppid) if status is None else status
    (folder / "status").write_text(text)
    (folder / "limits").write_text(LIMITS)
    (folder / "maps").write_text("1000-2000 r--p 00000000 fe:00 17    /bin/x\n")
    for name in ("cmdline", "environ"):
        (folder / name).write_text("")
    (folder / "exe").symlink_to("/bin/x")
    (folder / "root").symlink_to("/")
    return folder


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A made-up /proc, which is of another pid namespace than ours."""
    (tmp_path / "self").symlink_to("1")
    return tmp_path


def test_all_of_them(animal: Path) -> None:
    """In ascending order, each once, ourselves among them."""
    with Animal(animal) as one:
        snapshot = scan()
        pids = [posture.pid for posture in snapshot.processes]
        assert pids == sorted(set(pids))
        assert {one.pid, os.getpid()} <= set(pids)
        assert snapshot.stuck == []
        assert snapshot.seconds > 0


def test_all_but_those_that_are_left_out(animal: Path) -> None:
    """An audit leaves itself out: it is hardened, and reading that takes a helper process."""
    with Animal(animal) as one, Animal(animal) as other:
        pids = {posture.pid for posture in scan(left_out=(one.pid,)).processes}
        assert other.pid in pids
        assert one.pid not in pids


def test_nothing_is_left_open(animal: Path) -> None:
    """Descriptors and threads."""
    with Animal(animal, *HARDENED) as one:
        before = set(os.listdir("/proc/self/fd"))
        for _ in range(5):
            scan()
            scan([one.pid, 4194304])
            read_posture(one.pid)
            with pytest.raises(NoSuchProcessError):
                read_posture(4194304)
        assert set(os.listdir("/proc/self/fd")) == before
        assert threading.active_count() == 1


def test_a_hardened_process_is_recognized_if_sigchld_is_ignored(animal: Path) -> None:
    """Root reads its program in a helper process, for which it then cannot wait."""
    harden = support.find_tool("harden")
    with Animal(animal, before=[harden]) as one, support.ignored_sigchld():
        assert read_posture(one.pid).verdict == "hardened"


def test_a_process_that_does_not_answer(proc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named, and the others are read. A pipe that nobody writes to stands for it."""
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    for pid in (10, 11, 12):
        add(proc, pid)
    (proc / "11" / "status").unlink()
    os.mkfifo(proc / "11" / "status")
    try:
        snapshot = scan(proc=str(proc))
    finally:
        os.close(os.open(proc / "11" / "status", os.O_RDWR))  # lets the thread go
    assert snapshot.stuck == [11]
    assert [posture.pid for posture in snapshot.processes] == [10, 11, 12]
    assert snapshot.processes[1].verdict == "unknown"
    assert snapshot.processes[0].name == "p10"
    assert snapshot.processes[2].name == "p12"


@pytest.mark.parametrize(
    "text",
    ["", "\n", "nonsense", "Name:\tx\nUid:\n", "Name:\tx\nUid:\ta b c d\nVmSize:\t1\n",
     "Name:\tx\nTracerPid:\tx\nVmSize:\t1\n", "\x00\xff"],
    ids=repr,
)  # fmt: skip
def test_text_that_the_kernel_never_writes(text: str, proc: Path) -> None:
    """Is unknown, said of that process alone."""
    add(proc, 10, status=text)
    add(proc, 11)
    snapshot = scan(proc=str(proc))
    strange, sound = snapshot.processes
    assert strange.verdict == "unknown"
    assert strange.problem or not strange.has_memory
    assert sound.problem is None
    assert sound.name == "p11"


def test_no_proc_file_system(tmp_path: Path) -> None:
    """An error that says so."""
    for folder in (tmp_path, tmp_path / "missing", Path("/dev/null")):
        with pytest.raises(CommandError, match="mount it"):
            Reader(str(folder))


def test_a_pass_has_an_end(proc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was not read by then is unknown, not missing."""
    add(proc, 10)
    assert scan(proc=str(proc)).processes[0].problem is None
    monkeypatch.setattr(module, "DEADLINE", 0.0)
    snapshot = scan(proc=str(proc))
    assert [(posture.pid, posture.verdict) for posture in snapshot.processes] == [(10, "unknown")]
    assert snapshot.processes[0].problem


def test_a_process_that_cannot_be_started_leaves_nothing_open(build: support.Compiler) -> None:
    """Neither where there are no descriptors left, nor where there may be no more processes."""
    done = support.run_as_user([sys.executable, str(build.folder / "refused_deputy.py")])
    assert (done.returncode, done.stderr) == (0, "")
    assert set(done.stdout.split()) == {"0"}
