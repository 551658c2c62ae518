"""`status`: what the kernel says of this or another process."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import starts
import support

KEYS = {
    *("schema", "pid", "inspectable", "dumpable", "core_limit"),
    *("tracer_pid", "no_new_privs", "seccomp", "confined", "loader_variables", "verdict"),
}
LARGEST = (1 << 31) - 1

WAIT = "print('ready', os.getpid(), flush=True)\nsys.stdin.read()"
TARGETS: dict[str, tuple[str, int, dict[str, Any]]] = {
    # code: exit status, then fields of the JSON
    "plain": ("pass", 1, {"inspectable": True, "dumpable": 1, "verdict": "exposed"}),
    "hardened": (
        "ph.pre_main_hardening()",
        0,
        {
            "inspectable": False,
            "dumpable": 0,
            "core_limit": {"soft": 0, "hard": 0},
            "tracer_pid": 0,
            "verdict": "hardened",
        },
    ),
    "no core limit": (
        "ph.harden(ph.Policy(core_limit=False))",
        1,
        {"inspectable": False, "dumpable": 0, "verdict": "partial"},
    ),
    "core limit only": (
        "ph.harden(ph.Policy(inspection=False))",
        1,
        {"inspectable": True, "core_limit": {"soft": 0, "hard": 0}, "verdict": "exposed"},
    ),
    "soft core limit": (
        "ph.harden(ph.Policy(core_limit=False))\n"
        "resource.setrlimit(resource.RLIMIT_CORE, (0, 4096))",
        1,
        {"core_limit": {"soft": 0, "hard": 4096}, "verdict": "partial"},
    ),
}


def argv_of(code: str) -> list[str]:
    """An interpreter that runs code, says that it is ready, and waits."""
    imports = "import os, sys, resource, ctypes, process_hardening as ph"
    return [sys.executable, "-c", f"{imports}\n{code}\n{WAIT}"]


def target(code: str, **options: Any) -> support.Running:
    """A process of the unprivileged user to look at."""
    options.setdefault("env", starts.remove_loader_variables())
    return support.Running(argv_of(code), **options)


@pytest.fixture(params=["user", "root"])
def observer(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The options that make a program look as the same unprivileged user, or as root."""
    if request.param == "user":
        return support.user_options()
    support.require_root()
    return {}


def status(command: str, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """What the command says; it never says anything on standard error when it can tell."""
    result = support.run([command, "status", *arguments], **options)
    assert "Traceback" not in result.stderr
    return result


def as_json(command: str, pid: int, **options: Any) -> tuple[int, dict[str, Any]]:
    """The exit status and the object that is printed."""
    result = status(command, "--json", str(pid), **options)
    assert result.stderr == ""
    values: dict[str, Any] = json.loads(result.stdout)
    assert set(values) == KEYS
    assert (values["schema"], values["pid"]) == (1, pid)
    return result.returncode, values


def test_confinement_stands_beside_the_verdict(command: str) -> None:
    """Exposed says who reads it, confined whom it reads."""
    first = support.run([support.find_tool("confine"), "--", command, "status"]).stdout
    assert first.splitlines()[0].endswith("exposed, and confined: it cannot read other processes")
    assert status(command).stdout.splitlines()[0].endswith(": exposed")


@pytest.mark.parametrize("name", TARGETS)
def test_another_process(command: str, observer: dict[str, Any], name: str) -> None:
    """The same for root and for the same user, in JSON and in words."""
    code, exit_status, fields = TARGETS[name]
    with target(code) as process:
        found_status, values = as_json(command, process.pid, **observer)
        text = status(command, str(process.pid), **observer)
    assert (found_status, text.returncode) == (exit_status, exit_status)
    assert {key: values[key] for key in fields} == fields
    lines = text.stdout.splitlines()
    assert re.fullmatch(rf"{process.pid} \(.*\): {fields['verdict']}", lines[0])
    assert f"(dumpable {values['dumpable']})" in text.stdout
    word = "open" if values["inspectable"] else "refused"
    assert f"inspection:        {word} to" in text.stdout
    assert text.stderr == ""


def test_another_user_namespace_is_named_as_the_reason(command: str) -> None:
    """Everything else of the process is as it should be. Only root sees its namespace."""
    support.require_root()
    enter = "ctypes.CDLL(None).unshare(0x10000000);"  # CLONE_NEWUSER
    for code, verdict in (("ph.harden()", "hardened"), (f"{enter} ph.harden()", "partial")):
        with target(code) as process:
            text = status(command, str(process.pid)).stdout
        assert text.splitlines()[0].endswith(f": {verdict}")
        assert ("user namespace:    not ours" in text) == (verdict == "partial")


@pytest.mark.parametrize("method", ["execute-only", "preload"])
def test_a_program_under_run(
    compiler: support.Compiler, command: str, observer: dict[str, Any], method: str
) -> None:
    """Our own entry in LD_PRELOAD is no finding, not even where --children leaves it."""
    support.require_root()
    run = [command, "run", "--children", "--method", method, "--"]
    with support.Running([*run, str(compiler("subject.c")), "wait"]) as process:
        exit_status, values = as_json(command, process.pid, **observer)
    assert (exit_status, values["verdict"], values["dumpable"]) == (0, "hardened", 0)
    assert values["loader_variables"] == (None if observer else [])


def test_loader_variables_of_another_process(command: str) -> None:
    """Root reads them; the same user finds them protected, which is not "none"."""
    support.require_root()
    code = "ph.harden(ph.Policy(environment=False))"
    env = {**starts.remove_loader_variables(), "LD_X": "secret", "LD_\udcff": "secret"}
    with target(code, env=env) as process:
        exit_status, values = as_json(command, process.pid)
        text = status(command, str(process.pid)).stdout
        _, protected = as_json(command, process.pid, **support.user_options())
        words = status(command, str(process.pid), **support.user_options()).stdout
    assert (exit_status, values["verdict"]) == (1, "partial")
    assert sorted(values["loader_variables"]) == ["LD_X", "LD_\udcff"]
    assert "secret" not in text
    assert r"LD_\udcff" in text
    assert protected["loader_variables"] is None
    assert "loader variables:  hidden" in words


def test_a_process_of_another_user(command: str) -> None:
    """Whatever may be read of it is told; the rest is null; it never fails."""
    support.require_root()
    argv = argv_of("ph.pre_main_hardening()")
    with support.Running(argv, user=None, group=None, extra_groups=None) as process:
        exit_status, values = as_json(command, process.pid, **support.user_options())
    assert (exit_status, values["dumpable"], values["verdict"]) == (0, 0, "hardened")
    assert values["core_limit"] == {"soft": 0, "hard": 0}
    assert values["loader_variables"] is None


def test_a_process_with_a_tracer(command: str, observer: dict[str, Any]) -> None:
    """It is named, and the process is no better than partial."""
    strace = [support.find_tool("strace"), "-o", os.devnull, "-e", "trace=none", "--"]
    argv = [*strace, *argv_of("ph.pre_main_hardening()")]
    with support.Running(argv, env=starts.remove_loader_variables()) as tracer:
        pid = int(tracer.ready.split()[1])
        exit_status, values = as_json(command, pid, **observer)
        text = status(command, str(pid), **observer).stdout
        assert (exit_status, values["verdict"], values["dumpable"]) == (1, "partial", 0)
        assert values["tracer_pid"] == tracer.pid
        assert f"tracer:            {tracer.pid}\n" in text


def test_no_new_privileges_are_told(command: str) -> None:
    """In words: the keys of the JSON are fixed."""
    for code, word in (("ph.harden()", "no"), ("ph.harden(ph.STRICT)", "yes")):
        with target(code) as process:
            text = status(command, str(process.pid), **support.user_options()).stdout
        assert f"no new privileges: {word}\n" in text


@pytest.fixture
def zombie() -> Iterator[int]:
    """A process that has ended and that nobody has waited for."""
    process = subprocess.Popen(["true"], **support.user_options())
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    yield process.pid
    process.wait(support.TIMEOUT)


def test_a_zombie_cannot_be_told(command: str, observer: dict[str, Any], zombie: int) -> None:
    """It has no memory that could be read or protected."""
    exit_status, values = as_json(command, zombie, **observer)
    text = status(command, str(zombie), **observer)
    assert (exit_status, values["verdict"]) == (3, "unknown")
    assert (text.returncode, text.stderr) == (3, "")
    assert "none: a kernel thread, or an ended process" in text.stdout


def test_a_kernel_thread_cannot_be_told(command: str, observer: dict[str, Any]) -> None:
    """The same."""
    threads = [
        int(path.parent.name)
        for path in Path("/proc").glob("[0-9]*/status")
        if re.search(r"^Kthread:\t1$", read_if_there(path), re.MULTILINE)
    ]
    if not threads:
        support.fail_or_skip("a kernel thread to look at")
    exit_status, values = as_json(command, threads[0], **observer)
    assert (exit_status, values["verdict"]) == (3, "unknown")


def read_if_there(path: Path) -> str:
    """A file of a process that may have ended."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


NAMES = [
    b"a b",
    b"(a) b) R 1 (",
    b"a\nb",
    b"a\rb",
    b"a\rUid:\t0 0 0 0",
    b"\rNoNewPrivs:\t1",
    b"\nTracerPid:\t7",
    b"a\\nb",
    b"\x1b[31mred",
    b"\xff\xfe",
    "é漢".encode(),
    b"",
]


@pytest.mark.parametrize("name", NAMES, ids=repr)
@pytest.mark.parametrize("code", ["pass", "ph.harden()"])
def test_any_name(command: str, observer: dict[str, Any], name: bytes, code: str) -> None:
    """A process may call itself whatever it likes: no field and no terminal is taken in."""
    with target(f"{code}; ctypes.CDLL(None).prctl(15, {name!r}, 0, 0, 0)") as process:
        exit_status, values = as_json(command, process.pid, **observer)
        text = status(command, str(process.pid), **observer)
    hardened = code != "pass"
    assert (exit_status, text.returncode) == (1 - hardened, 1 - hardened)
    assert (values["dumpable"], values["tracer_pid"]) == (1 - hardened, 0)
    assert "no new privileges: no\n" in text.stdout
    assert text.stdout.count("\n") == 8
    assert re.fullmatch(r"[^\x00-\x09\x0b-\x1f\x7f-\x9f]*", text.stdout)


def test_where_the_terminal_cannot_print_a_name(command: str) -> None:
    """An escape instead of a traceback."""
    with target("ctypes.CDLL(None).prctl(15, 'é'.encode(), 0, 0, 0)") as process:
        env = {**os.environ, "PYTHONIOENCODING": "ascii:strict"}
        result = status(command, str(process.pid), env=env)
    assert (result.returncode, result.stderr) == (1, "")
    assert rf"{process.pid} (\xe9): exposed" in result.stdout


@pytest.mark.parametrize(("code", "dumpable"), [("pass", 1), ("ph.harden()", 0)])
def test_a_kernel_that_does_not_tell_by_pidfd(command: str, code: str, dumpable: int) -> None:
    """Before Linux 6.16 the owner of /proc/PID/status gives it away."""
    filtered = starts.refusing(f"ioctl:1={support.PIDFD_GET_INFO}:ENOTTY")
    with target(code) as process:
        argv = [*filtered, command, "status", "--json", str(process.pid)]
        result = support.run_as_user(argv)
    assert result.returncode == dumpable, result.stderr
    values = json.loads(result.stdout)
    assert (values["dumpable"], values["inspectable"]) == (dumpable, bool(dumpable))


def test_the_filter_of_the_test_above_works() -> None:
    """The control: with it, the other source fails."""
    call = f"fcntl.ioctl(os.pidfd_open(os.getpid()), {support.PIDFD_GET_INFO}, bytes(72))"
    filtered = starts.refusing(f"ioctl:1={support.PIDFD_GET_INFO}:ENOTTY")
    argv = [*filtered, sys.executable, "-c", f"import fcntl, os; {call}"]
    assert "ioctl for device" in support.run_as_user(argv).stderr


@pytest.mark.parametrize("pid", [str(LARGEST), "4194305"])
def test_a_process_that_is_not_there(command: str, observer: dict[str, Any], pid: str) -> None:
    """Status 2, one line."""
    result = status(command, pid, **observer)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == f"process-hardening: {pid}: no such process\n"


def test_a_process_that_has_just_ended(command: str, observer: dict[str, Any]) -> None:
    """The same."""
    with subprocess.Popen(["true"]) as process:
        pass
    result = status(command, str(process.pid), **observer)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == f"process-hardening: {process.pid}: no such process\n"


def test_itself(command: str, observer: dict[str, Any]) -> None:
    """Without a PID it tells of its own process: that of a plain start, or of `run`."""
    env = {**starts.remove_loader_variables(), "LD_X": "1"}
    plain = support.run([command, "status", "--json"], env=env, **observer)
    values = json.loads(plain.stdout)
    assert set(values) == KEYS
    assert (plain.returncode, values["verdict"]) == (1, "exposed")
    assert values["loader_variables"] == ["LD_X"]

    run = support.run([command, "run", "--", command, "status", "--json"], env=env, **observer)
    values = json.loads(run.stdout)
    assert (run.returncode, values["verdict"], values["dumpable"]) == (0, "hardened", 0)
    assert values["loader_variables"] == []

    words = support.run([command, "run", "--", command, "status"], env=env, **observer)
    assert words.returncode == 0
    assert re.match(r"\d+ \(this process\): hardened\n", words.stdout)


def test_an_unlimited_core_limit_is_named(command: str) -> None:
    """Not a number of twenty digits."""
    result = status(command, "--json", env=starts.remove_loader_variables())
    values = json.loads(result.stdout)
    for limit in values["core_limit"].values():
        assert limit == "unlimited" or limit < 1 << 63


def test_dumpable_2_is_not_inspectable(
    compiler: support.Compiler, command: str, suid_dumpable: support.Sysctl, user_tmp: Path
) -> None:
    """Only root gets its core dump. Started from an unreadable file, it is born so."""
    suid_dumpable.set("2")
    program = user_tmp / "program"
    shutil.copy(starts.build_static(compiler), program)
    program.chmod(0o711)
    with support.Running([str(program), "wait"]) as process:
        _, values = as_json(command, process.pid, **support.user_options())
    assert (values["dumpable"], values["inspectable"]) == (2, False)
    assert values["verdict"] != "exposed"


def test_without_proc(command: str) -> None:
    """It says what is missing."""
    support.require_root()
    unshare = [
        support.find_tool("unshare"),
        "--mount",
        "--",
        "sh",
        "-c",
        'umount -l /proc; exec "$@"',
    ]
    result = support.run([*unshare, "sh", command, "status", "1"])
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("process-hardening: /proc: ")
    assert result.stderr.count("\n") == 1
