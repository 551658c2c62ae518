"""Verifies a plan: has the laboratory run its attacks, and judges what they observe.

An attack counts as blocked only if the same attack got a secret from the control in the same run.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from process_hardening.environment import PRELOAD_LIBRARY
from process_hardening.errors import CommandError, NotKnownError
from process_hardening.preload import find_objection
from process_hardening.system import IS_LINUX
from process_hardening.verify.attacks import find_attacks
from process_hardening.verify.confined import plan_confined
from process_hardening.verify.judge import result_for
from process_hardening.verify.lab import lab
from process_hardening.verify.lab.attempt import reaches_started
from process_hardening.verify.laboratory import LaboratoryProcess
from process_hardening.verify.machine import describe_environment, read_yama_scope
from process_hardening.verify.model import (
    CONTROL,
    LEAKED,
    Attack,
    AttackResult,
    Observation,
    Progress,
    Verification,
)
from process_hardening.verify.plan import (
    Plan,
    plan_process,
    plan_program,
    plan_victims,
)

_PROBE = find_attacks(["proc-mem"])
"""The attack that is made first on a user's program, and that reaches the processes it started."""

_SEE_WHY = "start it with an empty standard input, </dev/null, to see why"

ProgressCallback = Callable[[Progress], None]


def verify(
    attacks: Sequence[Attack] | None = None,
    victims: Sequence[str] | None = None,
    as_container_root: bool = False,
    progress: ProgressCallback | None = None,
) -> Verification:
    """Attack the control and built-in victims, and judge the results.

    attacks -- from list_attacks() or find_attacks(); None: all
    victims -- names from VICTIMS or BROKEN_VICTIMS; None: all of VICTIMS, but variants of an
        attack are run only on some of them
    as_container_root -- attack as root without CAP_SYS_PTRACE, not as an unprivileged user
    progress -- called after each attempt; an exception stops the run

    Raises CommandError if nothing can be tried at all.
    """
    plan = plan_victims(attacks, victims, as_container_root)
    return _execute(plan, as_container_root, progress)


def verify_program(
    argv: Sequence[str],
    attacks: Sequence[Attack] | None = None,
    canary: str | None = None,
    as_container_root: bool = False,
    progress: ProgressCallback | None = None,
) -> Verification:
    """Attack a user's program, started plainly and with each method of `run`; judge the results.

    argv -- the program and its arguments
    canary -- a secret that the program is known to hold; None: a canary is put into its environment

    The other arguments are those of verify().

    Raises CommandError if the program cannot be started or exits immediately, and NotKnownError if
    it is hardened even when started plainly.
    """
    plan = plan_program(argv, _PROBE, canary, as_container_root)
    plain = _attack_plain(plan, as_container_root)
    if plain.refused and plain.protected:
        raise NotKnownError(
            f"{argv[0]}: is hardened even when started plainly, so there is nothing to compare"
            " with: start it and attack it with `process-hardening verify --pid PID`"
        )
    plan = plan_program(argv, attacks, canary, as_container_root, plain.runtimes)
    return _execute(cover_started(plan, plain.started), as_container_root, progress)


def cover_started(plan: Plan, started: int) -> Plan:
    """Return a plan that also attacks the processes that the program of a plan has started.

    started -- the number of these processes
    """
    if not started:
        return plan
    if not any(map(reaches_started, plan.attacks)):
        plan = replace(plan, attacks=(*_PROBE, *plan.attacks))
    names = ", ".join(attack.name for attack in plan.attacks if reaches_started(attack))
    note = (
        f"the program started {started} process{'es' if started > 1 else ''}, also attacked with"
        f" {names}; the other attacks are only on the program itself"
    )
    return replace(plan, notes=(*plan.notes, note))


def _attack_plain(plan: Plan, as_container_root: bool) -> Observation:
    """Attack the program of a plan once, started plainly, before any other attack.

    Raises CommandError if the program cannot be started.
    """
    probe = replace(plan, attacks=_PROBE, victims=(), skipped={})
    (row,) = _execute(probe, as_container_root, None).attacks
    assert row.observation
    if row.observation.failure:
        program = plan.starts[CONTROL].program[0]
        how = " (it runs as nobody, without root's variables)" * (os.geteuid() == 0)
        raise CommandError(f"{program}: {row.observation.failure}: {_SEE_WHY}{how}")
    return row.observation


def verify_confined(
    argv: Sequence[str] = (),
    attacks: Sequence[Attack] | None = None,
    canary: str | None = None,
    as_container_root: bool = False,
    progress: ProgressCallback | None = None,
) -> Verification:
    """Attack an unhardened victim with a confined and with an unconfined attacker.

    argv -- a user's program and its arguments; empty: a built-in victim

    The other arguments are those of verify_program().

    Raises CommandError if this kernel cannot confine a process or the program cannot be started.
    """
    plan = plan_confined(argv, _PROBE if argv else attacks, canary)
    if plan.program:
        plain = _attack_plain(plan, as_container_root)
        plan = cover_started(plan_confined(argv, attacks, canary, plain.runtimes), plain.started)
    return _execute(plan, as_container_root, progress)


def verify_process(
    pid: int,
    attacks: Sequence[Attack] | None = None,
    canary: str | None = None,
    as_container_root: bool = False,
    progress: ProgressCallback | None = None,
) -> Verification:
    """Attack a running process, without harming it, and a built-in control; judge the results.

    canary -- a secret that the process is known to hold; None: getting in counts as a leak

    The other arguments are those of verify().

    Raises CommandError if there is no such process or if it belongs to another user.
    """
    plan = plan_process(pid, attacks, canary, as_container_root)
    return _execute(plan, as_container_root, progress)


def _execute(
    plan: Plan, as_container_root: bool, progress: ProgressCallback | None
) -> Verification:
    """Carry out a plan."""
    if not IS_LINUX:
        raise CommandError("verify works only on Linux")
    started = time.monotonic()
    with LaboratoryProcess(as_container_root, plan.uid, plan.gid) as laboratory:
        environment = describe_environment(laboratory.uid, as_container_root)
        table = Table(plan, read_yama_scope())
        for event in laboratory.run(plan):
            step = table.add(event)
            if step and progress:
                progress(step)
    rows = table.results()
    return Verification(
        environment=environment,
        victims=plan.victims,
        attacks=rows,
        notes=(*table.notes(), *_explain_exec_leaks(rows), *laboratory.notes),
        seconds=round(time.monotonic() - started, 2),
        process=plan.process,
    )


def _explain_exec_leaks(rows: Iterable[AttackResult]) -> Iterator[str]:
    """Yield a note if programs leaked after an exec because our library cannot be loaded."""
    leaked = any(
        result.outcome == LEAKED and not result.known_limit
        for row in rows
        if row.name.startswith("exec-")
        for result in row.victims.values()
    )
    objection = find_objection(PRELOAD_LIBRARY) if leaked else None
    if objection:
        yield f"exec-*: programs that the victims execute are not hardened: {objection}"


class Table:
    """The table of results, which the laboratory's events fill."""

    def __init__(self, plan: Plan, yama: int) -> None:
        """Start with no results. plan -- what is attacked; yama -- kernel.yama.ptrace_scope."""
        self._plan = plan
        self._yama = yama
        self._attacks = {attack.name: attack for attack in plan.attacks}
        self._observed: dict[str, dict[str, Observation]] = {name: {} for name in self._attacks}
        self._rows: dict[str, AttackResult] = {}
        self._notes = list(plan.notes)
        self._done = 0

    def add(self, event: dict[str, Any]) -> Progress | None:
        """Add an event; return the progress of the run, or None if the event is not an attempt."""
        if event["event"] == lab.NOTE:
            self._notes.append(event["text"])
            return None
        name: str = event["attack"]
        victim, row = CONTROL, None
        if event["event"] == lab.MISSING:
            self._done += len(self._plan.names)
            row = self._complete(name, event["reason"])
        else:
            victim = event["victim"]
            self._observe(name, victim, event["observation"])
            self._done += 1
            if len(self._observed[name]) == len(self._plan.names):
                row = self._complete(name)
        return Progress(self._done, self._plan.attempts, name, victim, row)

    def results(self) -> tuple[AttackResult, ...]:
        """Return the rows, in the order of the plan."""
        return (*(self._rows[name] for name in self._attacks), *self._plan.not_made)

    def notes(self) -> tuple[str, ...]:
        """Return the notes for the report."""
        if self._plan.program and not any(row.control == LEAKED for row in self._rows.values()):
            return (*self._notes, "no attack found the canary in the control: check --canary")
        return tuple(self._notes)

    def _observe(self, name: str, victim: str, fields: dict[str, Any]) -> None:
        lists = {field: tuple(fields[field]) for field in ("places", "runtimes")}
        self._observed[name][victim] = Observation(**{**fields, **lists})

    def _complete(self, name: str, missing: str | None = None) -> AttackResult:
        observed = self._observed[name]
        in_order = {victim: observed[victim] for victim in self._plan.names if victim in observed}
        known = self._plan.canary_known
        row = result_for(self._attacks[name], in_order, missing, self._yama, known)
        self._rows[name] = row
        return row
