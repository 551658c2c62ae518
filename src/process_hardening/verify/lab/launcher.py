"""Starting victims, and the programs that users name."""

from __future__ import annotations

import os
import resource
import select
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from process_hardening.verify.lab import canary
from process_hardening.verify.lab.kernel import die_with_parent
from process_hardening.verify.model import Target
from process_hardening.verify.lab.victim import ANSWER

CONTROL = "control"

_VICTIM = (os.path.join(os.path.dirname(__file__), "victim.py"),)
_RUN = ("-m", "process_hardening", "run", "--method")

# How each victim is started: arguments for this interpreter.
KINDS: dict[str, tuple[str, ...]] = {
    CONTROL: _VICTIM,
    "pre-main": (*_VICTIM, "--harden"),
    "reexec": (*_VICTIM, "--reexec"),
    "execute-only": (*_RUN, "execute-only", "--", sys.executable, *_VICTIM),
    "preload": (*_RUN, "preload", "--", sys.executable, *_VICTIM),
    "in-process": (*_RUN, "in-process", *_VICTIM),
}
# Victims whose hardening is broken on purpose: what verify has to find out.
BROKEN_KINDS: dict[str, tuple[str, ...]] = {
    "undone": (*_VICTIM, "--harden", "--undo"),
    "without-inspection": (*_VICTIM, "--harden", "--without", "inspection"),
    "core-dumps": (*_VICTIM, "--harden", "--without", "inspection", "--without", "core_limit"),
    "kept-injector": (*_RUN, "execute-only", "--keep", "LD_*", "--", sys.executable, *_VICTIM),
}


@dataclass(frozen=True)
class Program:
    """A program of the user's, as a victim.

    environment, cwd -- what it is started with and in
    canary -- a secret that it is known to hold; None: one is put into its environment
    """

    environment: Mapping[str, str]
    cwd: str
    canary: str | None


_IN_MEMORY = (canary.HEAP, canary.TEXT, canary.STACK)

READY_SECONDS = 5.0
_REST_SECONDS, _BUSY_SECONDS = 0.25, 0.002
ANSWER_SECONDS = 2.0


def command_for(kind: str) -> list[str]:
    """The command line that starts a victim of ours."""
    return [sys.executable, *{**KINDS, **BROKEN_KINDS}[kind]]


def commands_for(argv: list[str]) -> dict[str, list[str]]:
    """The command lines that start a program of the user's: plain, and by each method of `run`.

    argv -- it and its arguments; its path, where it has one, is absolute
    """
    script = argv[0].endswith(".py")
    plain = [sys.executable, *argv] if script else argv
    run = [sys.executable, *_RUN]
    commands = {CONTROL: plain}
    for method in ("execute-only", "preload"):
        commands[method] = [*run, method, "--", *plain]
    if script:
        commands["in-process"] = [*run, "in-process", "--", *argv]
    return commands


class NotReadyError(Exception):
    """A victim did not get ready; str() says why."""


class Victim:
    """A process that was started to be attacked. It begins when release() is called."""

    def __init__(
        self,
        argv: list[str],
        folder: str,
        environment: Mapping[str, str],
        soft_core_limit: bool = False,
        program: Program | None = None,
    ) -> None:
        """Fork. folder is for its files; program -- what it is when it is none of ours."""
        self.cwd = program.cwd if program else folder
        self.asks = program is None
        self.program = program
        self.hello: dict[str, int] = {}
        self.status: int | None = None
        self.seed = canary.new_seed()
        self._buffer = b""
        self._used = self._changed = self._begun = 0.0
        self._errors = os.path.join(folder, "stderr")

        to_victim, self._to = os.pipe()
        self._from, from_victim = os.pipe()
        gate, self._gate = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            try:
                die_with_parent()
                os.setpgid(0, 0)
                self._become(argv, environment, soft_core_limit, gate, to_victim, from_victim)
            except BaseException as error:  # nothing may run on in the copy
                os.write(2, f"{argv[0]}: {error}\n".encode())
            finally:
                os._exit(127)
        for fd in (to_victim, from_victim, gate):
            os.close(fd)

    def _become(
        self,
        argv: list[str],
        environment: Mapping[str, str],
        soft_core_limit: bool,
        gate: int,
        stdin: int,
        stdout: int,
    ) -> None:
        """In the child: wait for release(), then become the program."""
        os.close(self._gate)
        os.chdir(self.cwd)
        errors = os.open(self._errors, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(stdin if self.asks else null, 0)
        os.dup2(stdout if self.asks else null, 1)
        os.dup2(errors, 2)
        for number in (signal.SIGINT, signal.SIGPIPE, signal.SIGTERM, signal.SIGQUIT):
            signal.signal(number, signal.SIG_DFL)
        _, hard = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (0 if soft_core_limit else hard, hard))
        os.read(gate, 1)
        held = {canary.VARIABLE: canary.canary(self.seed, canary.ENVIRONMENT).decode()}
        if self.program and self.program.canary:
            held = {}
        os.execve(argv[0], argv, {**environment, **held})

    def release(self) -> None:
        """Let it begin."""
        if self._gate >= 0:
            self._changed = self._begun = time.monotonic()
            os.close(self._gate)
            self._gate = -1
            if self.asks:
                self._tell(self.seed)

    def _tell(self, line: str) -> None:
        with suppress(BrokenPipeError):  # it ended: the missing answer will tell
            os.write(self._to, line.encode() + b"\n")

    def _next(self, seconds: float) -> str | None:
        """The next line that it writes; None when none comes in time."""
        deadline = time.monotonic() + seconds
        while True:
            line, newline, rest = self._buffer.partition(b"\n")
            if newline:
                self._buffer = rest
                text = line.decode("utf-8", "replace")
                if text.startswith(ANSWER):
                    return text[len(ANSWER) :]
                continue
            if not select.select([self._from], [], [], max(0.0, deadline - time.monotonic()))[0]:
                return None
            part = os.read(self._from, 65536)
            if not part:
                return None
            self._buffer += part

    def is_ready(self, seconds: float) -> bool:
        """Whether it has said within so many seconds that it holds its secrets.

        A program that says nothing is ready when it is at rest. Raises NotReadyError.
        """
        if not self.asks:
            return self._is_settled(seconds)
        if not self.hello:
            words = (self._next(seconds) or "").split()
            self.hello = {
                name: int(value) for name, _, value in (w.partition("=") for w in words[1:])
            }
        return bool(self.hello)

    def _is_settled(self, seconds: float) -> bool:
        """Whether it has used no processor time for a while, or has run for long enough."""
        deadline = time.monotonic() + seconds
        while True:
            if self.wait(0.0) is not None:
                words = self.last_words()
                raise NotReadyError(f"the program ended at once{': ' if words else ''}{words}")
            now = time.monotonic()
            # The clock of another process: pid and kind of clock in one number (time.h of Linux).
            used = time.clock_gettime(~self.pid << 3 | 2)
            if used - self._used > _BUSY_SECONDS:
                self._used, self._changed = used, now
            if now - self._changed > _REST_SECONDS or now - self._begun > READY_SECONDS:
                return True
            if now >= deadline:
                return False
            time.sleep(0.01)

    def wait_ready(self) -> None:
        """Wait until it holds its secrets. Raises NotReadyError with its last words."""
        self.release()
        if not self.is_ready(READY_SECONDS):
            self.stop()
            raise NotReadyError(self.last_words() or "the victim did not get ready")

    def target(self, folder: str) -> Target:
        """What an attacker knows of it, who may write into folder."""
        told = self.hello
        needles = canary.canaries(self.seed)
        if self.program:
            given = self.program.canary
            needles = (
                {canary.GIVEN: os.fsencode(given)}
                if given
                else {canary.ENVIRONMENT: needles[canary.ENVIRONMENT]}
            )
        return Target(
            pid=self.pid,
            needles=needles,
            folder=folder,
            addresses={place: at for place, at in told.items() if place in _IN_MEMORY},
            descriptor=told.get("descriptor"),
            thread=told.get("thread"),
            victim=self,
        )

    def last_words(self) -> str:
        """The last line of its standard error."""
        try:
            with open(self._errors, encoding="utf-8", errors="replace") as file:
                lines = file.read(65536).split("\n")
        except OSError:
            return ""
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def ask(self, question: str, more: str = "", seconds: float = ANSWER_SECONDS) -> str | None:
        """Its answer, or None when it does not answer in time."""
        self._tell(f"{question} {more}".rstrip())
        return self._next(seconds)

    def answers(self) -> bool:
        """Whether it is alive and at work."""
        if self.asks:
            return self.ask("ping") == "pong"
        return self.wait(0.0) is None

    def signal(self, number: int) -> None:
        """Send a signal to it."""
        os.kill(self.pid, number)

    def wait(self, seconds: float) -> int | None:
        """Its wait status, or None when it has not ended within so many seconds."""
        deadline = time.monotonic() + seconds
        while self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = status
            elif time.monotonic() >= deadline:
                break
            else:
                time.sleep(0.002)
        return self.status

    def stop(self) -> None:
        """End it, and what it started in its process group."""
        if self.status is None:
            try:
                os.killpg(self.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                os.kill(self.pid, signal.SIGKILL)
            self.wait(5.0)
        for fd in (self._to, self._from, self._gate):
            if fd >= 0:
                os.close(fd)
        self._to = self._from = self._gate = -1
