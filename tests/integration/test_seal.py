"""Policy(seal=True): nothing in the process makes it dumpable again; its reach and its price."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path

import pytest

import starts
import support
from victims import Console

UNDO = "prctl(4, 1)"  # PR_SET_DUMPABLE
SEAL = "ph.harden(ph.Policy(seal=True)).seal"
STATE = "(ph.status().inspectable, ph.status().sealed)"


@pytest.fixture
def key(user_tmp: Path) -> Path:
    """A file with a random key."""
    path = user_tmp / "key"
    path.write_text(secrets.token_hex(16))
    path.chmod(0o644)
    return path


def test_what_undoes_hardening_fails_under_a_seal(programs: Path, key: Path) -> None:
    """A call of prctl opens a hardened process, as the control shows, and not a sealed one."""
    with Console(programs) as control, Console(programs) as victim:
        where = control.hold(key, "bytearray")
        assert control.do("ph.harden()", UNDO) == "'OK'"
        assert key.read_text() in control.attack("mem", where, 32), "inconclusive"

        where = victim.hold(key, "bytearray")
        assert victim.do(SEAL) == "'applied'"
        assert victim.do(UNDO) == "'Operation not permitted'"
        assert victim.do(SEAL) == "'already in place'"
        assert victim.do(STATE, "ph.status().no_new_privs") == "True"
        assert key.read_text() not in victim.attack("mem", where, 32)
        assert victim.do("prctl(4, 0)") == "'OK'"  # the other way stays open


def test_threads_and_fork_children_are_sealed_too(programs: Path) -> None:
    """Those of before the call as well."""
    with Console(programs) as victim:
        victim.do(
            "import threading, queue",
            "go, answers = threading.Event(), queue.Queue()",
            f"early = threading.Thread(target=lambda: go.wait() and answers.put({UNDO}))",
            "early.start()",
            SEAL,
            "go.set()",
        )
        assert victim.do("answers.get()") == "'Operation not permitted'"
        child = "os._exit(prctl(4, 1) == 'OK') if os.fork() == 0 else os.wait()[1]"
        assert victim.do(child) == "0"


@pytest.mark.parametrize("start", ["before", "after"])
def test_a_process_that_shares_the_memory_is_sealed_if_it_starts_later(
    programs: Path, compiler: support.Compiler, key: Path, start: str
) -> None:
    """SECURITY.md says of one from before that it can make both dumpable again: so it is."""
    library = compiler("shares_memory.c", "-shared", "-fPIC", name="libshares_memory.so")
    with Console(programs) as victim:
        where = victim.hold(key, "bytearray")
        victim.do("import ctypes", f"helper = ctypes.CDLL({str(library)!r})")
        words = ["pid = helper.start_helper()", SEAL]
        victim.do(*(words if start == "before" else reversed(words)))
        used = victim.do("helper.use_helper(pid)")
        found = key.read_text() in victim.attack("mem", where, 32)
    assert (used, found) == (("0", True) if start == "before" else ("2", False))


def test_the_price_children_inherit_it(programs: Path) -> None:
    """A program that is started later is dumpable, being new, and cannot call prctl to stay so."""
    code = (
        "import process_hardening as ph, ctypes; print(ph.status().inspectable, ph.status().sealed,"
        " ph.status().no_new_privs, ctypes.CDLL(None).prctl(4, 1, 0, 0, 0))"
    )
    run = f"subprocess.check_output([{sys.executable!r}, '-c', {code!r}], text=True)"
    with Console(programs) as control, Console(programs) as victim:
        assert control.do("import subprocess", run) == repr("True False False 0\n")
        assert victim.do("import subprocess", SEAL, run) == repr("True True True -1\n")


def test_a_change_of_the_user_undoes_even_that(
    programs: Path, suid_dumpable: support.Sysctl, key: Path
) -> None:
    """The kernel resets the flag by itself: no filter sees it. recheck() does."""
    support.require_root()
    suid_dumpable.set("1")
    with Console(programs, user=0, group=0) as victim:
        where = victim.hold(key, "bytearray")
        victim.do(SEAL, f"os.setgroups([]), os.setgid({support.USER}), os.setuid({support.USER})")
        assert victim.do(STATE) == "(True, True)"
        assert key.read_text() in victim.attack("mem", where, 32)
        assert victim.do("ph.recheck().steps") == "('inspection',)"
        assert key.read_text() not in victim.attack("mem", where, 32)


@pytest.mark.parametrize("result", ["EPERM", "ENOSYS", "0"])
def test_a_seal_that_cannot_be_had(programs: Path, result: str) -> None:
    """Refused, not there, or only claimed: an error with exit code 5, and the process goes on."""
    filtered = starts.refusing(f"seccomp:0=1:{result}")
    error = "try: ph.harden(ph.Policy(seal=True))\nexcept ph.HardeningError as e: error = e"
    with Console(programs, *filtered) as victim:
        assert "seccomp(SECCOMP_SET_MODE_FILTER)" in victim.do(SEAL)
        victim.do(f"exec({error!r})")
        assert victim.do("(error.step, error.exit_code)") == "('seal', 5)"
        assert victim.do(STATE) == "(False, False)"
        call = "ph.pre_main_hardening(ph.Policy(seal=True))\n"
        output, errors = victim.process.communicate(call, timeout=support.TIMEOUT)
    assert (victim.process.returncode, output) == (5, "")
    assert errors.startswith("process-hardening: seccomp(SECCOMP_SET_MODE_FILTER) ")
