"""One attempt: start a victim, attack it, see whether it still answers."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from process_hardening.verify.confined import CONFINED, run_confined
from process_hardening.verify.lab.processes import is_alive
from process_hardening.verify.lab.start import NotReadyError, Program, Victim
from process_hardening.verify.model import (
    KILLS,
    LAUNCHES,
    Attack,
    Attempt,
    Observation,
    Target,
)


@dataclass(frozen=True)
class Subject:
    """What the attacks are aimed at.

    commands -- how each victim is started
    program -- the user's program that they are, or None for victims of ours
    pid, needles -- a running process and what to look for in it, instead of a command
    environment -- what victims of ours are started with
    """

    commands: dict[str, list[str]]
    program: Program | None
    pid: int
    needles: dict[str, bytes]
    environment: dict[str, str]


def observe(attack: Attack, victim: str, folder: str, subject: Subject) -> Observation:
    """Make an attempt. If it cannot be made, Observation.failure says why."""
    try:
        return _observe_launches(attack, victim, folder, subject)
    except NotReadyError as error:
        message = str(error)
        if subject.program and subject.program.canary:
            message = remove_secrets(message, [os.fsencode(subject.program.canary)])
        return Observation(failure=message)
    except Exception as error:  # whatever it is, the attempt is over
        return Observation(failure=f"{type(error).__name__}: {error}")


def _observe_launches(attack: Attack, victim: str, folder: str, subject: Subject) -> Observation:
    """Try an attack that works by luck on several launches, until one leaks without harm."""
    observation = Observation()
    for launch in range(attack.launches):
        here = os.path.join(folder, str(launch))
        os.mkdir(here)
        if victim in subject.commands:
            observation = _attack_victim(attack, victim, here, subject)
        else:
            observation = _attack_process(attack, here, subject)
        if observation.leaked and observation.answers is not False:
            break
    return observation


def _attack_process(attack: Attack, folder: str, subject: Subject) -> Observation:
    """Attack a process that is not ours: it ran before and must continue to run."""
    attempt, seconds = _run(attack, Target(subject.pid, subject.needles, folder))
    return Observation(**asdict(attempt), answers=is_alive(subject.pid), seconds=seconds)


def _attack_victim(attack: Attack, name: str, folder: str, subject: Subject) -> Observation:
    attack_folder = os.path.join(folder, "attack")
    victim_folder = os.path.join(folder, "victim")
    os.mkdir(attack_folder)
    os.mkdir(victim_folder)
    added = attack.prepare_environment(attack_folder) if attack.prepare_environment else {}
    program = subject.program
    base = program.environment if program else subject.environment
    victim = Victim(
        subject.commands[name], victim_folder, {**base, **added}, attack.soft_core_limit, program
    )
    try:
        if attack.effect != LAUNCHES:
            victim.wait_ready()
        target = victim.target(attack_folder)
        confine = name == CONFINED
        attempt, seconds = run_confined(_run, attack, target) if confine else _run(attack, target)
        if attack.effect == LAUNCHES:
            victim.wait_ready()  # an attacker that was refused may have left it waiting
        answers = None if attack.effect == KILLS else victim.answers()
        return Observation(**asdict(attempt), answers=answers, seconds=seconds)
    finally:
        victim.stop()


def _run(attack: Attack, target: Target) -> tuple[Attempt, float]:
    """Make the attempt; returns it without secrets in its message, and the seconds it took."""
    started = time.monotonic()
    try:
        attempt = attack.run(target)
    except OSError as error:
        attempt = describe_refusal(error, target.pid)
    seconds = round(time.monotonic() - started, 3)
    message = remove_secrets(attempt.message, target.needles.values())
    return Attempt(**{**asdict(attempt), "message": message}), seconds


def describe_refusal(error: OSError, pid: int) -> Attempt:
    """The attempt that ended with a refused system call."""
    path = str(error.filename or "")
    message = f"{path}: {error.strerror}" if path else str(error)
    if error.errno == errno.ENOENT and path.startswith(f"/proc/{pid}/"):
        message += " (hidepid hides the process)"
    message = message.replace(f"/proc/{pid}/", "/proc/PID/")
    return Attempt(False, message, error.errno, refused=True)


def remove_secrets(text: str, needles: Iterable[bytes]) -> str:
    """Text without secrets: a tool or a program may have printed one."""
    for needle in needles:
        text = text.replace(needle.decode("utf-8", "replace"), "[canary]")
    return text
