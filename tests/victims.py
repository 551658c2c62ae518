"""The victims of the tests: programs/chat.py under every protection, and a console."""

from __future__ import annotations

import os
import resource
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import process_hardening
import support
from process_hardening import _native
from process_hardening.environment import PRELOAD_LIBRARY

if TYPE_CHECKING:
    from typing_extensions import Self

PROGRAMS = Path(__file__).with_name("programs")

METHODS = ("pre_main", "reexec", "execute-only", "preload", "in-process")
"""The ways in which this project hardens a program."""

MESSAGE = "hello, my key is above"

NOT_PERMITTED = "Operation not permitted"
"""The error a debugger gets when the process is not dumpable."""

_IN_THE_PROGRAM = {"pre_main": "PRE_MAIN", "reexec": "REEXEC"}


def find_command() -> str:
    """Return the path of the installed process-hardening command."""
    return str(Path(sys.executable).with_name("process-hardening"))


def make_preload_entry() -> str:
    """Return the environment entry NAME=VALUE that loads our library into a program."""
    return f"LD_PRELOAD={PRELOAD_LIBRARY}"


def copy_package(folder: Path, *without: str) -> None:
    """Copy the installed package, and the extension beside it, to where every user can read.

    without -- parts of the package that are not needed there
    """
    package = Path(str(process_hardening.__file__)).parent
    parts = [str(path) for path in package.iterdir() if path.name not in without]
    folder.mkdir(parents=True)
    # cp takes a fifth of the time of shutil. The byte code comes along, as pip leaves it.
    subprocess.run(["cp", "-Rp", *parts, str(folder)], check=True)
    shutil.copy(str(_native.__file__), folder.parent)


def make_chat_argv(method: str, program: str) -> list[str]:
    """Return the command that starts the chat under a method: plain, one of METHODS or its own."""
    python = [sys.executable, program]
    if method == "plain":
        return [*python, "PLAIN"]
    if method == "in-process":
        return [find_command(), "run", "--method", method, "--", program, "PLAIN"]
    if method in METHODS and method not in _IN_THE_PROGRAM:
        return [find_command(), "run", "--method", method, "--", *python, "PLAIN"]
    return [*python, _IN_THE_PROGRAM.get(method, method)]


class Chat(support.Running):
    """A chat that runs beside the test and holds random secrets: a key and a token.

    The key, given over standard input, is in its memory at `address` and in an open file;
    the token is in the environment that it was started with.
    """

    def __init__(self, argv: list[str], **options: Any) -> None:
        self.key = f"sk-{secrets.token_hex(16)}"
        self.token = f"token-{secrets.token_hex(16)}"
        env = {**os.environ, "CHAT_TOKEN": self.token, **options.pop("env", {})}
        super().__init__(argv, env=env, **options)

    def __enter__(self) -> Self:
        """Wait until it has started, then send it its secrets."""
        super().__enter__()
        try:
            self.load()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def load(self) -> None:
        """Send it its secrets and wait until it has read them."""
        answer = self.ask(f"{self.key}\n{MESSAGE}")
        if not answer:
            _, errors = self.process.communicate(timeout=support.TIMEOUT)
            pytest.fail(f"ended with {self.process.returncode} instead of reading: {errors}")
        assert answer.startswith("READY "), answer
        self.address = int(answer.split()[1])

    def still_works(self) -> bool:
        """Whether it still answers."""
        return self.ask("are you there?") == "echo: are you there?"


class Console(support.Running):
    """The interpreter of programs/console.py, which runs the lines that a test sends it."""

    def __init__(self, programs: Path, *before: str, **options: Any) -> None:
        self.programs = programs
        super().__init__([*before, sys.executable, str(programs / "console.py")], **options)

    def do(self, *lines: str) -> str:
        """Run lines in it and return the answer to the last one."""
        return [self.ask(line) for line in lines][-1]

    def hold(self, path: Path, kind: str) -> int:
        """Have it read a file into a kind of buffer; returns the address."""
        return int(self.do(f"secret, address = hold({str(path)!r}, {kind})", "address"))

    def attack(self, name: str, address: int = 0, size: int = 0, **options: Any) -> str:
        """Attack it, as its own user unless options say otherwise; returns the output."""
        attack = [sys.executable, str(self.programs / "attack.py"), name, str(self.pid)]
        result = support.run_as_user(
            [*attack, str(address), str(size)], **{"errors": "replace", **options}
        )
        return str(result.stdout + result.stderr)


def read_core_limit(pid: int) -> str:
    """Return the core limit in /proc/PID/limits: soft, hard, unit."""
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("Max core file size"))
    return " ".join(line.removeprefix("Max core file size").split())


@contextmanager
def allow_core_dumps() -> Iterator[None]:
    """Raise the soft core limit, which started programs inherit, to the hard one."""
    before = resource.getrlimit(resource.RLIMIT_CORE)
    if before[1] == 0:
        support.fail_or_skip("a core limit above 0")
    resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, before)


class Cores:
    """The folder where the kernel puts core dumps during a test; piped: through a program."""

    def __init__(self, folder: Path, piped: bool) -> None:
        self.folder = folder
        self.piped = piped

    def find(self, pid: int) -> bytes | None:
        """Return the core dump of a process that has ended, or None."""
        path = self.folder / f"core.{pid}"
        return path.read_bytes() if path.exists() else None

    def assert_leaked(self, control: Chat) -> None:
        """Fail as inconclusive unless the core dump of an unhardened victim has its key."""
        core = self.find(control.pid)
        settings = ("core_pattern", "core_pipe_limit")
        values = [Path(f"/proc/sys/kernel/{name}").read_text().strip() for name in settings]
        assert core is not None, f"inconclusive: no core; {settings} are {values}"
        assert control.key.encode() in core, "inconclusive: the key is not in the core"
