"""confined(), popen_confined(), confine() and confinement()."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import process_hardening as ph
import starts
import support

PARENT = "cat /proc/$PPID/environ"
VALUE = "value-0123456789"
PROGRAMS = Path(__file__).with_name("programs")
ATTACKED_BY_CHILD = f"{PROGRAMS}/attacked_by_child.py"


def test_the_kernel_of_the_tests_confines() -> None:
    kernel = ph.confinement()
    assert kernel, kernel.reason
    assert kernel.landlock >= 1
    assert kernel.refuses_signals == (kernel.landlock >= 6)
    assert kernel.covers_threads == (kernel.landlock >= 8)


def test_without_landlock_the_reason_is_given(python: str) -> None:
    filtered = starts.refusing("landlock_create_ruleset=EOPNOTSUPP")
    output = support.run_as_user([*filtered, python, f"{PROGRAMS}/print_confinement.py"]).stdout
    assert output.startswith("False landlock_create_ruleset failed")
    assert "lsm=" in output


def test_confined_gives_arguments_for_subprocess() -> None:
    result = support.run(ph.confined(["sh", "-c", PARENT]))
    assert (result.returncode, result.stdout) == (1, "")
    assert support.run(ph.confined([Path("/bin/echo"), "--strict"])).stdout == "--strict\n"


def test_confined_gives_arguments_for_asyncio() -> None:
    async def run() -> int:
        process = await asyncio.create_subprocess_exec(
            *ph.confined(["sh", "-c", PARENT]), stderr=subprocess.DEVNULL
        )
        return await process.wait()

    assert asyncio.run(run()) == 1


def test_confined_passes_its_options_on() -> None:
    assert ph.confined(["true"], allow_signals=True, strict=True)[1:] == [
        *("--allow-signals", "--strict", "--", "true"),
    ]


@pytest.mark.parametrize("wrong", ["ls -l", b"ls"])
def test_confined_refuses_a_text(wrong: Any) -> None:
    with pytest.raises(TypeError, match="a list"):
        ph.confined(wrong)


@pytest.mark.parametrize("start", [ph.confined, ph.popen_confined])
def test_an_empty_list_is_refused(start: Callable[..., object]) -> None:
    with pytest.raises(ValueError, match="name a program"):
        start([])


@pytest.mark.parametrize("start", [ph.confined, ph.popen_confined])
@pytest.mark.parametrize("words", [["a\0b"], ["true", "a\0b"], [Path("a\0b")]], ids=repr)
def test_nul_bytes_are_refused(start: Callable[..., object], words: list[str]) -> None:
    with pytest.raises(ValueError, match="NUL"):
        start(words)


def attack_parent(python: str, start: str) -> list[str]:
    """Start a child that attacks its parent; returns a line for each thread and attack."""
    env = {"SECRET": VALUE, "PATH": "/usr/bin:/bin"}
    result = support.run_as_user([python, ATTACKED_BY_CHILD, start], env=env)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout.splitlines()


def test_a_child_gets_nothing_from_any_thread_of_its_parent(python: str) -> None:
    free = dict(line.split(" ", 1) for line in attack_parent(python, "subprocess.Popen"))
    confined = attack_parent(python, "popen_confined")

    leaks = {name for name, got in free.items() if VALUE in got}
    assert leaks == {"mem", "environ", "process_vm_readv"}
    assert {name for name, got in free.items() if got == "done"} == free.keys() - leaks
    assert {line.split()[0] for line in confined} == free.keys()
    refusals = (f" errno {errno.EPERM}", f" errno {errno.EACCES}")
    assert [line for line in confined if not line.endswith(refusals)] == []


def test_two_confined_children_get_nothing_from_each_other() -> None:
    with ph.popen_confined(["sleep", "60"]) as server:
        argv = ["kill", str(server.pid)]
        assert ph.popen_confined(argv, stderr=subprocess.DEVNULL).wait() == 1
        server.kill()


def test_popen_confined_returns_a_popen_and_takes_its_options(tmp_path: Path) -> None:
    read, write = os.pipe()
    pipe = subprocess.PIPE
    script = f'pwd; echo "$NAME"; cat; echo passed >/dev/fd/{write}; ps -o sid= -p $$'
    env = {"NAME": "value", "PATH": "/usr/bin:/bin"}
    process = ph.popen_confined(
        ["sh", "-c", script],
        stdin=pipe,
        stdout=pipe,
        text=True,
        cwd=tmp_path,
        env=env,
        pass_fds=[write],
        start_new_session=True,
    )
    os.close(write)
    output, _ = process.communicate("hello\n")

    assert isinstance(process, subprocess.Popen)
    assert output.split() == [str(tmp_path), "value", "hello", str(process.pid)]
    assert process.returncode == 0
    with open(read) as file:
        assert file.read() == "passed\n"


def test_popen_confined_passes_the_commands_options_on() -> None:
    script = ["sh", "-c", "kill -0 $PPID"]
    assert ph.popen_confined(script, stderr=subprocess.DEVNULL).wait() == 1
    assert ph.popen_confined(script, allow_signals=True).wait() == 0


@pytest.mark.parametrize("option", [{"shell": True}, {"executable": "/bin/sh"}], ids=str)
def test_popen_confined_refuses_options_that_start_something_else(option: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=next(iter(option))):
        ph.popen_confined(["echo", "started"], **option)


def test_popen_confined_ends_with_the_statuses_of_the_command(capfd: Any) -> None:
    assert ph.popen_confined(["no-such-program"]).wait() == 127
    assert "no-such-program" in capfd.readouterr().err


def test_this_process_stops_what_it_started_confined() -> None:
    process = ph.popen_confined(["sleep", "60"])
    process.terminate()
    assert process.wait() == -signal.SIGTERM


def test_popen_confined_starts_nothing_where_the_kernel_cannot_confine(python: str) -> None:
    script = "import process_hardening as ph; ph.popen_confined(['echo', 'started']).wait()"
    result = support.run_as_user([*starts.refusing("seccomp=EINVAL"), python, "-c", script])
    assert result.stdout == ""
    assert "seccomp(SECCOMP_SET_MODE_FILTER) failed" in result.stderr


def test_after_a_fork_programs_are_confined_too(python: str) -> None:
    assert support.run_as_user([python, f"{PROGRAMS}/confine_after_fork.py"]).stdout == "1\n"


def test_a_hardened_process_starts_confined_programs_and_stays_hardened(python: str) -> None:
    output = support.run_as_user([python, f"{PROGRAMS}/harden_and_confine_child.py"]).stdout
    assert output.startswith("7\n")
    assert "Seccomp:\t0" in output


def test_confine_is_refused_while_threads_run_and_changes_nothing(python: str) -> None:
    if ph.confinement().covers_threads:
        pytest.skip("this kernel confines all threads")
    output = support.run_as_user([python, f"{PROGRAMS}/confine_with_thread.py"]).stdout
    assert output.startswith("refused 126 threads are already running")
    assert "NoNewPrivs:\t0" in output


def test_importing_and_hardening_loads_nothing_of_this(python: str) -> None:
    program = [python, str(starts.PROGRAMS / "loaded_modules.py")]
    call = "import process_hardening as ph; ph.pre_main_hardening()"
    loaded = support.run_as_user([*program, call]).stdout.split()
    assert "process_hardening" in loaded
    assert not [name for name in loaded if "domain" in name or "_confine" in name]
