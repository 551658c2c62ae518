"""The laboratory: a process in which victims and attackers of one user meet.

    python -m process_hardening.verify.lab.lab

run.py starts it as an unprivileged user (or as root without CAP_SYS_PTRACE), writes one line of
JSON to its standard input, the request, and reads one line of JSON for each attempt. Each attempt
has a process of its own, with a fresh victim. When its input ends, or on SIGTERM, it kills
everything that it started.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, NoReturn

from process_hardening.verify.attacks import find_attacks
from process_hardening.verify.lab.attempt import Subject, observe
from process_hardening.verify.lab.core_guard import OK, RESTORE
from process_hardening.verify.lab.kernel import (
    CONTAINER_CAPABILITIES,
    adopt_orphans,
    die_with_parent,
    keep_capabilities,
)
from process_hardening.verify.lab.processes import kill_children, kill_group
from process_hardening.verify.lab.start import Program
from process_hardening.verify.model import Attack, Observation

_START_SECONDS = 10.0

# The events that the laboratory reports.
ATTEMPT, MISSING, NOTE, DONE = "attempt", "missing", "note", "done"


@dataclass
class _Running:
    """An attempt under way: the process it is in, and where its result comes from."""

    attack: Attack
    victim: str
    pid: int
    fd: int
    deadline: float
    started: float
    folder: str
    result: bytes = b""


class Laboratory:
    """Runs attempts side by side and reports each."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.attacks = find_attacks(request["attacks"])
        self.victims: list[str] = request["victims"]
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
        self.core_pattern = RESTORE
        self.running: list[_Running] = []
        self.count = 0

    def report(self, event: str, **fields: Any) -> None:
        """Report an event to whoever started us."""
        os.write(1, json.dumps({"event": event, **fields}).encode() + b"\n")

    def run(self) -> None:
        """Try everything, phase by phase."""
        for attacks in self._phases():
            self._set_core_pattern(attacks[0].core_pattern)
            jobs = [(attack, victim) for attack in attacks for victim in self.victims]
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
            missing = self._find_missing(attack)
            if missing:
                self.report(MISSING, attack=attack.name, reason=missing)
                continue
            same = phase and phase[0].core_pattern == attack.core_pattern
            if phase and not (same and not attack.alone and not phase[0].alone):
                yield phase
                phase = []
            phase.append(attack)
        if phase:
            yield phase

    def _find_missing(self, attack: Attack) -> str | None:
        """What is missing to try an attack, or None."""
        if attack.own_victim and self.subject.program:
            return "needs a victim that answers questions: run verify without a program"
        if attack.core_pattern and self.guard:
            return None
        return attack.find_missing()

    def _set_core_pattern(self, pattern: str | None) -> None:
        wanted = pattern or RESTORE
        if self.guard is None or wanted == self.core_pattern:
            return
        to_guard, from_guard = self.guard
        os.write(to_guard, wanted.encode() + b"\n")
        answer = os.read(from_guard, 1024).decode().strip()
        if answer == OK:
            self.core_pattern = wanted
        else:
            self.report(NOTE, text=f"kernel.core_pattern cannot be set: {answer}")

    def _start(self, attack: Attack, victim: str) -> None:
        """Start an attempt in a process of its own."""
        self.count += 1
        folder = os.path.join(self.folder, str(self.count))
        os.mkdir(folder, 0o700)
        read, write = os.pipe()
        now = time.monotonic()
        pid = os.fork()
        if not pid:
            self._become_attempt(attack, victim, folder, write)
        os.close(write)
        deadline = now + _START_SECONDS + attack.timeout
        self.running.append(_Running(attack, victim, pid, read, deadline, now, folder))

    def _become_attempt(self, attack: Attack, victim: str, folder: str, fd: int) -> NoReturn:
        """In the child: make the attempt and write its result."""
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
            observation = observe(attack, victim, folder, self.subject)
            kill_children()
            data = json.dumps(asdict(observation)).encode()
            while data:
                data = data[os.write(fd, data) :]
        finally:
            os._exit(0)

    def _wait(self) -> None:
        """Wait until an attempt writes, ends or is late. Raises EOFError when our input ends."""
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
        """End an attempt, report it, and leave nothing of it."""
        is_late = time.monotonic() >= running.deadline and not running.result
        self.running.remove(running)
        os.close(running.fd)
        kill_group(running.pid)
        with suppress(ChildProcessError):
            os.waitpid(running.pid, 0)
        kill_children(besides=[other.pid for other in self.running])
        shutil.rmtree(running.folder, ignore_errors=True)
        if running.result:
            result = json.loads(running.result)
        else:
            failure = "timed out" if is_late else "the attacker died"
            result = asdict(Observation(failure=failure))
        if result["failure"]:
            result["seconds"] = round(time.monotonic() - running.started, 3)
        self.report(ATTEMPT, attack=running.attack.name, victim=running.victim, observation=result)


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
        laboratory.report(DONE)
    except (EOFError, BrokenPipeError):
        pass
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        for running in laboratory.running if laboratory else ():
            kill_group(running.pid)
        kill_children()
        if laboratory:
            shutil.rmtree(request["remove"], ignore_errors=True)


if __name__ == "__main__":
    main()
