"""One attempt: start a victim, attack it, and check that it still responds."""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from process_hardening.audit.runtime_files import runtime_of_process
from process_hardening.state import status
from process_hardening.verify.confined import run_confined
from process_hardening.verify.lab.disclosure import describe, make_reportable
from process_hardening.verify.lab.kernel import is_dumpable
from process_hardening.verify.lab.processes import runs_on
from process_hardening.verify.lab.start import NotReadyError, Program, RefusedToStartError, Victim
from process_hardening.verify.lab.victim import PLAIN
from process_hardening.verify.model import (
    BUILT_IN,
    CHANGES,
    CONFINED,
    CONTROL,
    KILLS,
    LAUNCHES,
    READS,
    Attack,
    Attempt,
    DoesNotApplyError,
    NoResultError,
    Observation,
    Target,
)
from process_hardening.verify.victims import Start

if TYPE_CHECKING:
    from typing_extensions import Self


_PROC_PID = re.compile(r"/proc/\d+/")


@dataclass(frozen=True)
class Subject:
    """The targets of the attacks.

    starts -- how each victim is started
    program -- the user's program that the victims run, or None for built-in victims
    pid, needles -- a running process and what to look for in it, instead of a command
    environment -- the environment of built-in victims
    """

    starts: dict[str, Start]
    program: Program | None
    pid: int
    needles: dict[str, bytes]
    environment: dict[str, str]

    @property
    def has_unknown_secrets(self) -> bool:
        """Whether the victims run a user's program of which no secret is known."""
        return self.program is not None and self.program.canary is None

    def is_ours(self, victim: str) -> bool:
        """Return whether a victim holds nothing but canaries."""
        return self.program is None and victim in self.starts


def can_share_target(attack: Attack) -> bool:
    """Return whether an attack can share its target with other attacks."""
    is_general = attack.kind == BUILT_IN and attack.wrap is None
    return is_general and attack.effect in (READS, CHANGES)


def reaches_started(attack: Attack) -> bool:
    """Return whether an attack on a user's program is also made on each process it started."""
    return can_share_target(attack) or attack.runtimes is not None


def observe(
    attacks: Sequence[Attack], victim: str, folder: str, subject: Subject
) -> Iterator[Observation]:
    """Make attempts one by one. Observation.failure says why an attempt could not be made.

    attacks -- a single attack, or several that can share their target
    """
    with _Targets(victim, subject) as targets:
        for number, attack in enumerate(attacks):
            here = os.path.join(folder, str(number))
            os.mkdir(here)
            try:
                yield _observe_launches(attack, targets, here)
            except DoesNotApplyError as error:
                yield Observation(unavailable=str(error))
            except NoResultError as error:
                yield Observation(failure=str(error))
            except NotReadyError as error:
                reason = describe(error.message, error.output, subject.is_ours(victim))
                # A start that was not under attack should have succeeded.
                closed = isinstance(error, RefusedToStartError) and attack.effect == LAUNCHES
                failure = None if closed else reason
                yield Observation(message=reason, failed_closed=closed, failure=failure)
            except Exception as error:  # whatever went wrong, the attempt is over
                name = type(error).__name__
                yield Observation(failure=describe(name, str(error), subject.is_ours(victim)))


def _observe_launches(attack: Attack, targets: _Targets, folder: str) -> Observation:
    """Make an attack; repeat a race until it leaks and its victim still works."""
    observation = Observation()
    for launch in range(attack.launches):
        here = os.path.join(folder, str(launch))
        os.mkdir(here)
        observation = targets.attack(attack, here)
        if observation.leaked and observation.answers is not False:
            break
    return observation


class _Targets:
    """Provides the target of each attempt: the running process, or a victim started on demand."""

    def __init__(self, name: str, subject: Subject) -> None:
        self._start = subject.starts.get(name)
        self._subject = subject
        self._victim: Victim | None = None
        self._is_confined = name == CONFINED
        self._is_plain = name == CONTROL
        self._is_ours = subject.is_ours(name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._leave()

    def _leave(self) -> None:
        if self._victim:
            self._victim.stop()
            self._victim = None

    def attack(self, attack: Attack, folder: str) -> Observation:
        """Make one attempt. folder -- for its files. Raises NotReadyError."""
        if self._start is None:
            return self._attack_process(attack, folder)
        attack_folder = os.path.join(folder, "attack")
        os.mkdir(attack_folder)
        keep = can_share_target(attack)
        if not keep:
            self._leave()
        if self._victim is None:
            self._victim = self._make_victim(self._start, attack, folder, attack_folder)
        victim = self._victim
        try:
            if attack.effect != LAUNCHES and not victim.report:
                victim.wait_ready()
            protected = (
                is_protected(victim.pid, from_crash=True) if attack.effect == KILLS else None
            )
            started = victim.list_started()
            is_shown = self._subject.program is not None and self._is_plain
            runtimes = name_runtimes((victim.pid, *started)) if is_shown else ()
            begun = time.monotonic()
            attempt = self._attack_each(attack, victim.target(attack_folder), started)
            seconds = round(time.monotonic() - begun, 3)
            if self._is_confined and attack.effect == LAUNCHES:
                victim.wait_ready()  # a refused attacker may have left the victim waiting
            answers = None if attack.effect == KILLS else victim.answers()
            if attack.effect != KILLS:
                protected = is_protected(victim.pid)
                if protected and self._subject.has_unknown_secrets and reaches_started(attack):
                    protected = all(is_protected(pid) is not False for pid in started)
            if self._is_confined:
                protected = None  # the attacker is confined; the victim is not hardened
            keep = keep and bool(answers)
        except BaseException:
            keep = False
            raise
        finally:
            if not keep:
                self._leave()
        return Observation(
            **asdict(attempt),
            answers=answers,
            protected=protected,
            seconds=seconds,
            runtimes=runtimes,
            started=len(started),
        )

    def _attack_each(self, attack: Attack, target: Target, started: Sequence[int]) -> Attempt:
        """Attack the target, then the processes that it started, until an attempt leaks.

        Returns the attempt that leaked, or else the attempt on the target.
        """
        result = problem = None
        try:
            result = self._attack_one(attack, target)
        except DoesNotApplyError as error:
            problem = error
        for pid in started if reaches_started(attack) else ():
            if result and result.leaked:
                break
            if _is_in_vain(attack, pid):
                continue
            folder = os.path.join(target.folder, str(pid))
            os.mkdir(folder)
            with suppress(DoesNotApplyError, NoResultError):
                found = self._attack_one(attack, replace(target, pid=pid, folder=folder))
                if found.leaked:
                    message = f"a process that it started (pid {pid}): {found.message}"
                    result = replace(found, message=message)
        if result is None:
            assert problem
            raise problem
        return result

    def _attack_one(self, attack: Attack, target: Target) -> Attempt:
        if self._is_confined:
            return run_confined(_run, attack, target, self._is_ours)
        return _run(attack, target, self._is_ours)

    def _attack_process(self, attack: Attack, folder: str) -> Observation:
        """Attack an existing process, which must continue to run."""
        pid = self._subject.pid
        target = Target(pid, self._subject.needles, folder)
        begun = time.monotonic()
        attempt = _run(attack, target, self._is_ours)
        seconds = round(time.monotonic() - begun, 3)
        # A confined attacker's own domain refuses it access, even to an unhardened process.
        protected = is_protected(pid) if status().confined is False else None
        return Observation(
            **asdict(attempt), answers=runs_on(pid), protected=protected, seconds=seconds
        )

    def _make_victim(self, start: Start, attack: Attack, folder: str, attack_folder: str) -> Victim:
        victim_folder = os.path.join(folder, "victim")
        os.mkdir(victim_folder)
        program = self._subject.program
        base = program.environment if program else self._subject.environment
        added = attack.prepare_environment(attack_folder) if attack.prepare_environment else {}
        command = list(start.program)
        if program is None and not can_share_target(attack) and attack.kind == BUILT_IN:
            command.append(PLAIN)
        if attack.wrap:
            command = attack.wrap(command, attack_folder)
        return Victim(
            [*start.launcher, *command],
            victim_folder,
            {**base, **added},
            soft_core_limit=attack.soft_core_limit,
            refuses_place=start.refuses_place,
            inherits_secret=attack.inherits_secret,
            program=program,
        )


def is_protected(pid: int, from_crash: bool = False) -> bool | None:
    """Return whether other processes of the same user cannot read a process; None: unknown.

    from_crash -- also count a dumpable process as protected if a crash would write no core file
    """
    dumpable = is_dumpable(pid)
    if dumpable and from_crash:
        return _has_no_core_limit(pid)
    return None if dumpable is None else not dumpable


def _has_no_core_limit(pid: int) -> bool | None:
    try:
        with open(f"/proc/{pid}/limits", encoding="ascii", errors="replace") as file:
            return any(line.split()[4:6] == ["0", "0"] for line in file if "core file" in line)
    except OSError:
        return None


def name_runtimes(pids: Iterable[int]) -> tuple[str, ...]:
    """Return the names of the runtimes that readable processes run on."""
    found = filter(None, map(runtime_of_process, pids))
    return tuple(dict.fromkeys(runtime.name for runtime in found))


def _is_in_vain(attack: Attack, pid: int) -> bool:
    """Return whether a readable process runs on no runtime that the attack is for."""
    if attack.runtimes is None or is_protected(pid) is not False:
        return False
    return not set(name_runtimes([pid])).intersection(attack.runtimes)


def _run(attack: Attack, target: Target, is_ours: bool) -> Attempt:
    """Make the attempt; return its result in a form that can be reported."""
    try:
        attempt = attack.run(target)
    except OSError as error:
        attempt = describe_refusal(error)
    return make_reportable(attempt, target.needles.values(), is_ours)


def describe_refusal(error: OSError) -> Attempt:
    """Describe an attempt that ended with a refused system call."""
    if error.errno is None:  # not from the kernel: its text may come from anywhere
        return Attempt(message=type(error).__name__, output=str(error), refused=True)
    path = str(error.filename or "")
    message = f"{path}: {error.strerror}" if path else str(error)
    if error.errno == errno.ENOENT and path.startswith("/proc/"):
        message += " (hidepid hides the process)"
    message = _PROC_PID.sub("/proc/PID/", message)
    return Attempt(False, message, error.errno, refused=True)
