"""confined(), popen_confined(), ConfinedStarter, confine() and confinement()."""

from __future__ import annotations

import asyncio
import errno
import json
import signal
import subprocess
from pathlib import Path

import pytest

import process_hardening as ph
import starts
import support

PARENT = "cat /proc/$PPID/environ"
THREADS = """
import threading, process_hardening as ph
threading.Thread(target=threading.Event().wait, daemon=True).start()
try:
    ph.confine()
except ph.ConfinementError as error:
    print("refused", error.exit_code, error)
print(open("/proc/self/status").read())
"""
HARDENED = """
import subprocess, process_hardening as ph
ph.pre_main_hardening()
print(ph.popen_confined(["sh", "-c", "exit 7"]).wait())
print(open("/proc/self/status").read())
"""
AFTER_FORK = """
import os, process_hardening as ph
ph.popen_confined(["true"]).wait()
if not os.fork():
    print(ph.popen_confined(["cat", f"/proc/{os.getppid()}/environ"], stderr=-3).wait(), flush=True)
    os._exit(0)
os.wait()
"""


def test_the_kernel_of_the_tests_confines() -> None:
    kernel = ph.confinement()
    assert kernel, kernel.reason
    assert kernel.landlock >= 1
    assert kernel.refuses_signals == (kernel.landlock >= 6)
    assert kernel.covers_threads == (kernel.landlock >= 8)


def test_without_landlock_the_reason_is_given(python: str) -> None:
    script = "import process_hardening as ph; k = ph.confinement(); print(bool(k), k.reason)"
    filtered = starts.refusing("landlock_create_ruleset=EOPNOTSUPP")
    output = support.run_as_user([*filtered, python, "-c", script]).stdout
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
def test_confined_refuses_a_text(wrong: str) -> None:
    with pytest.raises(TypeError, match="a list"):
        ph.confined(wrong)


def test_confined_refuses_an_empty_list() -> None:
    with pytest.raises(ValueError, match="needs a program"):
        ph.confined([])


def test_popen_confined_returns_a_popen_and_takes_its_options() -> None:
    process = ph.popen_confined(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert isinstance(process, subprocess.Popen)
    assert process.communicate("hello") == ("hello", None)
    assert process.returncode == 0


def test_popen_confined_raises_what_popen_raises() -> None:
    with pytest.raises(FileNotFoundError):
        ph.popen_confined(["no-such-program"])


def test_this_process_stays_as_it_is() -> None:
    """Only the thread that starts programs is confined."""
    assert ph.popen_confined(["sh", "-c", PARENT], stderr=subprocess.DEVNULL).wait() == 1
    pipe = subprocess.PIPE
    env = {"OUTSIDE": "here"}
    with subprocess.Popen(["cat"], env=env, stdin=pipe, stdout=pipe, bufsize=0) as outside:
        assert outside.stdin is not None
        assert outside.stdout is not None
        outside.stdin.write(b"x")
        outside.stdout.read(1)  # now it runs: its environment is not there before
        environment = Path(f"/proc/{outside.pid}/environ").read_text()
        outside.kill()
    assert "OUTSIDE=here" in environment


def test_this_process_stops_what_it_started_confined() -> None:
    process = ph.popen_confined(["sleep", "60"])
    process.terminate()
    assert process.wait() == -signal.SIGTERM


def test_what_one_starter_starts_shares_a_domain() -> None:
    with ph.ConfinedStarter() as starter:
        server = starter.popen(["sleep", "60"])
        assert starter.popen(["kill", str(server.pid)]).wait() == 0
        assert server.wait() == -signal.SIGTERM


def test_two_starters_have_domains_of_their_own() -> None:
    with ph.ConfinedStarter() as starter, ph.ConfinedStarter() as other:
        server = starter.popen(["sleep", "60"])
        assert other.popen(["kill", str(server.pid)], stderr=subprocess.DEVNULL).wait() == 1
        server.kill()
        assert server.wait() == -signal.SIGKILL


def test_a_starter_may_allow_signals() -> None:
    with ph.ConfinedStarter(allow_signals=True) as starter:
        assert starter.popen(["sh", "-c", "kill -0 $PPID"]).wait() == 0


def test_a_starter_that_cannot_confine_starts_nothing(python: str) -> None:
    script = """
import process_hardening as ph
try:
    ph.popen_confined(["echo", "started"])
except ph.ConfinementError as error:
    print(error.errno, error)
"""
    filtered = starts.refusing("seccomp=EINVAL")
    output = support.run_as_user([*filtered, python, "-c", script]).stdout
    assert output.startswith(f"{errno.EINVAL} seccomp(SECCOMP_SET_MODE_FILTER) failed")


def test_after_a_fork_programs_are_confined_too(python: str) -> None:
    assert support.run_as_user([python, "-c", AFTER_FORK]).stdout == "1\n"


def test_a_hardened_process_starts_confined_programs_and_stays_hardened(python: str) -> None:
    output = support.run_as_user([python, "-c", HARDENED]).stdout
    assert output.startswith("7\n")
    assert "Seccomp:\t0" in output


def test_confine_is_refused_while_threads_run_and_changes_nothing(python: str) -> None:
    if ph.confinement().covers_threads:
        pytest.skip("this kernel confines all threads")
    output = support.run_as_user([python, "-c", THREADS]).stdout
    assert output.startswith("refused 126 threads run already")
    assert "NoNewPrivs:\t0" in output


def test_importing_and_hardening_loads_nothing_of_this(python: str) -> None:
    script = (
        "import sys, json, process_hardening as ph; ph.pre_main_hardening();"
        "print(json.dumps([n for n in sys.modules if 'domain' in n or '_confine' in n]))"
    )
    assert json.loads(support.run_as_user([python, "-c", script]).stdout) == []


def test_the_errors_of_a_confined_function_come_back() -> None:
    with ph.ConfinedStarter() as starter, pytest.raises(ZeroDivisionError):
        starter.call(lambda: 1 // 0)
