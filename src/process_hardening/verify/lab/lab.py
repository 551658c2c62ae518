"""The laboratory: a process in which victims and attackers of one user meet.

    python -m process_hardening.verify.lab.lab

verify.py starts it as an unprivileged user (or as root without CAP_SYS_PTRACE), tells it in one
line of JSON on standard input what to try, and reads one line of JSON for each attempt. Each
attempt lives in a process of its own, with a fresh victim. When the input ends, or a SIGTERM
comes, everything that was started is killed.
"""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import select
import shutil
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn

from process_hardening.verify.lab.kernel import (
    CONTAINER_CAPABILITIES,
    adopt_orphans,
    die_with_parent,
    keep_capabilities,
)
from process_hardening.verify.lab.launcher import NotReadyError, Program, Victim
from process_hardening.verify.model import KILLS, LAUNCHES, Attack, Attempt, Target
from process_hardening.verify.attacks.registry import by_name

_START_SECONDS = 10.0


@dataclass
class _Running:
    """An attempt under way: the process it is in, and where its result comes from."""

    attack: Attack
    kind: str
    pid: int
    fd: int
    deadline: float
    started: float
    folder: str
    result: bytes = b""


def refused(error: OSError, pid: int) -> Attempt:
    """What a refused system call says."""
    path = str(error.filename or "")
    said = f"{path}: {error.strerror}" if path else str(error)
    if error.errno == errno.ENOENT and path.startswith(f"/proc/{pid}/"):
        said += " (hidepid hides the process)"
    said = said.replace(f"/proc/{pid}/", "/proc/PID/")
    return Attempt(False, said, error.errno, refused=True)


@dataclass(frozen=True)
class Subject:
    """What the attacks are aimed at.

    commands -- how each victim is started
    program -- what they are when they are no victims of ours
    pid, needles -- a running process, and what to look for in it, in place of a command
    """

    commands: dict[str, list[str]]
    program: Program | None
    pid: int
    needles: dict[str, bytes]
    environment: dict[str, str]


def _attempt(attack: Attack, kind: str, folder: str, subject: Subject) -> dict[str, Any]:
    """Start a victim, attack it, and see whether it still answers.

    An attack that works by luck is tried on several launches, until one leaks (and harms nothing).
    """
    result: dict[str, Any] = {}
    for launch in range(attack.launches):
        here = os.path.join(folder, str(launch))
        os.mkdir(here)
        if kind in subject.commands:
            result = _attempt_on_victim(attack, kind, here, subject)
        else:
            result = _attempt_on_process(attack, here, subject)
        if result["attempt"]["leaked"] and result["answers"] is not False:
            break
    return result


def _without_secrets(text: str, needles: Iterable[bytes]) -> str:
    """What may be told: a tool or a program may have put a secret into its words."""
    for needle in needles:
        text = text.replace(needle.decode("utf-8", "replace"), "[canary]")
    return text


def _run(attack: Attack, target: Target) -> tuple[Attempt, float]:
    started = time.monotonic()
    try:
        attempt = attack.run(target)
    except OSError as error:
        attempt = refused(error, target.pid)
    seconds = round(time.monotonic() - started, 3)
    said = _without_secrets(attempt.said, target.needles.values())
    return dataclasses.replace(attempt, said=said), seconds


def _attempt_on_process(attack: Attack, folder: str, subject: Subject) -> dict[str, Any]:
    """Attack a process that is not ours: it was running before and has to go on."""
    attempt, seconds = _run(attack, Target(subject.pid, subject.needles, folder))
    return {
        "attempt": dataclasses.asdict(attempt),
        "answers": is_alive(subject.pid),
        "seconds": seconds,
    }


def _attempt_on_victim(attack: Attack, kind: str, folder: str, subject: Subject) -> dict[str, Any]:
    attack_folder = os.path.join(folder, "attack")
    victim_folder = os.path.join(folder, "victim")
    os.mkdir(attack_folder)
    os.mkdir(victim_folder)
    extra = attack.environment(attack_folder) if attack.environment else {}
    program = subject.program
    base = program.environment if program else subject.environment
    victim = Victim(
        subject.commands[kind], victim_folder, {**base, **extra}, attack.soft_core_limit, program
    )
    try:
        if attack.effect != LAUNCHES:
            victim.wait_ready()
        attempt, seconds = _run(attack, victim.target(attack_folder))
        return {
            "attempt": dataclasses.asdict(attempt),
            "answers": None if attack.effect == KILLS else victim.answers(),
            "seconds": seconds,
        }
    finally:
        victim.stop()


def is_alive(pid: int) -> bool:
    """Whether a process exists and was not left stopped, as far as we may see that."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] not in (b"T", b"t", b"Z", b"X")
    except (OSError, IndexError):
        return True


class Laboratory:
    """Runs attempts side by side and reports each."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.attacks = by_name(request["attacks"])
        self.kinds: list[str] = request["victims"]
        program = request["program"]
        self.subject = Subject(
            commands=request["commands"],
            program=Program(**program) if program else None,
            pid=request["pid"],
            needles={place: os.fsencode(text) for place, text in request["needles"].items()},
            environment=request["environment"],
        )
        self.folder: str = request["folder"]
        self.guard: list[int] | None = request["guard"]
        self.parallel: int = request["parallel"]
        self.core_pattern = "restore"
        self.running: list[_Running] = []
        self.count = 0

    def report(self, **event: Any) -> None:
        """Tell whoever started us."""
        os.write(1, json.dumps(event).encode() + b"\n")

    def run(self) -> None:
        """Try everything, phase by phase."""
        for attacks in self._phases():
            self._set_core_pattern(attacks[0].core_pattern)
            jobs = [(attack, kind) for attack in attacks for kind in self.kinds]
            parallel = 1 if attacks[0].alone else self.parallel
            while jobs or self.running:
                while jobs and len(self.running) < parallel:
                    self._start(*jobs.pop(0))
                self._wait()
        self._set_core_pattern(None)

    def _phases(self) -> Iterator[list[Attack]]:
        """The attacks that can be tried here, in groups that can run side by side."""
        phase: list[Attack] = []
        for attack in self.attacks:
            reason = None if attack.core_pattern and self.guard else attack.needs()
            if attack.own_victim and self.subject.program:
                reason = "it needs a victim that answers questions: run verify without a program"
            if reason:
                self.report(event="unavailable", attack=attack.name, reason=reason)
                continue
            same = phase and phase[0].core_pattern == attack.core_pattern
            if phase and not (same and not attack.alone and not phase[0].alone):
                yield phase
                phase = []
            phase.append(attack)
        if phase:
            yield phase

    def _set_core_pattern(self, wanted: str | None) -> None:
        wanted = wanted or "restore"
        if self.guard is None or wanted == self.core_pattern:
            return
        to_guard, from_guard = self.guard
        os.write(to_guard, wanted.encode() + b"\n")
        answer = os.read(from_guard, 1024).decode().strip()
        if answer == "ok":
            self.core_pattern = wanted
        else:
            self.report(event="note", text=f"kernel.core_pattern cannot be set: {answer}")

    def _start(self, attack: Attack, kind: str) -> None:
        self.count += 1
        folder = os.path.join(self.folder, str(self.count))
        os.mkdir(folder, 0o700)
        read, write = os.pipe()
        now = time.monotonic()
        pid = os.fork()
        if not pid:
            self._become_attempt(attack, kind, folder, write)
        os.close(write)
        deadline = now + _START_SECONDS + attack.timeout
        self.running.append(_Running(attack, kind, pid, read, deadline, now, folder))

    def _become_attempt(self, attack: Attack, kind: str, folder: str, fd: int) -> NoReturn:
        """In the child: make the attempt and write what came of it."""
        try:
            os.setsid()
            die_with_parent()
            adopt_orphans()
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            null = os.open(os.devnull, os.O_RDWR)
            os.dup2(null, 0)
            os.dup2(null, 1)
            for other in self.guard or ():
                os.close(other)
            for running in self.running:
                os.close(running.fd)
            try:
                result = _attempt(attack, kind, folder, self.subject)
            except NotReadyError as error:
                result = {"failed": str(error)}
                if self.subject.program and self.subject.program.canary:
                    given = os.fsencode(self.subject.program.canary)
                    result["failed"] = _without_secrets(result["failed"], [given])
            except Exception as error:  # whatever it is, the attempt is over
                result = {"failed": f"{type(error).__name__}: {error}"}
            kill_children(besides=[])
            data = json.dumps(result).encode()
            while data:
                data = data[os.write(fd, data) :]
        finally:
            os._exit(0)

    def _wait(self) -> None:
        """Wait for the next thing to happen to an attempt, and take note of it."""
        now = time.monotonic()
        nearest = min(running.deadline for running in self.running)
        fds = [0, *(running.fd for running in self.running)]
        ready, _, _ = select.select(fds, [], [], max(0.0, nearest - now))
        if 0 in ready and not os.read(0, 4096):
            raise EOFError
        for running in list(self.running):
            if running.fd in ready:
                part = os.read(running.fd, 1 << 16)
                running.result += part
                if not part:
                    self._finish(running)
            elif time.monotonic() >= running.deadline:
                running.result = b""
                self._finish(running)

    def _finish(self, running: _Running) -> None:
        """The attempt is over, or has to be: report it, and leave nothing of it."""
        late = time.monotonic() >= running.deadline and not running.result
        self.running.remove(running)
        os.close(running.fd)
        _kill_session(running.pid)
        with suppress(ChildProcessError):
            os.waitpid(running.pid, 0)
        kill_children(besides=[other.pid for other in self.running])
        shutil.rmtree(running.folder, ignore_errors=True)
        result: dict[str, Any]
        if running.result:
            result = json.loads(running.result)
        else:
            result = {"failed": "timed out" if late else "the attacker died"}
        result.setdefault("seconds", round(time.monotonic() - running.started, 3))
        self.report(event="attempt", attack=running.attack.name, victim=running.kind, **result)


def _kill_session(pid: int) -> None:
    """Kill an attempt with what it started in its process group."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def children() -> list[int]:
    """The children of this process, adopted ones too."""
    # Not the folders of /proc: hardened children are not to be seen there under hidepid.
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
        return [int(pid) for pid in file.read().split()]


def kill_children(besides: list[int]) -> None:
    """Kill whatever is left of an attempt, however it detached itself: we have adopted it."""
    deadline = time.monotonic() + 3.0
    while time.monotonic() < deadline:
        left = [pid for pid in children() if pid not in besides]
        if not left:
            return
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, os.WNOHANG)
            except (ProcessLookupError, ChildProcessError):
                pass
            except PermissionError:
                return  # a set-user-ID program: not ours any more
        time.sleep(0.002)


def main() -> None:
    """Serve one request."""
    adopt_orphans()

    def stop(_number: int, _frame: object) -> None:
        raise EOFError

    signal.signal(signal.SIGTERM, stop)
    laboratory = None
    try:
        request = json.loads(sys.stdin.buffer.readline())
        if request["as_container_root"]:
            keep_capabilities(CONTAINER_CAPABILITIES)
        laboratory = Laboratory(request)
        laboratory.run()
        laboratory.report(event="done")
    except (EOFError, BrokenPipeError):
        pass
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        for running in laboratory.running if laboratory else ():
            _kill_session(running.pid)
        kill_children(besides=[])
        if laboratory:
            shutil.rmtree(request["remove"], ignore_errors=True)


if __name__ == "__main__":
    main()
