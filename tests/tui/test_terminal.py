"""The specification's scenarios for programs that live in a terminal: the example and the monitor.

Each is started in a real pseudo-terminal as the unprivileged user, attacked by another process of
the same user, and used afterwards. The control is the same program with CODEX_SKIP_HARDENING=1.
"""

from __future__ import annotations

import ast
import pwd
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import support
import victims
from process_hardening.errors import TRACER_ERROR
from tui.terminal import Terminal

ROOT = Path(__file__).resolve().parents[2]

SKIP = {"CODEX_SKIP_HARDENING": "1"}


@dataclass(frozen=True)
class Program:
    """How to start a program, and what a person sees and types."""

    argv: tuple[str, ...]  # {examples}: copies of the examples that every user can read
    source: Path  # of its main()
    hardens: str  # the first statement of main()
    ready: str  # on the screen when keys are answered
    to_type: str  # the keys that lead to a line to type in
    typing: str  # the end of the screen when keys go there, apart from space
    prompt: str  # in that line while it is empty
    py_spy: str  # what py-spy tells of it; {secret}: what is in its environment


PROGRAMS = {
    "chat": Program(
        argv=(sys.executable, "{examples}/chat/chat.py"),
        source=ROOT / "examples" / "chat" / "chat.py",
        hardens="ph.pre_main_hardening(reexec=True)",
        ready="^p palette",
        to_type="",
        typing="^p palette",
        prompt="Say something",
        py_spy='key: "{secret}"',
    ),
    "monitor": Program(
        argv=(str(Path(sys.executable).with_name("process-hardening-tui")),),
        source=ROOT / "src" / "process_hardening" / "tui" / "main.py",
        hardens="ph.pre_main_hardening()",
        ready="q Quit",
        to_type="/",
        typing="/ Filter",
        prompt="program, pid, user",
        py_spy="main (process_hardening/tui/main.py",
    ),
}

QUIT = "\x11"  # ctrl+q
DELETE_LINE = "\x15"  # ctrl+u


class User(Terminal):
    """A person at a terminal who runs a program, with a secret in its environment."""

    def __init__(
        self, program: Program, examples: Path, env: dict[str, str], *before: str, **options: Any
    ) -> None:
        self.program = program
        self.hardened = not env.keys() & SKIP.keys()
        self.secret = f"sk-{secrets.token_hex(16)}"
        argv = [*before, *(word.format(examples=examples) for word in program.argv)]
        super().__init__(argv, env={"CHAT_API_KEY": self.secret, **env}, **options)

    def enter(self) -> None:
        """Wait until the program is there, and go to where text can be typed."""
        self.wait_for(self.program.ready)
        self.press(self.program.to_type)
        self.wait_for(self.is_typing)

    def is_typing(self) -> bool:
        """Whether the whole screen is there and keys go to the line."""
        return self.text().rstrip().endswith(self.program.typing)

    def type(self, text: str = "") -> str:
        """Type text, or something new, in an empty line, and see it appear; returns the text."""
        text = text or secrets.token_hex(8)
        if self.program.prompt not in self.text():
            self.press(DELETE_LINE)
            self.wait_for(self.program.prompt)
        self.press(text)
        self.wait_for(text)
        return text

    def quit(self) -> int:
        """Leave the program; returns its status."""
        self.press(QUIT)
        return self.wait()


Users = tuple[User, User]
"""Of the same program: one without its hardening, the control, and one with it."""


@pytest.fixture(scope="module")
def examples() -> Iterator[Path]:
    """Copies of the examples that the unprivileged user can read."""
    with tempfile.TemporaryDirectory(prefix="ph-examples-") as name:
        shutil.copytree(ROOT / "examples", name, dirs_exist_ok=True)
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module", params=PROGRAMS)
def program(request: pytest.FixtureRequest) -> Program:
    """Each of the programs."""
    return PROGRAMS[request.param]


@pytest.fixture(scope="module")
def injected() -> Iterator[dict[str, str]]:
    """What an attacker sets: the library leaves a mark for each image that it is loaded into."""
    with tempfile.TemporaryDirectory(prefix="ph-library-") as name:
        folder = Path(name)
        folder.chmod(0o777)  # the marks are the user's
        compiler = support.Compiler(victims.PROGRAMS / "launch", folder)
        library = compiler("mark.c", "-shared", "-fPIC", name="mark.so")
        yield {
            "LD_PRELOAD": str(library),
            "LD_LIBRARY_PATH": name,
            "MARK_FILE": f"{name}/marks",
        }


@pytest.fixture(scope="module")
def users(program: Program, examples: Path, injected: dict[str, str]) -> Iterator[Users]:
    """A pair for the attacks that leave both alive."""
    with (
        victims.allow_core_dumps(),
        User(program, examples, {**injected, **SKIP}) as control,
        User(program, examples, injected) as victim,
    ):
        control.enter()
        victim.enter()
        yield control, victim


@pytest.fixture
def user(program: Program, examples: Path) -> Iterator[User]:
    """One user of a hardened program."""
    with User(program, examples, {}) as user:
        user.enter()
        yield user


def test_keys_that_come_in_one_burst(examples: Path) -> None:
    """As over a slow ssh: what follows the slash is text, not an attack or the end."""
    with User(PROGRAMS["monitor"], examples, {}) as user:
        user.wait_for(user.program.ready)
        user.press("/aq/sx")
        user.wait_for("aq/sx")
        user.wait_for(user.is_typing)
        assert user.quit() == 0


def test_hardening_is_the_first_statement_of_main(program: Program) -> None:
    """FR1: nothing in main() comes before it, and textual is not imported above it."""
    tree = ast.parse(program.source.read_text())
    (main,) = (
        node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "main"
    )
    _docstring, first, *_ = main.body
    assert ast.unparse(first) == program.hardens
    imports = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    assert "textual" not in " ".join(map(ast.unparse, imports))


def before_textual(trace: str) -> list[str]:
    """The system calls of a program's last image up to when it opens a file of textual."""
    lines = trace.splitlines()
    opens = next(number for number, line in enumerate(lines) if "/textual/" in line)
    starts = max(number for number, line in enumerate(lines[:opens]) if " exec" in line)
    return lines[starts:opens]


@pytest.mark.parametrize("env", [SKIP, {}], ids=["control", "hardened"])
def test_it_is_hardened_before_textual_is_opened(
    env: dict[str, str], program: Program, examples: Path, tmp_path: Path
) -> None:
    """FR1, SC2: the kernel has said so before, as strace sees from outside.

    A program that would start again does not below a tracer, which would read the new start.
    """
    support.require_root()  # of a process that is not dumpable, nobody else sees the paths
    file = tmp_path / "trace"
    name = pwd.getpwuid(support.USER).pw_name
    calls = "trace=execve,execveat,prctl,prlimit64,openat"
    strace = [support.find_tool("strace"), "-f", "-o", str(file), "-e", calls, "-u", name]
    with User(program, examples, env, *strace, user=0, group=0) as user:
        if user.hardened and "reexec" in program.hardens:
            user.wait_for("a tracer is attached")
            assert user.process.wait(support.TIMEOUT) == TRACER_ERROR
            assert "/textual/" not in file.read_text()
            return
        user.enter()
        assert user.quit() == 0
    trace = file.read_text()
    seen = before_textual(trace)
    dumpable = [line.split(" = ")[1] for line in seen if "PR_GET_DUMPABLE" in line]
    limit = [line.split("NULL, ")[1] for line in seen if "RLIMIT_CORE, NULL" in line]
    assert user.hardened == (dumpable[-1:] == ["0 (SUID_DUMP_DISABLE)"])
    assert user.hardened == (limit[-1:] == ["{rlim_cur=0, rlim_max=0}) = 0"])
    own = [line for line in trace.splitlines() if line.split()[0] == trace.split()[0]]
    assert not any("PR_SET_DUMPABLE, SUID_DUMP_USER" in line for line in own)


def test_both_core_limits_are_0(users: Users) -> None:
    """P1.2, SC3, VC2: as the kernel shows them to everybody."""
    control, victim = users
    assert "0" not in victims.read_core_limit(control.pid).split()[:2], "inconclusive"
    assert victims.read_core_limit(victim.pid) == "0 0 bytes"


@pytest.mark.parametrize("number", [signal.SIGABRT, signal.SIGSEGV], ids=lambda number: number.name)
def test_a_crash_leaves_no_core(
    number: signal.Signals,
    program: Program,
    examples: Path,
    user_tmp: Path,
    core_pattern: support.Sysctl,
) -> None:
    """P1.1, P1.3: the core of the control holds the secret and what was typed."""
    core_pattern.set(f"{user_tmp}/core.%p")
    with (
        victims.allow_core_dumps(),
        User(program, examples, SKIP) as control,
        User(program, examples, {}) as victim,
    ):
        for user in (control, victim):
            user.enter()
            typed = user.type()
            assert user.end_by(number) == -number
            core = user_tmp / f"core.{user.pid}"
            if user.hardened:
                assert not core.exists()
            else:
                assert core.exists(), "inconclusive"
                memory = core.read_bytes()
                assert user.secret.encode() in memory, "inconclusive"
                assert typed.encode() in memory, "inconclusive"


def test_gdb_is_refused(users: Users, user_tmp: Path) -> None:
    """P2.1, SC4, VC3: from the control, gdb gets the secret and what was typed."""
    for user in users:
        typed = user.type()
        core = user_tmp / f"core.{user.pid}"
        gdb = [support.find_tool("gdb"), "-nx", "-batch", "-p", str(user.pid)]
        result = support.run_as_user([*gdb, "-ex", f"generate-core-file {core}"])
        if user.hardened:
            assert f"ptrace: {victims.NOT_PERMITTED}" in result.stdout + result.stderr
            assert not core.exists()
        else:
            assert core.exists(), f"inconclusive: {result.stderr}"
            memory = core.read_bytes()
            assert user.secret.encode() in memory, "inconclusive"
            assert typed.encode() in memory, "inconclusive"
        user.type()


def test_py_spy_is_refused(users: Users) -> None:
    """P2: from the control, py-spy gets what its functions are at."""
    for user in users:
        py_spy = [support.find_tool("py-spy"), "dump", "--locals", "--pid", str(user.pid)]
        result = support.run_as_user(py_spy)
        told = user.program.py_spy.format(secret=user.secret) in result.stdout
        assert told != user.hardened, result.stdout + result.stderr
        user.type()


@pytest.mark.parametrize("reader", ["user", "root"])
def test_no_loader_variable_is_in_its_environment(reader: str, users: Users) -> None:
    """P3.1, SC5, VC4: not even root finds one."""
    if reader == "root":
        support.require_root()
    run = support.run if reader == "root" else support.run_as_user
    control, victim = (
        run(["cat", f"/proc/{user.pid}/environ"], errors="surrogateescape").stdout for user in users
    )
    assert "\0LD_PRELOAD=" in control, "inconclusive"
    assert "LD_" not in victim
    # Root sees the rest of it, and so would see them; its user may not look at all.
    assert ("TERM=xterm-256color" in victim) == (reader == "root")


def test_a_preloaded_library_is_gone(users: Users, injected: dict[str, str]) -> None:
    """P3: it was in the image that was started, and is in none that goes on."""
    support.require_root()  # nobody else may see the maps
    control, victim = (Path(f"/proc/{user.pid}/maps").read_text() for user in users)
    assert injected["LD_PRELOAD"] in control, "inconclusive"
    assert injected["LD_PRELOAD"] not in victim


def test_it_takes_keys_pasted_text_and_unicode(users: Users) -> None:
    """NFR-Reliability: typed and pasted, narrow, wide, and outside the basic plane."""
    _, user = users
    user.type("żółw, 漢字 🐢 ")
    user.paste("pasted: Grüße 한글")
    user.wait_for("pasted: Grüße 한글")
    user.press("\x7f" * len("한글"))
    user.wait_for(lambda: "한" not in user.text())
    assert "żółw, 漢字 🐢 pasted: Grüße" in user.text()


def test_it_follows_the_size_of_the_window(users: Users) -> None:
    """NFR-Reliability: SIGWINCH, larger and smaller, and what was typed is still there."""
    _, user = users
    typed = user.type()
    for columns, lines in ((132, 50), (80, 24)):
        user.resize(columns, lines)
        user.wait_for(lambda: user.is_typing() and typed in user.text())
        assert "".join(user.screen.display[-2:]).strip()
        assert columns == 80 or any(line[80:].strip() for line in user.screen.display)


def test_it_goes_on_after_a_stop(users: Users) -> None:
    """NFR-Reliability: stopped and continued, as by a shell."""
    _, user = users
    user.process.send_signal(signal.SIGSTOP)
    user.process.send_signal(signal.SIGCONT)
    user.type()


def test_it_ends_with_0_and_leaves_the_terminal_as_it_was(user: User) -> None:
    """NFR-Reliability: line settings, the other screen, cursor, mouse, paste mode, key codes."""
    assert user.state()["stty"] != user.before["stty"]
    assert user.state()["modes"] != user.before["modes"]
    assert user.state()["kitty"] != user.before["kitty"]
    assert user.quit() == 0
    assert user.state() == user.before


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT], ids=lambda number: number.name
)
def test_a_signal_leaves_the_terminal_as_it_was(number: signal.Signals, user: User) -> None:
    """NFR-Reliability: the status tells the signal, as that of a shell does."""
    user.type()
    assert user.end_by(number) == 128 + number
    assert user.state() == user.before


def test_it_ends_when_the_terminal_goes_away(user: User) -> None:
    """NFR-Reliability: nothing is left running behind a closed window or a broken connection."""
    user.hang_up()
    # By the alarm where ending takes long: what counts is that it ended.
    assert user.wait() in (128 + signal.SIGHUP, -signal.SIGALRM)


def test_a_signal_ends_it_when_the_terminal_takes_no_output(user: User) -> None:
    """NFR-Reliability: a program that waits for its terminal would keep its secrets for ever."""
    user.stall()
    assert user.end_by(signal.SIGTERM) == -signal.SIGALRM


def test_the_chat_answers(examples: Path) -> None:
    """NFR-Reliability: a conversation with the example, and a new one."""
    with User(PROGRAMS["chat"], examples, {}) as user:
        user.enter()
        user.press("What is [b]this[/b], żółw?\r")
        user.wait_for("You said: What is [b]this[/b], żółw?")
        user.press("\x0e")  # ctrl+n
        user.wait_for(lambda: "żółw" not in user.text())
        user.press("And now?\r")
        user.wait_for("You said: And now?")


def test_the_chat_wants_a_key_and_a_terminal(examples: Path) -> None:
    """One line says what is missing."""
    chat = [sys.executable, f"{examples}/chat/chat.py"]
    for env, line in (
        ({}, "chat: no API key: set CHAT_API_KEY\n"),
        ({"CHAT_API_KEY": "sk-1"}, "chat: this is not a terminal\n"),
    ):
        result = support.run_as_user(chat, env=env)
        assert (result.returncode, result.stdout, result.stderr) == (1, "", line)
