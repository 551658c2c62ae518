"""The laboratory: a process that runs victims and attackers as one user.

    python -m process_hardening.verify.lab.lab

laboratory.py starts it, writes the request to its standard input as one line of JSON, and reads one
line of JSON per attempt. As root's child, it first becomes an unprivileged user, or root without
CAP_SYS_PTRACE. Each attempt has its own process and a fresh victim. When its input ends, or on
SIGTERM, it kills everything that it started.

Other processes of its user must not be able to write its results. So it stays unreadable, and so do
the processes of its attempts, which execute nothing. Victims and tools are executed, which makes
them ordinary processes, and they inherit no descriptor that leads to the results.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, NoReturn

from process_hardening.errors import HardeningError
from process_hardening.separate import become_user, stay_unreadable
from process_hardening.verify.attacks import find_attacks
from process_hardening.verify.lab.attempt import Subject, can_share_target, observe
from process_hardening.verify.lab.core_guard import OK, RESTORE
from process_hardening.verify.lab.kernel import (
    CONTAINER_CAPABILITIES,
    adopt_orphans,
    die_with_parent,
    keep_capabilities,
    refuse_fsopen,
)
from process_hardening.verify.lab.processes import kill_children, kill_group
from process_hardening.verify.lab.removal import remove_tree
from process_hardening.verify.lab.start import Program
from process_hardening.verify.model import Attack, Observation
from process_hardening.verify.victims import Start

_START_SECONDS = 10.0

# The events that the laboratory reports.
ATTEMPT, MISSING, NOTE, FAILED, DONE = "attempt", "missing", "note", "failed", "done"


Job = tuple[tuple[Attack, ...], str]
"""Attacks that are run one by one, and the name of their victim."""


@dataclass
class _Running:
    """A running job: its process, and the source of its results.

    attacks -- the attacks that have no result yet; the deadline is that of the first of them
    """

    attacks: tuple[Attack, ...]
    victim: str
    pid: int
    fd: int
    deadline: float
    started: float
    folder: str
    results: bytes = b""


def report(event: str, **fields: Any) -> None:
    """Report an event to the parent."""
    os.write(1, json.dumps({"event": event, **fields}).encode() + b"\n")


class Laboratory:
    """Runs attempts in parallel and reports each."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.attacks = find_attacks(request["attacks"])
        self.victims: list[str] = request["victims"]
        self.skipped = {(attack, victim): why for attack, victim, why in request["skipped"]}
        program = request["program"]
        self.subject = Subject(
            starts={name: Start(**fields) for name, fields in request["starts"].items()},
            program=Program(**program) if program else None,
            pid=request["pid"],
            needles={place: os.fsencode(text) for place, text in request["needles"].items()},
            environment=request["environment"],
        )
        self.folder: str = request["folder"]
        self.guard: list[int] | None = request["guard"]
        self.parallel: int = request["parallel"]
        self.core_pattern = RESTORE
        self.unusable: dict[str, str] = {}
        self.running: list[_Running] = []
        self.count = 0

    def run(self) -> None:
        """Make all attempts, phase by phase."""
        self.unusable = {
            name: reason
            for name, start in self.subject.starts.items()
            if (reason := find_wrong_place(start))
        }
        for attacks in self._phases():
            self._set_core_pattern(attacks[0].core_pattern)
            jobs = self._make_jobs(attacks)
            # A process can have only one tracer, so a second attack on it would be refused.
            is_single = attacks[0].alone or self.subject.pid
            parallel = 1 if is_single else self.parallel
            while jobs or self.running:
                while jobs and len(self.running) < parallel:
                    self._start(*jobs.pop(0))
                jobs += self._wait()
        self._set_core_pattern(None)

    def _make_jobs(self, attacks: list[Attack]) -> list[Job]:
        """Return the jobs of a phase; report the attempts that cannot be made."""
        jobs: list[Job] = []
        for victim in self.victims:
            shared = []
            for attack in attacks:
                reason = self.skipped.get((attack.name, victim)) or self.unusable.get(victim)
                if reason:
                    self._report_attempt(attack, victim, asdict(Observation(unavailable=reason)))
                elif can_share_target(attack):
                    shared.append(attack)
                else:
                    jobs.append(((attack,), victim))
            if shared:
                jobs.insert(0, (tuple(shared), victim))
        return jobs

    def _phases(self) -> Iterator[list[Attack]]:
        """Return the attacks that can be tried here, in groups that can run in parallel."""
        phase: list[Attack] = []
        for attack in self.attacks:
            missing = self._find_missing(attack)
            if missing:
                report(MISSING, attack=attack.name, reason=missing)
                continue
            same = phase and phase[0].core_pattern == attack.core_pattern
            if phase and not (same and not attack.alone and not phase[0].alone):
                yield phase
                phase = []
            phase.append(attack)
        if phase:
            yield phase

    def _find_missing(self, attack: Attack) -> str | None:
        """Return what is missing to try an attack, or None."""
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
            report(NOTE, text=f"kernel.core_pattern cannot be set: {answer}")

    def _start(self, attacks: tuple[Attack, ...], victim: str) -> None:
        """Start a job in its own process."""
        self.count += 1
        folder = os.path.join(self.folder, str(self.count))
        os.mkdir(folder, 0o700)
        read, write = os.pipe()
        now = time.monotonic()
        pid = os.fork()
        if not pid:
            self._become_attempt(attacks, victim, folder, write)
        os.close(write)
        deadline = now + _START_SECONDS + attacks[0].timeout
        self.running.append(_Running(attacks, victim, pid, read, deadline, now, folder))

    def _become_attempt(
        self, attacks: tuple[Attack, ...], victim: str, folder: str, fd: int
    ) -> NoReturn:
        """In the child: make the attempts and write their results, one line each."""
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
            for observation in observe(attacks, victim, folder, self.subject):
                data = json.dumps(asdict(observation)).encode() + b"\n"
                while data:
                    data = data[os.write(fd, data) :]
            kill_children()
        finally:
            os._exit(0)

    def _wait(self) -> list[Job]:
        """Wait until a job writes, ends or times out. Returns the remaining attempts of ended jobs.

        Raises EOFError when our input ends.
        """
        now = time.monotonic()
        nearest = min((running.deadline for running in self.running), default=now)
        fds = [0, *(running.fd for running in self.running)]
        ready, _, _ = select.select(fds, [], [], max(0.0, nearest - now))
        if 0 in ready and not os.read(0, 4096):
            raise EOFError
        left: list[Job] = []
        for running in list(self.running):
            if running.fd in ready:
                part = os.read(running.fd, 1 << 16)
                running.results += part
                self._report_results(running)
                if not part:
                    left += self._finish(running, "the attacker died")
            elif time.monotonic() >= running.deadline:
                left += self._finish(running, "timed out")
        return left

    def _report_results(self, running: _Running) -> None:
        """Report each complete attempt, and set the deadline of the next attempt."""
        *lines, running.results = running.results.split(b"\n")
        for line in lines:
            attack, *rest = running.attacks
            running.attacks = tuple(rest)
            self._report_attempt(attack, running.victim, json.loads(line))
            running.started = time.monotonic()
            if rest:
                running.deadline = running.started + _START_SECONDS + rest[0].timeout

    def _finish(self, running: _Running, failure: str) -> list[Job]:
        """Kill a job, and report its current attempt as failed. Returns its remaining attempts."""
        self.running.remove(running)
        os.close(running.fd)
        kill_group(running.pid)
        with suppress(ChildProcessError):
            os.waitpid(running.pid, 0)
        kill_children(besides=[other.pid for other in self.running])
        with suppress(OSError):
            remove_tree(running.folder)
        if not running.attacks:
            return []
        attack, *rest = running.attacks
        seconds = round(time.monotonic() - running.started, 3)
        failed = Observation(failure=failure, seconds=seconds)
        self._report_attempt(attack, running.victim, asdict(failed))
        return [(tuple(rest), running.victim)] if rest else []

    def _report_attempt(self, attack: Attack, victim: str, observation: dict[str, Any]) -> None:
        report(ATTEMPT, attack=attack.name, victim=victim, observation=observation)


def find_wrong_place(start: Start) -> str | None:
    """Return why a launcher does not use the method that its victim represents, or None."""
    if start.place is None:
        return None
    argv = [start.launcher[0], "--explain", *start.launcher[1:], sys.executable]
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            preexec_fn=refuse_fsopen if start.refuses_place else None,
            check=False,
            timeout=_START_SECONDS,
        )
    except OSError as error:
        return f"{start.launcher[0]}: {error.strerror}"
    except subprocess.TimeoutExpired:
        return f"{start.launcher[0]}: --explain did not finish within {_START_SECONDS:.0f} seconds"
    output = done.stdout.decode(errors="replace")
    if start.place in output:
        return None
    lines = [
        line.removeprefix("reason:")
        for line in output.splitlines()
        if line.startswith(("reason:", "process-"))
    ]
    return " ".join((lines or ["harden --explain names another method"])[0].split())


def _change_user(request: dict[str, Any]) -> None:
    """Become the attacker's user. Raises OSError, or HardeningError if it could read this process.

    An ordinary user's verify could be changed by that user's processes anyway.
    """
    if request["user"]:
        become_user(*request["user"])
        return
    if request["as_container_root"]:
        keep_capabilities(CONTAINER_CAPABILITIES)
    with suppress(HardeningError):
        stay_unreadable()


def _find_problem(folder: str) -> str | None:
    """Return why this user cannot start any victim, or None."""
    user = f"user {os.geteuid()}"
    for path, mode in ((sys.executable, os.X_OK), (__file__, os.R_OK)):
        if not os.access(path, mode):
            return (
                f"{user} cannot read {os.path.realpath(path)}: install it where every user can"
                " read it, or run verify as an ordinary user"
            )
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"{user} cannot enter {folder}: set TMPDIR to a directory that every user can enter"
    return None


def main() -> None:
    """Serve one request."""
    # What fails from here on is reported, and no attempt needs a file of root's.
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 2)
    os.close(null)
    adopt_orphans()

    def stop(_number: int, _frame: object) -> None:
        raise EOFError

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # if it is ignored, each child seems to succeed
    laboratory = None
    try:
        line = sys.stdin.buffer.readline()
        if not line:
            raise EOFError
        request = json.loads(line)
        _change_user(request)
        problem = _find_problem(request["folder"])
        if problem:
            report(FAILED, text=problem)
            return
        laboratory = Laboratory(request)
        laboratory.run()
        report(DONE)
    except (EOFError, BrokenPipeError):
        pass
    except Exception as error:  # one line for the user; a traceback would be nowhere
        report(FAILED, text=f"the laboratory failed: {type(error).__name__}: {error}")
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        for running in laboratory.running if laboratory else ():
            kill_group(running.pid)
        kill_children()
        if laboratory:
            with suppress(OSError):
                remove_tree(request["remove"])


if __name__ == "__main__":
    main()
