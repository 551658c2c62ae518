"""A patient attacker gets no hold on what `harden` starts, or on an execute-only Python."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

import starts
import support
from environments import Venv

LAUNCHES = int(os.environ.get("PROCESS_HARDENING_LAUNCHES", "15"))
"""Of each kind; `make launches` makes 100."""
ATTACKS = ("read", "write", "seize", "descriptor")
SLEEP = ["-I", "-S", "-c", "import time; time.sleep(60)"]
"""Arguments of a Python that nothing but its interpreter's file can harden."""


@pytest.fixture
def target(make: support.Compiler, user_tmp: Path) -> str:
    """A program with a name of its own that runs until the attacker ends it."""
    path = user_tmp / "target"
    shutil.copy(make("target.c"), path)
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def window(make: support.Compiler) -> str:
    """The attacker."""
    return str(make("window.c"))


def holds(
    window: str, attack: str, command: Sequence[str], launches: int, name: str = "target"
) -> tuple[int, int]:
    """In how many launches the attacker got a hold on the launcher, and on the program.

    name -- by which the program shows that it has begun
    Printed too: docs/harden.md quotes it.
    """
    got = [0, 0]
    for _ in range(launches):
        result = support.run_as_user([window, attack, name, *command])
        assert result.returncode == 0, result.stderr
        words = result.stdout.split()
        got[0] += words[words.index("launcher") + 1] == "1"
        got[1] += words[words.index("program") + 1] == "1"
    print(f"{attack}: {' '.join(command)}: {launches}: launcher {got[0]}, program {got[1]}")
    return got[0], got[1]


@pytest.mark.parametrize("attack", ATTACKS)
def test_every_attack_succeeds_on_a_plain_program(window: str, target: str, attack: str) -> None:
    assert holds(window, attack, [target], 3)[1] == 3


@pytest.mark.parametrize("method", ["execute-only", "copy"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_nobody_gets_a_hold_on_an_execute_only_program(
    harden: str, window: str, target: str, attack: str, method: str
) -> None:
    command = [harden, "--method", method, target]

    assert holds(window, attack, command, LAUNCHES)[1] == 0


@pytest.mark.parametrize("method", ["execute-only", "copy"])
@pytest.mark.parametrize("start", ["in memory", "run"])
def test_nobody_reads_an_execute_only_program_however_it_is_started(
    harden: str, window: str, target: str, start: str, method: str
) -> None:
    """Where it has no path of its own, and by `process-hardening run`."""
    launcher, name = [support.find_tool("process-hardening"), "run"], "target"
    if start == "in memory":
        launcher = [*starts.refusing("fsopen=EPERM"), harden]
        name = "memfd:target" if method == "copy" else name  # the kernel's name for a copy
    command = [*launcher, "--method", method, target]

    assert holds(window, "read", command, LAUNCHES, name)[1] == 0


@pytest.mark.parametrize("attack", ATTACKS)
def test_nobody_gets_a_hold_on_the_launcher_that_root_installed(
    roots_harden: str, window: str, target: str, attack: str
) -> None:
    assert holds(window, attack, [roots_harden, target], LAUNCHES) == (0, 0)


def test_explain_says_whether_the_launcher_itself_is_open_at_its_start(
    harden: str, roots_harden: str, show: str
) -> None:
    words = {
        path: support.run_as_user([path, "--explain", show]).stdout
        for path in (harden, roots_harden)
    }
    assert "\nlauncher:         its user can read its file, and its memory until" in words[harden]
    assert "\nlauncher:         its user cannot read its file" in words[roots_harden]


def test_root_installed_launcher_makes_the_place_under_the_programs_own_path(
    roots_harden: str, show: str
) -> None:
    result = support.run_as_user([roots_harden, show])

    assert f"exe {os.path.realpath(show)}\n" in result.stdout


def test_root_installed_launcher_follows_what_the_program_executes(
    roots_harden: str, show: str
) -> None:
    """The library is where it looks for one: docs/harden.md installs both."""
    result = support.run_as_user([roots_harden, "sh", "-c", 'exec "$1"', "sh", show])

    assert "dumpable 0\n" in result.stdout
    assert result.stderr == ""


def test_a_traced_launcher_starts_nothing(harden: str, show: str) -> None:
    strace = support.find_tool("strace")
    result = support.run_as_user([strace, "-o", "/dev/null", harden, show])

    assert (result.returncode, result.stdout) == (6, "")
    assert "a tracer is attached" in result.stderr


def run_below_outside_tracer(words: list[str], tracer: list[str]) -> tuple[int, str, str]:
    """Run words in a pid namespace of their own while a process outside traces them.

    tracer -- the command that traces the pid that follows it, or nothing. Returns the exit status
    and the output.
    """
    user = ["setpriv", f"--reuid={support.USER}", f"--regid={support.USER}", "--clear-groups"]
    inside = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", *user]
    waits = ["sh", "-c", 'echo ready; read line; exec "$@"', "sh", *words]
    with support.Running([*inside, *waits], user=0, group=0) as process:
        assert process.ready == "ready"
        pid = process.process.pid
        victim = Path(f"/proc/{pid}/task/{pid}/children").read_text().strip()
        with ExitStack() as ending:
            if tracer:
                command = [*tracer, victim]
                outside = subprocess.Popen(
                    command, stderr=subprocess.DEVNULL, **support.user_options()
                )
                ending.callback(outside.wait, support.TIMEOUT)
                ending.callback(outside.kill)
                status = Path(f"/proc/{victim}/status")
                while f"TracerPid:\t{outside.pid}\n" not in status.read_text():
                    assert outside.poll() is None, "the tracer has ended"
                    time.sleep(0.01)
            output, errors = process.process.communicate("\n", timeout=support.TIMEOUT)
        return process.process.returncode, output, errors


@pytest.mark.parametrize(
    "program",
    [
        [],
        ["--strict"],
        "import process_hardening as ph; ph.pre_main_hardening(ph.STRICT); print('runs')",
    ],
    ids=["harden", "harden --strict", "STRICT"],
)
def test_a_tracer_outside_the_pid_namespace_is_refused(
    harden: str, program: list[str] | str
) -> None:
    """Inside, /proc shows it as process 0: none."""
    support.require_root()
    strace = [support.find_tool("strace"), "-o", "/dev/null", "-p"]
    words = [harden, *program, "echo", "runs"]
    if isinstance(program, str):
        words = [sys.executable, "-c", program]
    look = ["grep", "TracerPid", "/proc/self/status"]

    assert run_below_outside_tracer(look, strace) == (0, "TracerPid:\t0\n", "")
    assert run_below_outside_tracer(words, []) == (0, "runs\n", "")
    status, output, errors = run_below_outside_tracer(words, strace)
    assert (status, output) == (6, "")
    assert "a tracer is attached" in errors


def test_looking_for_an_outside_tracer_leaves_no_child(make: support.Compiler) -> None:
    """Not even if the tracer stops the child, which has to be killed then."""
    support.require_root()
    tracer = [sys.executable, str(make.sources / "keeping_tracer.py")]
    words = [sys.executable, str(make.sources / "harden_and_look_for_children.py")]

    assert run_below_outside_tracer(words, []) == (0, "hardened\nno children\n", "")
    assert run_below_outside_tracer(words, tracer) == (0, "6\nno children\n", "")


def test_below_a_tracer_that_answers_for_the_kernel_nothing_is_started(
    harden: str, show: str
) -> None:
    """As proot and Termux do: they could not read the memory of a hardened program."""
    result = support.run_as_user([support.find_tool("proot"), harden, show])

    assert "a tracer is attached" in starts.refused(result, status=6)


@pytest.fixture
def venv(user_tmp: Path) -> Venv:
    """An environment of the user who is attacked."""
    return Venv(user_tmp / "venv")


@pytest.fixture
def roots_venv() -> Iterator[Venv]:
    """An environment of root, whose interpreter only root can make readable again."""
    support.require_root()
    with tempfile.TemporaryDirectory(prefix="ph-root-") as name:
        Path(name).chmod(0o755)
        yield Venv(Path(name) / "venv", root=True)


@pytest.mark.parametrize("attack", ATTACKS)
def test_every_attack_succeeds_on_an_ordinary_interpreter(
    window: str, venv: Venv, attack: str
) -> None:
    """The control."""
    assert holds(window, attack, [venv.python, *SLEEP], 3, "python")[1] == 3


@pytest.mark.parametrize("attack", ATTACKS)
def test_nobody_gets_a_hold_on_an_execute_only_interpreter(
    window: str, venv: Venv, attack: str
) -> None:
    """Of the same user, who leaves the file as it is; nothing but the file hardens this start."""
    assert venv.call("enable --execute-only").returncode == 0
    assert holds(window, attack, [venv.python, *SLEEP], LAUNCHES, "python") == (0, 0)


@pytest.mark.parametrize("attack", ATTACKS)
def test_nobody_gets_a_hold_on_the_interpreter_of_another_owner(
    window: str, roots_venv: Venv, attack: str
) -> None:
    """Root's, for a service of another user, who cannot undo it."""
    result = roots_venv.call("enable --execute-only")
    assert "execute-only (only root can undo it)" in result.stdout, result.stderr
    assert holds(window, attack, [roots_venv.python, *SLEEP], LAUNCHES, "python") == (0, 0)

    undo = f"import os; os.chmod({roots_venv.python!r}, 0o755)"
    assert "PermissionError" in support.run_as_user([sys.executable, "-c", undo]).stderr
    copy = ["cp", roots_venv.python, "/dev/null"]
    assert "Permission denied" in support.run_as_user(copy).stderr
