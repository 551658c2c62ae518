"""recheck(), watch(), rescrub() and guard_environment(): hardening that lasts."""

from __future__ import annotations

import ast
import os
import secrets
import sys
from pathlib import Path

import pytest

import process_hardening as ph
import starts
import support
from victims import Console

UNDO = "prctl(4, 1)"  # PR_SET_DUMPABLE
INJECT = "os.environ.update(LD_PRELOAD='/x.so')"
ONLY_INSPECTION = "ph.harden(ph.Policy(core_limit=False, environment=False))"

UNDONE = {
    "inspection": ("ph.harden()", UNDO, 5),
    "core_limit": ("ph.harden(ph.Policy(core_limit=False))", "None", 7),
    "environment": ("ph.harden()", INJECT, 8),
}
"""For each step: how it comes to be the one that is not in force, and its exit code."""


@pytest.mark.parametrize("step", UNDONE)
def test_recheck_puts_back_what_was_undone(programs: Path, step: str) -> None:
    """It says which step; a second time there is nothing to say."""
    before, undo, _ = UNDONE[step]
    with Console(programs) as victim:
        assert victim.do(before, undo, "ph.status().verdict") != "'hardened'"
        assert (
            victim.do("drift = ph.recheck()", "(bool(drift), drift.steps)") == f"(True, {(step,)})"
        )
        assert victim.do("ph.status().verdict") == "'hardened'"
        assert victim.do("(bool(ph.recheck()), ph.recheck().steps)") == "(False, ())"


def test_an_attacker_gets_in_before_and_not_after(programs: Path, user_tmp: Path) -> None:
    """Drift is exposure."""
    key = user_tmp / "key"
    key.write_text(secrets.token_hex(16))
    with Console(programs) as victim:
        where = victim.hold(key, "bytearray")
        victim.do("ph.harden()", UNDO)
        assert key.read_text() in victim.attack("mem", where, 32), "inconclusive"
        victim.do("ph.recheck()")
        assert key.read_text() not in victim.attack("mem", where, 32)


@pytest.mark.parametrize("value", ["0", "1", "2"])
def test_recheck_after_setuid(programs: Path, value: str, suid_dumpable: support.Sysctl) -> None:
    """The kernel sets the flag to fs.suid_dumpable: 1 and 2 are drift, 0 is not."""
    support.require_root()
    suid_dumpable.set(value)
    with Console(programs, user=0, group=0) as victim:
        victim.do("ph.harden()", f"os.setuid({support.USER})")
        assert victim.do("ph.status().dumpable") == value
        assert victim.do("ph.recheck().steps") == ("()" if value == "0" else "('inspection',)")
        assert victim.do("ph.status().dumpable") == "0"


@pytest.mark.parametrize("step", UNDONE)
@pytest.mark.parametrize("how", ["recheck", "watch"])
def test_exit_ends_with_the_code_of_the_step(step: str, how: str) -> None:
    """One line, and nothing can catch it."""
    before, undo, status = UNDONE[step]
    call = {
        "recheck": "ph.recheck(on_drift='exit')",
        "watch": "ph.watch(0.01, on_drift='exit'); time.sleep(60)",
    }[how]
    code = f"""
import atexit, ctypes, os, time
import process_hardening as ph
prctl = lambda option, value: ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
atexit.register(print, "atexit")
{before}
{undo}
try:
    {call}
except BaseException:
    print("caught")
finally:
    print("finally")
"""
    ended = support.run_as_user([sys.executable, "-c", code])
    assert (ended.returncode, ended.stdout) == (status, "")
    assert ended.stderr == (
        f"process-hardening: no longer in force: {step}; exiting with status {status}\n"
    )


def test_a_function_is_told_when_all_is_in_force_again(programs: Path) -> None:
    """And only when something was not; what it raises comes out of recheck()."""
    told = "lambda drift: seen.append((drift.steps, drift.tracer_pid, ph.status().verdict))"
    with Console(programs) as victim:
        victim.do("seen = []", "ph.harden()", f"ph.recheck(on_drift={told})")
        assert victim.do("seen") == "[]"
        victim.do(UNDO, f"ph.recheck(on_drift={told})")
        assert victim.do("seen") == "[(('inspection',), 0, 'hardened')]"
        assert victim.do(UNDO, "ph.recheck(on_drift=lambda drift: 1 / 0)").startswith("ZeroDiv")
        assert victim.do("ph.status().verdict") == "'hardened'"


def test_children_that_would_not_be_hardened_any_more_are_drift(programs: Path) -> None:
    """The program lost the library from its environment. `exit` ends with that step's code."""
    policy = "policy = ph.Policy(children='harden')"
    with Console(programs) as victim:
        victim.do(policy, "ph.harden(policy)", "os.environ.pop('LD_PRELOAD')")
        assert victim.do("ph.recheck(policy).steps") == "('children',)"
        assert victim.do("bool(ph.recheck(policy))") == "False"
    code = (
        f"import os, process_hardening as ph\n{policy}\nph.harden(policy)\n"
        "del os.environ['LD_PRELOAD']\nph.recheck(policy, on_drift='exit')"
    )
    ended = support.run_as_user([sys.executable, "-c", code])
    assert ended.returncode == 8
    assert ended.stderr == (
        "process-hardening: no longer in force: children; exiting with status 8\n"
    )


def test_what_a_policy_keeps_is_no_drift(programs: Path) -> None:
    """Variables that stay, steps that are left out."""
    env = {**os.environ, "LD_LIBRARY_PATH": "/none"}
    kept = "ph.Policy(keep=('LD_LIBRARY_PATH',), core_limit=False)"
    with Console(programs, env=env) as victim:
        victim.do(f"ph.harden({kept})")
        assert victim.do(f"ph.recheck({kept}, on_drift='exit').steps") == "()"
        assert victim.do("ph.recheck().steps") == "('core_limit', 'environment')"


def test_a_process_that_the_bypass_leaves_open_is_no_drift(programs: Path) -> None:
    """CODEX_SKIP_HARDENING=1 means this too; a policy without a bypass does not care."""
    env = {**os.environ, "CODEX_SKIP_HARDENING": "1"}
    with Console(programs, env=env) as victim:
        assert victim.do("ph.recheck(on_drift='exit').steps") == "()"
        assert victim.do("ph.status().inspectable") == "True"
        strict = victim.do("ph.recheck(ph.Policy(bypass_variable=None)).steps")
        assert "inspection" in strict


def test_a_bypass_that_came_later_switches_nothing_off(programs: Path) -> None:
    """As from load_dotenv(): who writes the file did not start the program."""
    with Console(programs) as victim:
        victim.do("ph.harden()", UNDO, "os.environ['CODEX_SKIP_HARDENING'] = '1'")
        assert victim.do("ph.recheck().steps") == "('inspection',)"
        assert victim.do("ph.harden().bypassed") == "False"
        assert victim.do("ph.rescrub()") == "('CODEX_SKIP_HARDENING',)"
        assert victim.do("'CODEX_SKIP_HARDENING' in os.environ") == "False"


def test_a_step_that_cannot_be_put_back(programs: Path) -> None:
    """recheck() raises; watch() ends the process, since nobody could catch it there."""
    filtered = starts.refusing("prctl:0=4:EPERM")
    with Console(programs, *filtered) as victim:
        assert victim.do("ph.recheck()").startswith("HardeningError: prctl(PR_SET_DUMPABLE, 0) ")
        assert victim.do("ph.status().inspectable") == "True"
        watch = "ph.watch(0.01)\nlibc.pause()\n"
        _, errors = victim.process.communicate(watch, timeout=support.TIMEOUT)
    assert victim.process.returncode == 5
    assert errors.startswith("process-hardening: prctl(PR_SET_DUMPABLE, 0) failed: ")


def test_watch_puts_back_until_it_is_stopped(programs: Path) -> None:
    """Again and again, whatever the function and the program's hook for exceptions raise."""
    with Console(programs) as victim:
        victim.do("ph.harden()", "import threading", "threading.excepthook = lambda failed: 1 / 0")
        victim.do("watch = ph.watch(0.01, on_drift=lambda drift: 1 / 0)")
        for _ in range(3):
            assert victim.do(UNDO, "becomes(False)") == "True"
        assert victim.do("watch.is_running") == "True"
        assert victim.do("watch.stop()", "watch.is_running") == "False"
        assert victim.do(UNDO, "ph.status().inspectable") == "True"


def test_a_watch_goes_on_while_there_are_no_descriptors_left(programs: Path) -> None:
    """Another process of the user can set the limit (prlimit(2))."""
    limit = "resource.setrlimit(resource.RLIMIT_NOFILE, ({}, 1024))"
    with Console(programs) as victim:
        victim.do("ph.harden(ph.DEFAULT.replace(seal=True))", "import resource, threading")
        victim.do("raised = []", "threading.excepthook = raised.append")
        # In one line, or the first look comes before the limit.
        assert victim.do(f"one = watch(); {limit.format(3)}", "looks_on()") == "True"
        came = "os.environ.update(LD_LIBRARY_PATH='/nowhere')"
        goes = "happens(lambda: 'LD_LIBRARY_PATH' not in os.environ)"
        assert victim.do(limit.format(1024), came, goes) == "True"
        assert victim.do("one.is_running, raised") == "(True, [])"


def test_a_fork_child_watches_itself(programs: Path) -> None:
    """Threads do not come along, so it starts its own; stop() there leaves the parent's alone."""
    child = f"os._exit(not ({UNDO} == 'OK' and becomes(False) and watch.stop() is None))"
    with Console(programs) as victim:
        victim.do("ph.harden()", "watch = ph.watch(0.01)", "import warnings")
        victim.do("warnings.simplefilter('ignore')")  # 3.12 warns of fork with threads
        assert victim.do(f"{child} if os.fork() == 0 else os.wait()[1]") == "0"
        assert victim.do(UNDO, "becomes(False)") == "True"
        victim.do("watch.stop()")
        stopped = "os._exit(threading.active_count() != 1) if os.fork() == 0 else os.wait()[1]"
        assert victim.do("import threading", stopped) == "0"


def test_a_watch_ends_with_its_block_and_with_the_program(programs: Path) -> None:
    """Its thread keeps no program from ending."""
    program = str(programs / "watch_twice.py")
    ended = support.run_as_user([sys.executable, "-W", "error", program])
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "end\n", "")


@pytest.mark.parametrize("call", [ph.recheck, ph.watch], ids=["recheck", "watch"])
@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"policy": "strict"}, TypeError, "policy must be a process_hardening.Policy"),
        ({"on_drift": "ignore"}, ValueError, "on_drift must be 'reapply', 'exit' or callable"),
        ({"on_drift": None}, ValueError, "on_drift must be 'reapply', 'exit' or callable"),
    ],
)
def test_wrong_arguments(
    call: object, arguments: dict[str, object], error: type, text: str
) -> None:
    """One clear line, before anything is looked at."""
    assert callable(call)
    with pytest.raises(error, match=text):
        call(**arguments)


@pytest.mark.parametrize("interval", [0, -1, 0.001, float("nan"), float("inf"), "1", None])
def test_a_wrong_interval(interval: float) -> None:
    """Seconds, and not so few that it does nothing else."""
    with pytest.raises(ValueError, match="interval must be at least"):
        ph.watch(interval)


LOADED = "os.environ.update(LD_PRELOAD='/x.so', LD_LIBRARY_PATH='/x', HARMLESS='1')"
CHILD = (
    "sorted(line for line in subprocess.check_output(['env'], text=True).splitlines()"
    " if line[:3] == 'LD_')"
)


def test_rescrub_after_a_file_brought_variables_back(programs: Path) -> None:
    """As load_dotenv() does; children get them otherwise, the control shows."""
    with Console(programs) as victim:
        victim.do("import subprocess", "ph.harden()", LOADED)
        assert victim.do(CHILD) == "['LD_LIBRARY_PATH=/x', 'LD_PRELOAD=/x.so']", "inconclusive"
        assert victim.do("sorted(ph.rescrub())") == "['LD_LIBRARY_PATH', 'LD_PRELOAD']"
        assert victim.do(CHILD) == "[]"
        assert victim.do("os.environ['HARMLESS'], ph.rescrub()") == "('1', ())"


@pytest.mark.parametrize("name", ["GIT_CONFIG_a*b", "GIT_CONFIG_*", "BASH_FUNC_*%%"])
def test_rescrub_takes_names_with_a_star_for_names(programs: Path, name: str) -> None:
    """No error, which would leave the injector, and no prefix, which takes the user's own."""
    env = {**os.environ, "GIT_CONFIG_COUNT": "0"}
    with Console(programs, env=env) as victim:
        victim.do(f"os.environ.update({{{name!r}: '1', 'LD_AUDIT': '/x.so'}})")
        assert victim.do("sorted(ph.rescrub())") == repr(sorted([name, "LD_AUDIT"]))
        assert victim.do(f"[n in os.environ for n in ({name!r}, 'LD_AUDIT')]") == "[False, False]"
        child = victim.do("import subprocess", "subprocess.getoutput('env').splitlines()")
        assert f"{name}=1" not in ast.literal_eval(child)
        assert victim.do("os.environ.get('GIT_CONFIG_COUNT'), ph.rescrub()") == "('0', ())"


def test_rescrub_keeps_what_the_policy_keeps(programs: Path) -> None:
    """Also of the variables that came later."""
    with Console(programs) as victim:
        victim.do(
            "os.environ.update(BASH_ENV='/x', LD_AUDIT='/x.so', GIT_SSH='x', NODE_OPTIONS='x')"
        )
        kept = "ph.Policy(keep=('GIT_*', 'LD_AUDIT', 'BASH_ENV'))"
        assert victim.do(f"ph.rescrub({kept})") == "('NODE_OPTIONS',)"
        assert victim.do("'GIT_SSH' in os.environ, 'LD_AUDIT' in os.environ") == "(True, True)"


def test_rescrub_does_nothing_under_the_bypass(programs: Path) -> None:
    """CODEX_SKIP_HARDENING=1 skips this step too."""
    with Console(programs, env={**os.environ, "CODEX_SKIP_HARDENING": "1"}) as victim:
        victim.do("os.environ.update(BASH_ENV='/x', LD_AUDIT='/x.so')")
        assert victim.do("ph.rescrub()") == "()"
        assert victim.do("'BASH_ENV' in os.environ, 'LD_AUDIT' in os.environ") == "(True, True)"


def test_rescrub_takes_the_environment_step_alone(programs: Path) -> None:
    """Nothing else of the policy, even of STRICT."""
    with Console(programs) as victim:
        victim.do("os.environ['BASH_ENV'] = '/x'")
        assert "BASH_ENV" in victim.do("ph.rescrub(ph.STRICT)")
        assert victim.do("(ph.status().inspectable, ph.status().no_new_privs)") == "(True, False)"


SETTERS = (
    "os.environ['LD_PRELOAD'] = '/x.so'",
    "os.environb.__setitem__(b'LD_PRELOAD', b'/x.so')",
    "os.environ.update(LD_PRELOAD='/x.so')",
    "os.environ.setdefault('LD_PRELOAD', '/x.so')",
    "os.putenv('LD_PRELOAD', '/x.so')",
    "os.environ.update(LD_AUDIT='/x.so')",
)


@pytest.mark.parametrize("setter", SETTERS)
def test_the_guard_refuses_injectors(programs: Path, setter: str) -> None:
    """By every way through os; without it, a child gets the variable."""
    with Console(programs) as control, Console(programs) as victim:
        assert "x.so" in control.do("import subprocess", setter, CHILD), "inconclusive"
        victim.do("import subprocess", "ph.guard_environment()", "ph.guard_environment()")
        answer = victim.do(setter)
        assert answer.startswith("InjectorRefusedError: refusing to set LD_")
        assert answer.rstrip("'\"").endswith("set it for one program with env=")
        assert "/x.so" not in answer  # a value is never told
        assert victim.do(CHILD) == "[]"
        assert victim.do("[name for name in os.environ if name.startswith('LD_')]") == "[]"


def test_the_guard_lets_the_rest_pass(programs: Path) -> None:
    """Search paths; what other programs read; our own library; and what C code does."""
    entry = os.fsdecode(ph._PRELOAD_ENTRY)
    library = entry.partition("=")[2]
    with Console(programs) as victim:
        victim.do("ph.guard_environment()")
        for name, value in (
            ("LD_LIBRARY_PATH", "/x"),
            ("BASH_ENV", "/x"),
            ("ANY", "1"),
            ("LD_PRELOAD", library),
        ):
            assert victim.do(f"os.environ[{name!r}] = {value!r}", f"os.environ[{name!r}]") == repr(
                value
            )
        victim.do("del os.environ['LD_PRELOAD']")
        assert victim.do("libc.setenv(b'LD_PRELOAD', b'/x.so', 1)") == "0"
        assert "environment" in victim.do("ph.recheck().steps")


def test_a_tracer_of_another_thread_is_found(programs: Path) -> None:
    """Its status file names it; the process's own, which is the first thread's, does not."""
    work = "lambda: (tids.put(threading.get_native_id()), threading.Event().wait())"
    with Console(programs) as victim:
        victim.do("import threading, queue", "tids = queue.Queue()")
        victim.do(f"threading.Thread(target={work}, daemon=True).start()")
        tid = victim.do("tids.get()")
        assert victim.do("ph.recheck(ph.STRICT).tracer_pid") == "0"
        victim.do("import logging; logging.disable()", "w = ph.debuggable(60)", "w.__enter__()")
        with support.Running([sys.executable, str(programs / "seize.py"), tid]) as tracer:
            assert tracer.ready == "0"
            own = Path(f"/proc/{victim.pid}/status").read_text()
            assert "TracerPid:\t0\n" in own, "inconclusive: the first thread's status names it"
            assert victim.do("ph.status().tracer_pid") == str(tracer.pid)
            attached = f"process {tracer.pid} is still attached: detach it"
            assert victim.do("w.__exit__(None, None, None)") == f"DebugWindowError: {attached}"
            assert victim.do("ph.recheck().tracer_pid") == str(tracer.pid)
            refused = f"hardening refused: a tracer is attached (process {tracer.pid})"
            assert victim.do("ph.harden(ph.STRICT)") == f"HardeningError: {refused}"
        assert victim.do("ph.status().tracer_pid") == "0"


def test_search_paths_from_a_file_are_not_the_users(programs: Path) -> None:
    """After load_dotenv(), children get the search path of the start and no other."""
    given = {**os.environ, "PYTHONPATH": "/start", "LD_LIBRARY_PATH": "/start"}
    load = (
        "os.environ.update(LD_LIBRARY_PATH='/file', PYTHONHOME='/file', GIT_SSH_COMMAND='x',"
        " BASH_ENV='x', NODE_OPTIONS='x', HARMLESS='x')"
    )
    bring = f"os.environ['PROCESS_HARDENING_SET_ASIDE'] = {b'PERL5LIB=/file'.hex()!r}"
    taken = "sorted(ph.rescrub())"
    children = (
        "[(name, value) for name, value in sorted(ph.child_env().items())"
        " if value in ('/start', '/file', 'x')]"
    )
    expected = [("HARMLESS", "x"), ("LD_LIBRARY_PATH", "/start"), ("PYTHONPATH", "/start")]
    with Console(programs, env=given) as victim:
        assert victim.do("ph.harden().removed") == "('LD_LIBRARY_PATH',)"
        assert victim.do(load, bring, taken) == repr(
            ["BASH_ENV", "GIT_SSH_COMMAND", "LD_LIBRARY_PATH", "NODE_OPTIONS", "PYTHONHOME"]
        )
        assert victim.do(children) == repr(expected)
    with Console(programs, env=given) as victim:  # hardened only after the file was loaded
        assert victim.do(load, "ph.harden().removed") == "('LD_LIBRARY_PATH',)"
        assert "('LD_LIBRARY_PATH'" not in victim.do(children)
    with Console(programs) as control:
        control.do("ph.harden()", load)
        assert "('GIT_SSH_COMMAND', 'x')" in control.do(children), "inconclusive"


def test_rescrub_leaves_what_was_there_at_the_start(programs: Path) -> None:
    """The user's own; STRICT is for those who want them gone too."""
    given = {**os.environ, "GIT_SSH_COMMAND": "mine", "PERL5LIB": "/mine"}
    with Console(programs, env=given) as victim:
        assert victim.do("ph.harden()", "ph.rescrub()") == "()"
        assert victim.do("sorted(ph.rescrub(ph.STRICT))") == "['GIT_SSH_COMMAND', 'PERL5LIB']"
        assert victim.do("ph.child_env().get('GIT_SSH_COMMAND')") == "None"
        assert victim.do("ph.child_env()['PERL5LIB']") == "'/mine'"
