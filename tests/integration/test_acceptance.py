"""The specification, SYNC-002: its scenarios, requirements and commands, in their Python form.

The TUI of the specification is programs/chat.py here, a program that holds an API key and a
conversation. docs/acceptance.md lists the whole specification and where each part is shown.
"""

from __future__ import annotations

import ast
import inspect
import os
import signal
import statistics
import sys
from importlib import metadata
from pathlib import Path

import pytest

import process_hardening
import programs.chat
import support
import victims
from process_hardening import _native
from victims import METHODS, Chat, Cores, make_chat_argv

INJECTED = {"LD_PRELOAD": "/tmp/test.so"}
"""What the specification's last command sets; the file need not be there."""

CAP_SYS_RESOURCE = 24


@pytest.fixture
def hardened(chat: str) -> list[str]:
    """How to start the chat, which hardens itself in the first statement of its main()."""
    return make_chat_argv("pre_main", chat)


@pytest.fixture
def plain(chat: str) -> list[str]:
    """How to start the chat without any protection: the control."""
    return make_chat_argv("plain", chat)


def attach_with_gdb(pid: int) -> str:
    """Run the specification's command: what it prints."""
    argv = [support.find_tool("gdb"), "-nx", "-batch", "-p", str(pid), "-ex", "quit"]
    result = support.run_as_user(argv)
    return result.stdout + result.stderr


def is_attached(output: str) -> bool:
    """Whether gdb got into the process."""
    return all(word in output for word in ("Inferior 1", "detached")) and (
        victims.NOT_PERMITTED not in output
    )


def grep(pattern: str, file: str, user: bool) -> str:
    """Run `cat FILE | grep PATTERN` as the user, or as who runs the tests: what it prints."""
    run = support.run_as_user if user else support.run
    script = 'cat "$1" | tr "\\0" "\\n" | grep -- "$2"'
    return run(["sh", "-c", script, "sh", file, pattern]).stdout


def test_p1_1_a_crash_leaves_no_core(hardened: list[str], plain: list[str], cores: Cores) -> None:
    """P1.1: Given the TUI starts, when a crash occurs, then no core dump file is created."""
    with Chat(plain) as control, Chat(hardened) as victim:
        assert victim.ask("/crash") == control.ask("/crash") == ""
        victim.process.wait(support.TIMEOUT)
        control.process.wait(support.TIMEOUT)
        assert victim.process.returncode == control.process.returncode == -signal.SIGSEGV
        cores.assert_leaked(control)
        assert cores.find(victim.pid) is None


@pytest.mark.parametrize("method", METHODS)
def test_p1_2_both_core_limits_are_0(method: str, chat: str, plain: list[str]) -> None:
    """P1.2: RLIMIT_CORE, when queried after startup, is 0, soft and hard."""
    with (
        victims.allow_core_dumps(),
        Chat(plain) as control,
        Chat(make_chat_argv(method, chat)) as victim,
    ):
        assert "0" not in victims.read_core_limit(control.pid).split()[:2], "inconclusive"
        assert victims.read_core_limit(victim.pid) == "0 0 bytes"


@pytest.mark.parametrize("cause", ["kill", "abort"])
def test_p1_3_sigabrt_leaves_no_core(
    cause: str, hardened: list[str], plain: list[str], cores: Cores
) -> None:
    """P1.3: Given a user triggers SIGABRT, when it is received, then no core file is written."""
    with Chat(plain) as control, Chat(hardened) as victim:
        for program in (victim, control):
            if cause == "abort":
                assert program.ask("/abort") == ""
            assert program.end_by(signal.SIGABRT) == -signal.SIGABRT
        cores.assert_leaked(control)
        assert cores.find(victim.pid) is None


@pytest.mark.parametrize("method", METHODS)
def test_p2_1_gdb_is_refused(method: str, chat: str, plain: list[str]) -> None:
    """P2.1: Given the TUI runs on Linux, when gdb -p PID is attempted, then attachment fails."""
    with Chat(plain) as control, Chat(make_chat_argv(method, chat)) as victim:
        assert is_attached(attach_with_gdb(control.pid)), (
            "inconclusive: gdb cannot attach to anything"
        )
        assert f"ptrace: {victims.NOT_PERMITTED}" in attach_with_gdb(victim.pid)
        assert control.still_works()
        assert victim.still_works()


@pytest.mark.parametrize("method", METHODS)
def test_p3_1_ld_preload_is_unset(method: str, chat: str, plain: list[str]) -> None:
    """P3.1: Given LD_PRELOAD is set before launch, when the TUI starts, then it is unset."""
    with (
        Chat(plain, env=INJECTED) as control,
        Chat(make_chat_argv(method, chat), env=INJECTED) as tui,
    ):
        # Its own, and its child's.
        assert control.ask("/loader") == "loader variables: LD_PRELOAD LD_PRELOAD", "inconclusive"
        assert tui.ask("/loader") == "loader variables:"


def read_capabilities(pid: int) -> int:
    """The effective capabilities of a process."""
    fields = dict(
        line.split(":\t") for line in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    return int(fields["CapEff"], 16)


@pytest.mark.parametrize("user", ["user", "root"])
def test_e1_it_starts_without_cap_sys_resource(user: str, hardened: list[str]) -> None:
    """E1: A process without CAP_SYS_RESOURCE starts; lowering a limit needs no capability."""
    identity = {}
    if user == "root":
        support.require_root()
        identity = {"user": 0, "group": 0}
        hardened = ["setpriv", "--bounding-set=-sys_resource", *hardened]
    with victims.allow_core_dumps(), Chat(hardened, **identity) as victim:
        assert not read_capabilities(victim.pid) & 1 << CAP_SYS_RESOURCE
        assert victims.read_core_limit(victim.pid) == "0 0 bytes"
        assert victim.still_works()


def test_fr1_hardening_is_the_first_statement_of_main() -> None:
    """FR1: pre_main_hardening() is called early, before any sensitive data is loaded."""
    main = ast.parse(inspect.getsource(programs.chat.main)).body[0]
    assert isinstance(main, ast.FunctionDef)
    _docstring, first, *_ = main.body
    assert ast.unparse(first) == "PROTECTIONS[sys.argv[1]]()"
    assert programs.chat.PROTECTIONS["PRE_MAIN"] is process_hardening.pre_main_hardening


def test_fr1_it_is_hardened_before_it_has_its_secrets(
    hardened: list[str], plain: list[str]
) -> None:
    """FR1: At the time when it asks for its secrets, nobody can attach any more."""
    control, victim = (support.Running(argv) for argv in (plain, hardened))
    with control, victim:
        assert control.ready == victim.ready == "STARTED"  # it has read nothing yet
        assert is_attached(attach_with_gdb(control.pid)), (
            "inconclusive: gdb cannot attach to anything"
        )
        assert f"ptrace: {victims.NOT_PERMITTED}" in attach_with_gdb(victim.pid)
        assert victims.read_core_limit(victim.pid) == "0 0 bytes"


@pytest.mark.parametrize("method", METHODS)
def test_fr2_the_measures_of_linux(method: str, chat: str) -> None:
    """FR2: On Linux: PR_SET_DUMPABLE is 0, RLIMIT_CORE is 0, LD_* variables are cleared."""
    env = {**INJECTED, "LD_LIBRARY_PATH": "/none", "LD_DEBUG_OUTPUT": "/none"}
    with victims.allow_core_dumps(), Chat(make_chat_argv(method, chat), env=env) as victim:
        status = victim.ask("/status")
        assert "inspectable=False, dumpable=0," in status
        assert "core_limit=(0, 0)" in status
        assert "loader_variables=()" in status
        assert status.endswith(" verdict=hardened")


@pytest.mark.parametrize("variables", [0, 50])
def test_nfr_performance_hardening_takes_less_than_10_ms(variables: int, programs: Path) -> None:
    """NFR-Performance: Hardening completes in less than 10 ms; the import is counted in."""
    env = {f"LD_{number}": "/none" for number in range(variables)}
    argv = [sys.executable, str(programs / "time_first_call.py")]
    runs = [support.run_as_user(argv, env={**os.environ, **env}) for _ in range(9)]
    times = [list(map(float, run.stdout.split())) for run in runs]
    with_import, first, again = map(statistics.median, zip(*times, strict=True))
    assert with_import < 0.010
    assert first < 0.010
    assert again < 0.010


@pytest.mark.parametrize("method", METHODS)
def test_nfr_reliability_it_works_normally_afterwards(method: str, chat: str) -> None:
    """NFR-Reliability: It talks, starts children, handles SIGTERM and fails as it did before."""
    with Chat(make_chat_argv(method, chat)) as victim:
        assert victim.still_works()
        assert victim.ask("/key") == f"key: {victim.key}"
        assert victim.ask("/loader") == "loader variables:"
        assert victim.answer_to(signal.SIGTERM) == "bye"
        assert victim.process.wait(support.TIMEOUT) == 0

    with Chat(make_chat_argv(method, chat)) as victim:
        assert victim.ask("/fail") == ""
        _, errors = victim.process.communicate(timeout=support.TIMEOUT)
        assert victim.process.returncode == 1
        assert errors.startswith("Traceback (most recent call last):\n")
        assert errors.endswith("\nRuntimeError: asked to fail\n")
        assert "process-hardening:" not in errors


def test_sc1_the_program_uses_the_installed_package(hardened: list[str]) -> None:
    """SC1: The TUI has process-hardening as a dependency: the running process has it loaded."""
    support.require_root()  # nobody else may look
    with Chat(hardened) as victim:
        assert str(_native.__file__) in Path(f"/proc/{victim.pid}/maps").read_text()


def test_vc1_the_package_builds() -> None:
    """VC1: The build command of the specification: the wheel is built, installed and loads."""
    assert process_hardening.__version__ == metadata.version("process-hardening")
    files = metadata.files("process-hardening") or []
    extensions = [file for file in files if file.name.startswith("_process_hardening.")]
    assert Path(str(_native.__file__)) in [Path(str(f.locate())) for f in extensions]


@pytest.mark.parametrize("method", METHODS)
def test_vc2_proc_limits_says_0_0_bytes(method: str, chat: str, plain: list[str]) -> None:
    """VC2: cat /proc/$!/limits | grep "Max core file size" prints: 0 0 bytes."""
    name = "Max core file size"
    with (
        victims.allow_core_dumps(),
        Chat(plain) as control,
        Chat(make_chat_argv(method, chat)) as victim,
    ):
        line = grep(name, f"/proc/{victim.pid}/limits", user=False)
        assert line.split() == [*name.split(), "0", "0", "bytes"]
        assert grep(name, f"/proc/{control.pid}/limits", user=False).split() != line.split()


def test_vc3_gdb_says_operation_not_permitted(hardened: list[str], plain: list[str]) -> None:
    """VC3: gdb -p $! -ex "quit" says: ptrace: Operation not permitted."""
    with Chat(plain) as control, Chat(hardened) as victim:
        assert is_attached(attach_with_gdb(control.pid)), (
            "inconclusive: gdb cannot attach to anything"
        )
        assert "ptrace: Operation not permitted." in attach_with_gdb(victim.pid)


@pytest.mark.parametrize("reader", ["user", "root"])
@pytest.mark.parametrize("method", METHODS)
def test_vc4_environ_has_no_loader_variable(
    method: str, reader: str, chat: str, plain: list[str]
) -> None:
    """VC4: LD_PRELOAD=/tmp/test.so TUI & cat /proc/$!/environ | grep LD_ prints nothing."""
    user = reader == "user"
    if not user:
        support.require_root()
    with (
        Chat(plain, env=INJECTED) as control,
        Chat(make_chat_argv(method, chat), env=INJECTED) as tui,
    ):
        from_control = grep("LD_", f"/proc/{control.pid}/environ", user)
        assert from_control == "LD_PRELOAD=/tmp/test.so\n", "inconclusive"
        assert grep("LD_", f"/proc/{tui.pid}/environ", user) == ""
        if not user:
            # Root sees the rest of it: that nothing was printed is not for want of a right.
            assert grep("CHAT_TOKEN=", f"/proc/{tui.pid}/environ", user) == (
                f"CHAT_TOKEN={tui.token}\n"
            )


@pytest.mark.parametrize("method", METHODS)
def test_cl1_developers_can_skip_hardening(method: str, chat: str) -> None:
    """CL1: CODEX_SKIP_HARDENING=1 starts without hardening, and says what that means."""
    env = {"CODEX_SKIP_HARDENING": "1"}
    with Chat(make_chat_argv(method, chat), env=env) as victim:
        assert is_attached(attach_with_gdb(victim.pid))
        assert victim.still_works()
        victim.process.terminate()
        _, errors = victim.process.communicate(timeout=support.TIMEOUT)
        assert errors == (
            "process-hardening: CODEX_SKIP_HARDENING=1:"
            " starting without hardening, which exposes secrets\n"
        )
