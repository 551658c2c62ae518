"""Starts victims and users' programs, and communicates with them."""

from __future__ import annotations

import os
import resource
import select
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from process_hardening.errors import (
    CANNOT_PROTECT,
    CORE_LIMIT_ERROR,
    ENVIRONMENT_ERROR,
    INSPECTION_ERROR,
    TRACER_ERROR,
)
from process_hardening.verify.lab import canary
from process_hardening.verify.lab.kernel import die_with_parent, refuse_fsopen
from process_hardening.verify.lab.processes import list_descendants
from process_hardening.verify.lab.victim import ANSWER
from process_hardening.verify.model import Target


@dataclass(frozen=True)
class Program:
    """A user's program as a victim.

    environment, cwd -- its environment and working directory
    canary -- a secret that it is known to hold; None: a canary is put into its environment
    """

    environment: Mapping[str, str]
    cwd: str
    canary: str | None


_REFUSALS = (
    CANNOT_PROTECT,
    CORE_LIMIT_ERROR,
    ENVIRONMENT_ERROR,
    INSPECTION_ERROR,
    TRACER_ERROR,
)

INHERITED = 9
"""The descriptor of the secret that a victim may inherit."""

_IN_MEMORY = (canary.HEAP, canary.TEXT, canary.STACK)

_READY_SECONDS = 5.0
_SLOWEST_SECONDS = 15.0  # for a keyring and its bus on a busy machine
_REST_SECONDS, _BUSY_SECONDS = 0.25, 0.002
_ANSWER_SECONDS = 2.0


class NotReadyError(Exception):
    """A victim did not become ready.

    message -- why, in our own words; output -- the last line of its standard error
    """

    def __init__(self, message: str, output: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.output = output


class RefusedToStartError(NotReadyError):
    """A victim exited with one of our codes instead of starting unhardened."""


def _read_cpu_clock(pid: int) -> float:
    """Return a process's CPU time in seconds (clock_getcpuclockid(3)), or 0.0 if it has ended."""
    try:
        return time.clock_gettime(~pid << 3 | 2)
    except OSError:
        return 0.0


class Victim:
    """A process to attack. It starts to run when release() is called.

    argv -- its command line
    folder -- the directory for its files
    environment -- its variables, in addition to the one with the canary
    soft_core_limit -- start with a soft core limit of 0
    refuses_place -- make fsopen(2) fail for it
    inherits_secret -- start with the open file INHERITED, which holds a secret
    program -- the user's program that it runs, or None for a built-in victim
    """

    def __init__(
        self,
        argv: list[str],
        folder: str,
        environment: Mapping[str, str],
        soft_core_limit: bool = False,
        refuses_place: bool = False,
        inherits_secret: bool = False,
        program: Program | None = None,
    ) -> None:
        self.argv = argv
        self._soft_core_limit = soft_core_limit
        self._refuses_place = refuses_place
        self._inherits_secret = inherits_secret
        self.cwd = program.cwd if program else folder
        self.talks = program is None
        self.program = program
        self.report: dict[str, int] = {}
        self.status: int | None = None
        self.seed = canary.new_seed()
        self._buffer = b""
        self._has_closed = False
        self._used = self._used_by_started = self._changed = self._started = 0.0
        self.environment = environment
        self._errors = os.path.join(folder, "stderr")

        to_victim, self._to = os.pipe()
        self._from, from_victim = os.pipe()
        gate, self._gate = os.pipe()
        self.pid = self._child = os.fork()
        if not self.pid:
            try:
                die_with_parent()
                os.setpgid(0, 0)
                self._become(environment, gate, to_victim, from_victim)
            except BaseException as error:  # nothing else may run in the forked copy
                os.write(2, f"{argv[0]}: {error}\n".encode())
            finally:
                os._exit(127)
        for fd in (to_victim, from_victim, gate):
            os.close(fd)

    def _become(self, environment: Mapping[str, str], gate: int, stdin: int, stdout: int) -> None:
        """In the child: wait for release(), then become the program."""
        os.close(self._gate)
        os.chdir(self.cwd)
        errors = os.open(self._errors, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(stdin if self.talks else null, 0)
        os.dup2(stdout if self.talks else null, 1)
        os.dup2(errors, 2)
        for number in (signal.SIGINT, signal.SIGPIPE, signal.SIGTERM, signal.SIGQUIT):
            signal.signal(number, signal.SIG_DFL)
        _, hard = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (0 if self._soft_core_limit else hard, hard))
        if self._inherits_secret:
            folder = os.path.dirname(self._errors)
            os.dup2(canary.open_file_canary(self.seed, folder), INHERITED)
        if self._refuses_place:
            refuse_fsopen()
        os.read(gate, 1)
        secrets = {canary.VARIABLE: canary.make_canary(self.seed, canary.ENVIRONMENT).decode()}
        if self.program and self.program.canary:
            secrets = {}
        os.execve(self.argv[0], self.argv, {**environment, **secrets})

    def release(self) -> None:
        """Let the victim run."""
        if self._gate >= 0:
            self._changed = self._started = time.monotonic()
            os.close(self._gate)
            self._gate = -1
            if self.talks:
                self._send(self.seed)

    def _send(self, line: str) -> None:
        with suppress(BrokenPipeError):  # the victim has ended: there will be no answer
            os.write(self._to, line.encode() + b"\n")

    def _read_answer(self, seconds: float) -> str | None:
        """Return the victim's next answer; None if it does not answer in time."""
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
                self._has_closed = True
                return None
            self._buffer += part

    def is_ready(self, seconds: float) -> bool:
        """Return whether the victim reports within this many seconds that it holds its secrets.

        A user's program reports nothing: it counts as ready when it is idle. Raises NotReadyError.
        """
        if not self.talks:
            return self._is_settled(seconds)
        if not self.report:
            fields = (self._read_answer(seconds) or "").split()[1:]
            self.report = {
                name: int(value) for name, _, value in (field.partition("=") for field in fields)
            }
            self.pid = self.report.get("pid", self.pid)  # its secrets may be in a new process
            if self._has_closed:
                raise self._describe_end()
        return bool(self.report)

    def _describe_end(self) -> NotReadyError:
        """Return an error that says why the victim exited."""
        status = self.wait(1.0)
        code = None if status is None else os.waitstatus_to_exitcode(status)
        output = self.read_last_error()
        if code in _REFUSALS:
            return RefusedToStartError(f"it did not start, status {code}", output)
        return NotReadyError(f"it exited immediately with status {code}", output)

    def _is_settled(self, seconds: float) -> bool:
        """Return whether the victim has used no CPU time for a while, or has run long enough.

        While the victim is busy, this takes little time: an attack on a start calls it often. So
        the processes that the victim started are looked at only when the victim is idle.
        """
        deadline = time.monotonic() + seconds
        while True:
            if self.wait(0.0) is not None:
                raise self._describe_end()
            now = time.monotonic()
            used = _read_cpu_clock(self._child)
            if abs(used - self._used) > _BUSY_SECONDS:
                self._used, self._changed = used, now
            if now - self._started > _READY_SECONDS:
                return True
            if now - self._changed > _REST_SECONDS:
                used = sum(map(_read_cpu_clock, self.list_started()))
                if abs(used - self._used_by_started) <= _BUSY_SECONDS:
                    return True
                self._used_by_started, self._changed = used, now
            if now >= deadline:
                return False
            time.sleep(0.01)

    def list_started(self) -> list[int]:
        """Return the other processes that a user's program has started and that still run."""
        return [pid for pid in list_descendants() if pid != self.pid] if self.program else []

    def wait_ready(self) -> None:
        """Release the victim and wait until it holds its secrets. Raises NotReadyError."""
        self.release()
        if not self.is_ready(_SLOWEST_SECONDS):
            self.stop()
            raise NotReadyError("the victim did not become ready", self.read_last_error())

    def target(self, folder: str) -> Target:
        """Return the victim as a Target. folder -- the directory for the attack's files."""
        return Target(
            pid=self.pid,
            needles=self._needles(),
            folder=folder,
            addresses={place: at for place, at in self.report.items() if place in _IN_MEMORY},
            descriptor=self.report.get("descriptor", INHERITED if self._inherits_secret else None),
            thread=self.report.get("thread"),
            victim=self,
        )

    def _needles(self) -> dict[str, bytes]:
        """Return the secrets that the victim holds, by place."""
        ours = canary.make_canaries(self.seed)
        if self.program is None:
            return ours
        if self.program.canary is None:
            return {canary.ENVIRONMENT: ours[canary.ENVIRONMENT]}
        return {canary.BY_USER: os.fsencode(self.program.canary)}

    def read_last_error(self) -> str:
        """Return the last line of the victim's standard error, or "" if there is none."""
        try:
            with open(self._errors, encoding="utf-8", errors="replace") as file:
                lines = file.read(65536).split("\n")
        except OSError:
            return ""
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def ask(self, question: str, details: str = "", seconds: float = _ANSWER_SECONDS) -> str | None:
        """Ask the victim a question; return its answer, or None if it does not answer in time."""
        self._send(f"{question} {details}".rstrip())
        return self._read_answer(seconds)

    def answers(self) -> bool:
        """Return whether the victim still works."""
        if self.talks:
            return self.ask("ping") == "pong"
        return self.wait(0.0) is None

    def signal(self, number: int) -> None:
        """Send a signal to the victim. Raises OSError with the name of the call."""
        try:
            os.kill(self.pid, number)
        except OSError as error:
            call = f"kill({signal.Signals(number).name})"
            raise type(error)(error.errno, error.strerror, call) from None

    def wait(self, seconds: float) -> int | None:
        """Return the victim's wait status, or None if it still runs after this many seconds."""
        deadline = time.monotonic() + seconds
        while self.status is None:
            pid, status = os.waitpid(self._child, os.WNOHANG)
            if pid:
                self.status = status
            elif time.monotonic() >= deadline:
                break
            else:
                time.sleep(0.002)
        return self.status

    def stop(self) -> None:
        """Kill the victim and its process group."""
        if self.status is None:
            try:
                os.killpg(self._child, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                os.kill(self._child, signal.SIGKILL)
            self.wait(5.0)
        for fd in (self._to, self._from, self._gate):
            if fd >= 0:
                os.close(fd)
        self._to = self._from = self._gate = -1
