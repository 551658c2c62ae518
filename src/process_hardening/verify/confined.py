"""verify --confined: attacks by a confined attacker, and by an unconfined one as the control."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Thread
from typing import ParamSpec, TypeVar

from process_hardening.domain import confinement, restrict
from process_hardening.errors import CommandError
from process_hardening.verify.attacks import list_attacks, suits
from process_hardening.verify.model import CONFINED, CONTROL, Attack
from process_hardening.verify.plan import Plan, plan_program
from process_hardening.verify.victims import start_of

_MADE_BY_THE_VICTIM = ("child",)
"""Attacks whose attacker is started by the victim, and is therefore not confined."""

_P = ParamSpec("_P")
_R = TypeVar("_R")


def is_made_by_the_attacker(attack: Attack) -> bool:
    """Return whether confining the attacker could stop the attack."""
    return attack.prepare_environment is None and attack.name not in _MADE_BY_THE_VICTIM


def plan_confined(
    argv: Sequence[str],
    attacks: Sequence[Attack] | None,
    canary: str | None,
    runtimes: Sequence[str] = (),
) -> Plan:
    """Plan attacks on an unhardened victim by an unconfined (the control) and a confined attacker.

    argv -- a user's program and its arguments; empty: a built-in victim
    attacks -- None: all
    canary -- as for verify_program(); runtimes -- as for plan_program()

    Raises CommandError if this kernel cannot confine a process, or if the victim starts all the
    attacks.
    """
    kernel = confinement()
    if kernel.reason:
        raise CommandError(f"--confined: {kernel.reason}")
    if argv:
        plan = plan_program(argv, attacks, canary, runtimes=runtimes)
    else:
        asked = tuple(list_attacks() if attacks is None else attacks)
        every = tuple(attack for attack in asked if suits(attack, ()))
        plan = Plan(attacks=every, starts={CONTROL: start_of(CONTROL)}, victims=())
    chosen = tuple(attack for attack in plan.attacks if is_made_by_the_attacker(attack))
    skipped = [attack.name for attack in plan.attacks if attack not in chosen]
    if not chosen:
        raise CommandError(f"{', '.join(skipped)}: the victim itself starts it, unconfined")
    notes = [f"{CONFINED}: the victim is not hardened; its attacker is confined"]
    if not kernel.refuses_signals:
        notes.append("Linux before 6.12 cannot block signals: attacks by signal leak")
    if skipped:
        notes.append(f"skipped because the victim is started with them: {', '.join(skipped)}")
    return Plan(
        attacks=chosen,
        starts=dict.fromkeys((CONTROL, CONFINED), plan.starts[CONTROL]),
        victims=(CONFINED,),
        program=plan.program,
        notes=(*plan.notes, *notes),
    )


def run_confined(function: Callable[_P, _R], *args: _P.args, **keywords: _P.kwargs) -> _R:
    """Call a function in a confined thread, and return its result, or raise its exception.

    Programs that the function starts could read this process through the confined thread, so call
    run_confined() only to attack other processes.
    """
    results: list[_R] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            restrict(allow_signals=False, all_threads=False)
            results.append(function(*args, **keywords))
        except BaseException as error:  # the caller handles it
            errors.append(error)

    thread = Thread(target=run)
    thread.start()
    thread.join()
    for error in errors:
        raise error
    return results[0]
