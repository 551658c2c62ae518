"""After hardening: what stays in force, what is lost, and that life goes on."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import support
import victims
from programs.lifetime import SCENES
from victims import METHODS, Chat, find_command, make_chat_argv


def read_memory(pid: int, victim: Chat, programs: Path) -> str:
    """Read the key of a victim through /proc/PID/mem, as its own user."""
    argv = [sys.executable, str(programs / "attack.py"), "mem", str(pid), str(victim.address)]
    result = support.run_as_user([*argv, str(len(victim.key))], errors="replace")
    return result.stdout + result.stderr


@pytest.mark.parametrize("method", METHODS)
def test_a_fork_child_stays_hardened(method: str, chat: str, programs: Path) -> None:
    """A child that goes on with the same program is as closed as its parent."""
    with (
        Chat(make_chat_argv("plain", chat)) as control,
        Chat(make_chat_argv(method, chat)) as victim,
    ):
        child = int(control.ask("/fork"))
        assert child != control.pid
        assert control.key in read_memory(child, control, programs), "inconclusive"

        child = int(victim.ask("/fork"))
        assert child != victim.pid
        assert victims.read_core_limit(child) == "0 0 bytes"
        assert victim.key not in read_memory(child, victim, programs)
        assert victim.still_works()
        assert victim.ask("/harden") == "already in place"


@pytest.mark.parametrize("method", [*METHODS, "THREADS"])
def test_all_threads_are_hardened(method: str, chat: str, programs: Path) -> None:
    """Threads from before and after the call, which itself may come from any thread."""
    with (
        Chat(make_chat_argv("plain", chat)) as control,
        Chat(make_chat_argv(method, chat)) as victim,
    ):
        for thread in control.ask("/thread").split():
            assert control.key in read_memory(int(thread), control, programs), "inconclusive"

        threads = victim.ask("/thread").split()
        assert len(threads) == (3 if method == "THREADS" else 2)
        for thread in threads:
            assert victim.key not in read_memory(int(thread), victim, programs)
        assert victim.still_works()


def test_a_child_program_keeps_the_limit_and_the_environment_only(programs: Path) -> None:
    """The documented price: exec makes it dumpable again; cores and loader variables stay off."""
    env = {**os.environ, "LD_DEBUG_OUTPUT": "/none", "LD_LIBRARY_PATH": "/none"}
    argv = [str(programs / name) for name in ("harden_and_start.py", "print_status.py")]
    result = support.run_as_user([sys.executable, *argv], env=env)
    verdict, child, environ = result.stdout.split("\n", 2)
    assert verdict == "hardened"
    assert "inspectable=True" in child
    assert "core_limit=(0, 0)" in child
    assert "loader_variables=()" in child
    assert "LD_" not in environ
    assert "PATH=" in environ


@pytest.mark.parametrize("value", ["0", "1", "2"])
def test_setuid_afterwards_can_undo_it(
    value: str, chat: str, programs: Path, suid_dumpable: support.Sysctl
) -> None:
    """A change of the user sets dumpable to fs.suid_dumpable: status() tells, harden() repairs."""
    support.require_root()
    suid_dumpable.set(value)
    with Chat(make_chat_argv("DROP", chat), user=0, group=0) as victim:
        status = victim.ask("/status")
        assert f"inspectable={value == '1'}, dumpable={value}," in status
        assert (victim.key in read_memory(victim.pid, victim, programs)) == (value == "1")

        assert victim.ask("/harden") == ("already in place" if value == "0" else "applied")
        assert "inspectable=False, dumpable=0," in victim.ask("/status")
        assert victim.key not in read_memory(victim.pid, victim, programs)
        assert victim.still_works()


PROTECTIONS = ("PRE_MAIN", "REEXEC", "STRICT", "execute-only", "preload", "in-process")


def scene_argv(how: str, scene: str, program: str) -> list[str]:
    """How to play a scene under a protection: a name of programs/lifetime.py or a method of run."""
    if how.isupper():
        return [sys.executable, program, how, scene]
    return [find_command(), "run", "--method", how, "--", program, "PLAIN", scene]


@pytest.mark.parametrize("scene", SCENES)
def test_a_program_goes_on_as_before(scene: str, programs: Path) -> None:
    """What a program does all day has the same result under every protection."""

    def play(how: str) -> tuple[int, str, str]:
        argv = scene_argv(how, scene, str(programs / "lifetime.py"))
        result = support.run_as_user(argv, cwd="/")
        return result.returncode, result.stdout, result.stderr

    with ThreadPoolExecutor(max_workers=2) as threads:  # much of a scene is waiting
        control, *results = threads.map(play, ("PLAIN", *PROTECTIONS))
    status, output, errors = control
    assert (status, errors) == (0, "")
    assert len(output) > len("None\n")
    assert dict(zip(PROTECTIONS, results, strict=True)) == dict.fromkeys(PROTECTIONS, control)


@pytest.mark.parametrize(
    ("start", "inspectable"), [("fork", False), ("spawn", True), ("forkserver", True)]
)
def test_multiprocessing_children(start: str, inspectable: bool, programs: Path) -> None:
    """Forked workers stay hardened; spawned ones are new programs, and must harden themselves."""
    result = support.run_as_user([sys.executable, str(programs / "workers.py"), start])
    assert ast.literal_eval(result.stdout) == [inspectable], result.stderr


LOST = ("environ", "auxv", "mem", "io", "syscall", "personality", "pagemap")
"""What a process that is not root's cannot read of itself any more."""


def test_what_a_hardened_process_loses_on_itself(programs: Path) -> None:
    """The documented price, and no more than that: docs/compatibility.md lists it."""
    names = [*LOST, "status", "stat", "limits", "cmdline", "maps", "smaps", "ns/user"]
    read = [sys.executable, str(programs / "read_self.py")]
    assert support.run_as_user([*read, "plain", *names]).stdout == ""
    assert support.run_as_user([*read, "hardened", *names]).stdout.split() == list(LOST)


def test_a_pipeline_ends_as_it_should(chat: str) -> None:
    """End of input ends a hardened program, and its reader sees all of its output."""
    argv = make_chat_argv("execute-only", chat)
    result = subprocess.run(
        argv, input="key\nmessage\none\ntwo\n", capture_output=True, text=True, check=False
    )
    lines = result.stdout.splitlines()
    assert (result.returncode, lines[0], lines[2:]) == (0, "STARTED", ["echo: one", "echo: two"])
