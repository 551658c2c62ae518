"""debuggable(): a way in for the developer, and its end in any case."""

from __future__ import annotations

import math
import secrets
import signal
import sys
from pathlib import Path

import pytest

import process_hardening as ph
import starts
import support
from victims import Console

STATE = "ph.status().inspectable"
OPEN = "window = ph.debuggable(3600); window.__enter__()"
SHUT = "window.__exit__(None, None, None)"


@pytest.fixture
def key(user_tmp: Path) -> Path:
    """A file with a random key."""
    path = user_tmp / "key"
    path.write_text(secrets.token_hex(16))
    path.chmod(0o644)
    return path


def quiet(programs: Path, *before: str) -> Console:
    """A victim whose log nobody has to read."""
    return Console(programs, *before, stderr=None)


@pytest.mark.parametrize("attack", ["mem", "ptrace-attach"])
def test_it_opens_and_shuts(programs: Path, key: Path, attack: str) -> None:
    """An attacker gets nothing before, all within, nothing after."""
    with quiet(programs) as victim:
        where = victim.hold(key, "bytearray")
        victim.do("ph.harden()")
        assert key.read_text() not in victim.attack(attack, where, 32)
        victim.do(OPEN)
        assert key.read_text() in victim.attack(attack, where, 32), "inconclusive"
        victim.do(SHUT)
        assert key.read_text() not in victim.attack(attack, where, 32)
        assert victim.do("ph.status().verdict") == "'hardened'"


def test_a_debugger_can_attach(programs: Path, key: Path) -> None:
    """What it is for: gdb reads the memory of the process within, and not before."""
    gdb = support.find_tool("gdb")
    with quiet(programs) as victim:
        where = victim.hold(key, "bytearray")
        victim.do("ph.harden()")
        argv = [gdb, "-q", "-batch", "-p", str(victim.pid), "-ex", f"x/s {where}"]
        assert key.read_text() not in support.run_as_user(argv).stdout
        victim.do(OPEN)
        assert key.read_text() in support.run_as_user(argv).stdout
        victim.do(SHUT)
        assert key.read_text() not in support.run_as_user(argv).stdout


def test_a_block_that_hangs_is_shut_in_time(programs: Path, key: Path) -> None:
    """Even when no Python code can run any more: seen from outside, as the kernel tells it."""
    argv = [sys.executable, str(programs / "hang_in_window.py"), key.read_text()]
    with support.Running(argv) as victim:
        line = victim.process.stderr
        assert line is not None
        assert "the user can inspect" in line.readline()
        assert "the debug window has expired" in line.readline()
        attack = [sys.executable, str(programs / "attack.py"), "mem", str(victim.pid)]
        got = support.run_as_user([*attack, victim.ready, "32"], errors="replace")
        assert key.read_text() not in got.stdout
        assert got.returncode == 1


def test_the_time_is_over_while_the_block_goes_on(programs: Path) -> None:
    """The block may end later, with nothing to say; another window can be opened at once."""
    with quiet(programs) as victim:
        victim.do("ph.harden()", "window = ph.debuggable(0.05)", "window.__enter__()")
        assert victim.do("becomes(False)") == "True"
        assert victim.do(SHUT, STATE) == "False"
        assert victim.do(OPEN, STATE) == "True"
        assert victim.do(SHUT, STATE) == "False"


def test_the_end_of_an_earlier_window_does_not_shut_a_later_one(programs: Path) -> None:
    """Each has its own time: a later one is open for all of it."""
    with quiet(programs) as victim:
        victim.do("import time", "ph.harden()", "short = ph.debuggable(0.05)")
        victim.do(
            "short.__enter__()", "short.__exit__(None, None, None)", "begin = time.monotonic()"
        )
        victim.do("later = ph.debuggable(0.5)", "later.__enter__()")
        assert victim.do("becomes(False)", "time.monotonic() - begin >= 0.5") == "True"


def test_windows_do_not_nest(programs: Path) -> None:
    """Another, or the same again, is refused, and the first goes on."""
    with quiet(programs) as victim:
        victim.do("ph.harden()", OPEN)
        for again in ("ph.debuggable().__enter__()", "window.__enter__()"):
            assert (
                victim.do(again)
                == "DebugWindowError: a debug window is already open: windows cannot be nested"
            )
        assert victim.do(STATE) == "True"
        assert victim.do(SHUT, STATE) == "False"
        assert victim.do("window.__enter__() is window", STATE) == "True"  # one after the other
        assert victim.do(SHUT, STATE) == "False"


NATIVE = "from process_hardening import _debug_window as window"


def test_a_second_window_under_the_first_is_refused_by_the_lock_too(programs: Path) -> None:
    """Two threads may both have seen that none is open; the first window is shut in time."""
    with quiet(programs) as victim:
        victim.do("import time", NATIVE, "ph.harden()", "window.expose(0.5)")
        assert "Device or resource busy" in victim.do("window.expose(3600)")
        assert victim.do("window.is_open()") == "True"
        shut = "[time.sleep(0.01) for _ in range(3000) if window.is_open()] and None"
        assert victim.do(shut, STATE) == "False"


def test_a_window_that_is_shut_leaves_no_thread(programs: Path) -> None:
    """Also when the next one is open before the thread of the last has looked."""
    with quiet(programs) as victim:
        often = "len([(window.expose(3600), window.shut()) for _ in range(3000)])"
        assert victim.do("import time", NATIVE, "ph.harden()", often) == "3000"
        left = "[time.sleep(0.01) for _ in range(1000) if len(os.listdir('/proc/self/task')) > 1]"
        assert victim.do(f"{left} and None", "len(os.listdir('/proc/self/task'))") == "1"


def test_signals_are_the_programs_own(programs: Path) -> None:
    """One that the program blocks and waits for does not end it through the window's thread."""
    with quiet(programs) as victim:
        victim.do("import signal", "ph.harden()", OPEN)
        victim.do("signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})")
        victim.do("os.kill(os.getpid(), signal.SIGTERM)")
        assert victim.do("int(signal.sigwait({signal.SIGTERM}))") == str(int(signal.SIGTERM))


def test_a_sealed_process_is_not_opened(programs: Path) -> None:
    """By its own policy."""
    with quiet(programs) as victim:
        victim.do("ph.harden(ph.Policy(seal=True))")
        assert victim.do(OPEN).startswith("DebugWindowError: the process is sealed")
        assert victim.do(STATE, "ph._debug_window.is_open()") == "False"


def test_the_kernel_refuses_to_open_it(programs: Path) -> None:
    """A filter that somebody else installed: the call is named, nothing has changed."""
    filtered = starts.refusing("prctl:1=1:EPERM")
    with quiet(programs, *filtered) as victim:
        victim.do("ph.harden()")
        assert "prctl(PR_SET_DUMPABLE, 1) failed" in victim.do(OPEN)
        assert victim.do(STATE, "ph._debug_window.is_open()") == "False"


def test_a_process_that_is_not_hardened_stays_so(programs: Path) -> None:
    """The bypass is for developers: the window has nothing to do, and hardens nothing."""
    with quiet(programs) as victim:
        victim.do(OPEN)
        assert victim.do(SHUT, STATE) == "True"


def test_a_debugger_that_stays_is_told(programs: Path) -> None:
    """It can go on reading, whatever the flag says: an error at the end of the block."""
    with quiet(programs) as victim:
        victim.do("ph.harden()", OPEN)
        trace = [sys.executable, str(programs / "seize.py"), str(victim.pid)]
        with support.Running(trace) as tracer:
            assert tracer.ready == "0"
            answer = victim.do(SHUT)
            assert answer == f"DebugWindowError: process {tracer.pid} is still attached: detach it"
            assert victim.do(STATE) == "False"
        assert victim.do("ph.status().tracer_pid") == "0"


def test_a_fork_child_is_shut_from_its_start(programs: Path) -> None:
    """It has no thread that would shut it; it can open a window of its own."""
    child = f"os._exit({STATE}) if os.fork() == 0 else os.wait()[1]"
    with quiet(programs) as victim:
        victim.do("ph.harden()", OPEN)
        assert victim.do(child) == "0"
        assert victim.do(STATE) == "True"
        own = "os._exit((ph.debuggable(0.05).__enter__(), not becomes(False))[1])"
        assert victim.do(f"{own} if os.fork() == 0 else os.wait()[1]") == "0"
        # A fork of C code, of which Python knows nothing.
        libc_fork = f"os._exit({STATE}) if libc.fork() == 0 else os.wait()[1]"
        assert victim.do(libc_fork) == "0"
        victim.do(SHUT)


def test_a_child_without_fork_handlers_stays_open(programs: Path, key: Path) -> None:
    """SECURITY.md says so of _Fork(3), which runs none; the window of the parent shuts."""
    with quiet(programs) as victim:
        if "Error" in victim.do("libc._Fork"):
            support.fail_or_skip("a libc with _Fork")
        where = victim.hold(key, "bytearray")
        victim.do("ph.harden()", OPEN)
        child = int(victim.do("libc._Fork() or libc.pause()"))
        victim.do(SHUT)
        for pid, leaks in ((child, True), (victim.pid, False)):
            argv = [sys.executable, str(programs / "attack.py"), "mem", str(pid), str(where), "32"]
            got = support.run_as_user(argv, errors="replace").stdout
            assert (key.read_text() in got) is leaks
        victim.do(f"os.kill({child}, 9)")


def test_a_watch_pauses(programs: Path) -> None:
    """It would shut the window at its first look; afterwards it goes on."""
    with quiet(programs) as victim:
        victim.do("ph.harden()", "one = watch()", OPEN)
        assert victim.do("looks_on()") == "True"
        assert victim.do(STATE) == "True"
        victim.do(SHUT)
        assert victim.do("prctl(4, 1)", "becomes(False)") == "True"


def test_a_window_that_opens_while_a_watch_begins_to_check_stays_open(programs: Path) -> None:
    """The watch finishes its check first."""
    done = support.run_as_user([sys.executable, str(programs / "open_during_check.py")])
    assert (done.returncode, done.stdout) == (0, "True []\n"), done.stderr


def test_a_fork_while_a_watch_checks_leaves_no_lock_to_its_child(programs: Path) -> None:
    """The child has no thread that would release it, and can open a window."""
    with quiet(programs) as victim:
        victim.do("ph.harden()")
        victim.do("from process_hardening.drift import turn")
        victim.do("import signal, threading; locked, end = threading.Event(), threading.Event()")
        victim.do("hold = lambda: turn.lock.acquire() and locked.set() or end.wait()")
        victim.do("thread = threading.Thread(target=hold, daemon=True); thread.start()")
        victim.do("locked.wait()")
        victim.do(
            "pid = os.fork() or (signal.alarm(30), ph.debuggable(9).__enter__(), os._exit(7))"
        )
        assert victim.do("os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])") == "7"


def test_opening_and_shutting_are_logged(programs: Path) -> None:
    """To standard error, or where logging is set up to go."""
    program = [sys.executable, str(programs / "open_and_shut.py")]
    plain = support.run_as_user(program)
    assert plain.returncode == 0
    opened, shut = plain.stderr.splitlines()
    assert opened.endswith(" for 30 seconds")
    assert shut.endswith("is hardened again")
    logged = support.run_as_user([*program, "set-up"])
    assert logged.stderr == ""
    assert all(line.startswith("process_hardening:WARNING:") for line in logged.stdout.splitlines())
    assert len(logged.stdout.splitlines()) == 2


@pytest.mark.parametrize("seconds", [0, -1, 0.001, 86401, math.nan, math.inf, "60", None])
def test_wrong_seconds(seconds: float) -> None:
    """A ValueError, before anything is opened."""
    with pytest.raises(ValueError, match=r"seconds must be from 0\.01 to 86400"):
        ph.debuggable(seconds)


def test_an_end_of_the_process_within_leaves_no_thread_behind(programs: Path) -> None:
    """The thread keeps no program from ending, normally or by a signal."""
    program = [sys.executable, str(programs / "end_while_open.py")]
    ended = support.run_as_user(program)
    assert (ended.returncode, ended.stdout) == (0, "x\n")
    assert support.run_as_user([*program, "TERM"]).returncode == -signal.SIGTERM
