"""The exit status of every command: nothing matched, unknown, found, wrong usage, and the rest."""

from __future__ import annotations

import json
import re
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import starts
import support
from environments import Venv
from process_hardening import errors
from process_hardening.cli.main import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/reference/exit-codes.md").read_text()
DOCUMENTED = re.findall(r"^\| (`.*`) \| (\d+|\*any other\*) \| .* \|$", PAGE, re.MULTILINE)

HARDEN, CONFINE = (support.find_tool(name) for name in ("harden", "confine"))
COMMAND = support.find_tool("process-hardening")
WAITING = "print(1, flush=True); input()"
NO_PID = "4194304"  # above the kernel's greatest pid_max
NO_NAME = "^no-such-name-as-th[i]s$"


def fails_at(call: str) -> list[str]:
    """The words before a program for which a system call fails."""
    return starts.refusing(f"{call}:EPERM")


NOT_INSPECTABLE = fails_at("prctl:0=4")  # PR_SET_DUMPABLE
CORE_LIMIT = fails_at("prlimit64:1=4")  # RLIMIT_CORE
NO_NEW_PRIVS = fails_at("prctl:0=38")
ATTACK = "verify --attack process-vm-readv"

# Command, status, and the words that bring it about.
CASES = [
    ("audit", 0, "audit PID_HARDENED"),
    ("audit", 0, "audit PID_EXPOSED --fail-on never"),
    ("audit", 1, "audit PID_EXPOSED --fail-on low"),
    ("audit", 2, "audit --no-such-option"),
    ("audit", 2, "audit --fail-on nothing"),
    ("audit", 2, f"audit {NO_PID}"),
    ("audit", 2, "audit --user no-such-user-here"),
    ("audit", 2, "audit --exclude PH999"),
    ("audit", 2, "audit --name ("),
    ("audit", 2, "audit --compare /nonexistent"),
    ("audit", 3, f"audit --name {NO_NAME}"),
    ("audit", 3, f"audit --name {NO_NAME} --json"),
    ("audit", 3, "audit PID_EXPOSED --exclude . --fail-on never"),
    ("audit merge", 0, "audit merge SAVED --html"),
    ("audit merge", 0, "audit merge SAVED SAVED --json"),
    ("audit merge", 2, "audit merge"),
    ("audit merge", 2, "audit merge SAVED"),
    ("audit merge", 2, "audit merge /nonexistent --json"),
    ("audit merge", 2, "audit merge /proc/self/status --html"),
    ("doctor", 2, "doctor --no-such-option"),
    ("doctor", 2, "doctor --script nothing"),
    ("doctor", 2, "doctor --json --script"),
    ("status", 0, "status PID_HARDENED"),
    ("status", 1, "status"),
    ("status", 1, "status PID_EXPOSED --json"),
    ("status", 2, f"status {NO_PID}"),
    ("status", 2, "status word"),
    ("status", 2, "status --no-such-option"),
    ("status", 3, "status PID_ZOMBIE"),
    ("explain", 0, "explain"),
    ("explain", 0, "explain ph001 PH101 --json"),
    ("explain", 2, "explain PH999"),
    ("explain", 2, "explain --json --markdown"),
    ("verify", 0, "verify --list"),
    ("verify", 0, f"{ATTACK} --victim pre-main"),
    ("verify", 1, f"{ATTACK} --victim undone"),
    ("verify", 2, "verify --attack no-such-attack"),
    ("verify", 2, "verify --victim no-such-victim"),
    ("verify", 2, "verify --no-such-option"),
    ("verify", 2, f"verify --pid {NO_PID}"),
    ("verify", 2, "verify --compare /nonexistent"),
    ("verify", 3, "verify --built-in -- HARDENS_ITSELF"),
    ("verify", 127, f"{ATTACK} -- /nonexistent"),
    ("run", 0, "run true"),
    ("run", 7, "run -- sh -c EXIT_7"),
    ("run", 2, "run"),
    ("run", 2, "run --no-such-option true"),
    ("run", 126, "run /etc/passwd"),
    ("run", 127, "run /nonexistent"),
    ("confine", 7, "confine -- sh -c EXIT_7"),
    ("confine", 2, "confine"),
    ("confine", 2, "confine --no-such-option true"),
    ("confine", 126, "confine /etc/passwd"),
    ("confine", 127, "confine /nonexistent"),
    ("tui", 2, "tui"),
    ("tui", 2, "tui --no-such-option"),
    ("tui", 2, "tui --interval 0"),
    ("help", 0, ""),
    ("help", 0, "help"),
    ("help", 0, "help audit"),
    ("help", 0, "help harden"),
    ("help", 0, "--version"),
    ("help", 2, "help no-such-command"),
    ("help", 2, "no-such-command"),
    ("help", 2, "--no-such-option"),
    ("hook enable", 2, "hook enable --python /nonexistent"),
    ("hook enable", 2, "hook enable --json"),
    ("hook disable", 2, "hook disable --on-request"),
    ("hook status", 1, "hook status"),
    ("hook status", 2, "hook status --python /nonexistent"),
    ("hook status", 2, "hook no-such-action"),
    ("hook status", 2, "hook"),
]

# Where the other documented ones are brought about. 6 and 8 of the monitor are those of
# pre_main_hardening(), which it calls first; on Linux that refuses no tracer.
ELSEWHERE = {
    ("run", 8): "tests/integration/test_failures.py",
    ("tui", 0): "tests/tui/test_terminal.py",
    ("tui", 6): "tests/native/test_platforms.c",
    ("tui", 8): "tests/integration/test_failures.py",
    ("tui", 128): "tests/tui/test_terminal.py",
    ("verify", 130): "tests/verify/test_leftovers.py",
    ("audit", 130): "tests/audit/test_audit_command.py",
}


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory, programs: Path) -> Iterator[dict[str, str]]:
    """What stands for a process or a file in the words of a case."""
    saved = tmp_path_factory.mktemp("saved") / "audit.json"
    # Where the unprivileged user, who runs the victims of verify, can start it.
    hardens_itself = programs / "hardens_itself.py"
    shutil.copy(ROOT / "tests/verify/programs" / hardens_itself.name, hardens_itself)
    hardens_itself.chmod(0o755)
    zombie = [sys.executable, str(ROOT / "tests/programs/zombie.py")]
    waiting = [sys.executable, "-c", WAITING]
    with (
        support.Running([HARDEN, "--", *waiting], user=None) as hardened,
        support.Running(waiting, user=None) as exposed,
        support.Running(zombie, user=None) as parent,
    ):
        done = support.run([COMMAND, "audit", str(exposed.pid), "--json"])
        saved.write_text(done.stdout)
        yield {
            "PID_HARDENED": str(hardened.pid),
            "PID_EXPOSED": str(exposed.pid),
            "PID_ZOMBIE": parent.ready,
            "SAVED": str(saved),
            "HARDENS_ITSELF": str(hardens_itself),
            "EXIT_7": "exit 7",
        }


def check_status(argv: list[str], status: int) -> None:
    """Run a command to its end: a failure is one line on standard error, never a traceback."""
    done = support.run(argv)
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    if status in (2, 5, 6, 7, 126, 127) and "sh" not in argv:
        assert (done.stdout, done.stderr.count("\n")) == ("", 1), done.stderr
        assert done.stderr.startswith("process-hardening: ")


@pytest.mark.parametrize(("command", "status", "words"), CASES, ids=str)
def test_the_status(command: str, status: int, words: str, values: dict[str, str]) -> None:
    """Of the command; `harden` and `confine`, the native ones, have the same as in Python."""
    arguments = [values.get(word, word) for word in words.split()]
    check_status([COMMAND, *arguments], status)
    if command in ("run", "confine"):
        check_status([{"run": HARDEN, "confine": CONFINE}[command], *arguments[1:]], status)


FAULTS = [
    ("run", 5, NOT_INSPECTABLE),
    ("run", 6, ["strace", "-f", "-o", "/dev/null"]),
    ("run", 7, CORE_LIMIT),
    ("confine", 126, NO_NEW_PRIVS),
    ("tui", 5, NOT_INSPECTABLE),
    ("tui", 7, CORE_LIMIT),
]


@pytest.mark.parametrize(
    ("command", "status", "before"), FAULTS, ids=[f"{c}-{s}" for c, s, _ in FAULTS]
)
def test_the_status_of_a_step_that_fails(command: str, status: int, before: list[str]) -> None:
    """The kernel refuses a call, or a tracer is attached."""
    if "/" not in before[0]:
        before = [support.find_tool(before[0]), *before[1:]]
    program = [] if command == "tui" else ["true"]
    check_status([*before, COMMAND, command, *program], status)
    if command in ("run", "confine"):
        check_status([*before, {"run": HARDEN, "confine": CONFINE}[command], *program], status)


@pytest.mark.parametrize("fail_on", ["info", "high", "never"])
def test_the_status_of_doctor_is_that_of_its_findings(fail_on: str) -> None:
    """1 at or above --fail-on, else 3 for what could not be seen, else 0."""
    done = support.run([COMMAND, "doctor", "--json", "--fail-on", fail_on])
    found = json.loads(done.stdout)
    order = ["info", "low", "medium", "high"]
    serious = order[order.index(fail_on) :] if fail_on in order else []
    is_found = any(finding["severity"] in serious for finding in found["findings"])
    assert done.returncode == (1 if is_found else 0 if found["complete"] else 3)


def test_the_status_of_the_hook(user_tmp: Path) -> None:
    """0 enabled, 1 not enabled, 3 damaged; in JSON, the same with its state."""
    venv = Venv(user_tmp / "venv")
    assert venv.call("status").returncode == 1
    assert venv.call("enable").returncode == 0
    assert venv.call("status").returncode == 0
    venv.hook.write_text("# damaged\n")
    done = venv.call("status", "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["hook"]) == (3, "damaged")
    assert found["repair"].startswith("process-hardening hook enable")
    assert venv.call("disable").returncode == 0
    assert json.loads(venv.call("status", "--json").stdout)["repair"] is None


def test_every_documented_status_is_brought_about() -> None:
    """Here, or in the test that is named."""
    here = {(command, status) for command, status, _ in [*CASES, *FAULTS]}
    here |= {("doctor", status) for status in (0, 1, 3)}
    here |= {("hook status", status) for status in (0, 3)}
    here |= {("hook enable", 0), ("hook disable", 0)}
    documented = {
        (command.split(",")[0].strip("`"), int(status))
        for command, status in DOCUMENTED
        if status.isdigit()
    }
    assert documented - here == set(ELSEWHERE)
    assert all((ROOT / path).is_file() for path in ELSEWHERE.values())


def test_the_page_has_every_command_and_every_code() -> None:
    """Of errors.py; and no code that is not there."""
    commands = {command.strip("`").split()[0].rstrip("`,") for command, _ in DOCUMENTED}
    assert commands == {*COMMANDS, "help"}
    codes = {value for name, value in vars(errors).items() if name.isupper()} - {False}
    used = {int(status) for _, status in DOCUMENTED if status.isdigit()}
    assert used - {0, 128} == codes
    assert codes == {int(code) for code in re.findall(r"^\| (\d+) \| `", PAGE, re.MULTILINE)}


@pytest.mark.parametrize("arguments", [["audit"], ["status", "1"], ["verify", "--list"]])
def test_a_bug_is_not_taken_for_a_finding_or_a_leak(arguments: list[str]) -> None:
    """Python itself ends with 1. What it needs is missing from this interpreter."""
    program = str(starts.PROGRAMS / "broken_python.py")
    result = support.run([sys.executable, program, *arguments])
    assert result.returncode == errors.USAGE_ERROR
    assert "AttributeError: module 'os' has no attribute" in result.stderr


def test_ctrl_c_has_the_status_of_its_signal() -> None:
    assert errors.INTERRUPTED == 128 + signal.SIGINT
