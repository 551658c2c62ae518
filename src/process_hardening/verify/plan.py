"""Plans what to attack: built-in victims, a user's program or a running process."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from process_hardening.audit import read_process
from process_hardening.audit.host import user_of
from process_hardening.audit.procfs import parse_number, parse_status
from process_hardening.audit.programs import program_of
from process_hardening.audit.runtime_files import runtime_of_process
from process_hardening.errors import CommandError, NotFoundError, hide_value
from process_hardening.state import may_be_confined
from process_hardening.verify.attacks import list_attacks, suits
from process_hardening.verify.lab.canary import BY_USER
from process_hardening.verify.lab.processes import runs_on
from process_hardening.verify.model import (
    BUILT_IN,
    CONFINED,
    CONTROL,
    INCONCLUSIVE,
    READS,
    UNAVAILABLE,
    Attack,
    AttackResult,
    RunningProcess,
    VictimResult,
)
from process_hardening.verify.victims import (
    BROKEN_VICTIMS,
    SAMPLES,
    VICTIMS,
    Start,
    find_missing,
    start_of,
    starts_for,
)

if TYPE_CHECKING:
    from process_hardening.audit.posture import Posture

NOBODY = 65534


@dataclass(frozen=True)
class Plan:
    """Which attacks to run on which victims.

    attacks -- in the order of the table
    starts -- how the control and the victims are started
    victims -- their names, except the control's
    skipped -- maps (attack, victim) to the reason why the attack is not run on the victim
    program -- the fields of lab.start.Program, or None
    process -- a running process, or None
    needles -- the secrets to look for in that process, by place
    uid, gid -- the attacker's user and group if we are root; None: nobody
    canary_known -- for a running process: whether a secret in it is known
    notes -- for the report
    not_made -- rows for the attacks on the process's own runtime, which could harm it
    """

    attacks: tuple[Attack, ...]
    starts: dict[str, Start]
    victims: tuple[str, ...]
    skipped: dict[tuple[str, str], str] = field(default_factory=dict)
    program: dict[str, Any] | None = None
    process: RunningProcess | None = None
    needles: dict[str, str] = field(default_factory=dict)
    uid: int | None = None
    gid: int = NOBODY
    canary_known: bool | None = None
    notes: tuple[str, ...] = ()
    not_made: tuple[AttackResult, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The control and the victims."""
        return (CONTROL, *self.victims)

    @property
    def started(self) -> dict[str, Start]:
        """How each victim that is attacked at all is started."""
        return {
            name: start
            for name, start in self.starts.items()
            if any((attack.name, name) not in self.skipped for attack in self.attacks)
        }

    @property
    def attempts(self) -> int:
        """The number of attempts."""
        return len(self.names) * len(self.attacks)


def plan_victims(
    attacks: Sequence[Attack] | None,
    victims: Sequence[str] | None = None,
    as_container_root: bool = False,
) -> Plan:
    """Plan attacks on built-in victims.

    attacks -- None: all
    victims -- None: all, but variants of an attack are run only on SAMPLES

    Raises CommandError for an unknown victim.
    """
    known = (*VICTIMS, *BROKEN_VICTIMS)
    for victim in victims or ():
        if victim not in known:
            raise CommandError(f"{hide_value(victim)!r} is not a victim: use {', '.join(known)}")
    unique = tuple(dict.fromkeys(VICTIMS if victims is None else victims))
    plan = Plan(
        attacks=_choose_attacks(attacks, ()),
        starts={name: start_of(name) for name in (CONTROL, *unique)},
        victims=unique,
    )
    skipped = _skip_cells(plan, as_container_root)
    if victims is None:
        others = [name for name in unique if name not in SAMPLES]
        reason = f"a variant of an attack: only on {', '.join(SAMPLES)} unless --victim is given"
        repeated = [attack.name for attack in plan.attacks if attack.repeats]
        skipped = {(attack, name): reason for attack in repeated for name in others} | skipped
    return replace(plan, skipped=skipped)


def plan_program(
    argv: Sequence[str],
    attacks: Sequence[Attack] | None,
    canary: str | None,
    as_container_root: bool = False,
    runtimes: Sequence[str] = (),
) -> Plan:
    """Plan attacks on a user's program, started plainly and with each method.

    runtimes -- the names of the runtimes that the program ran on when it was started plainly

    Raises NotFoundError if there is no such program.
    """
    path = argv[0] if "/" in argv[0] or os.path.isfile(argv[0]) else shutil.which(argv[0])
    if path is None or not os.path.exists(path):
        raise NotFoundError(f"{hide_value(argv[0])}: no such program")
    try:
        cwd = os.getcwd()
    except FileNotFoundError:
        raise CommandError(
            "the working directory, where the program would start, was deleted: use another one"
        ) from None
    starts = starts_for([os.path.abspath(path), *argv[1:]])
    plan = Plan(
        attacks=_choose_attacks(attacks, runtimes, "the program runs on no such runtime"),
        starts=starts,
        victims=tuple(name for name in starts if name != CONTROL),
        program={"environment": dict(os.environ), "cwd": cwd, "canary": canary},
    )
    return replace(plan, skipped=_skip_cells(plan, as_container_root))


def _skip_cells(plan: Plan, as_container_root: bool) -> dict[tuple[str, str], str]:
    """Return the reasons why attacks cannot be run on certain victims, or would be meaningless."""
    skipped = {}
    for victim in plan.victims:
        start = plan.starts[victim]
        missing = find_missing(start, os.geteuid() == 0, as_container_root)
        for attack in plan.attacks:
            reason = missing
            if attack.victims is not None and victim not in attack.victims:
                reason = reason or f"only for {attack.targets}"
            if attack.wrap and start.scripts_only and not attack.own_victim:
                reason = reason or f"{victim} starts only Python scripts"
            if reason:
                skipped[attack.name, victim] = reason
    return skipped


def plan_process(
    pid: int, attacks: Sequence[Attack] | None, canary: str | None, as_container_root: bool
) -> Plan:
    """Plan read-only attacks on a running process, with a built-in control.

    Raises CommandError if there is no such process, if it belongs to another user, if root could
    read it anyway, or if all attacks could harm it.
    """
    uid, gid = _find_owner(pid)
    if not runs_on(pid):  # a debugger stops it for moments
        raise CommandError(f"{pid}: the process has ended or is stopped")
    if os.geteuid() and uid != os.geteuid():
        raise CommandError(f"{pid}: belongs to another user: run verify as that user or as root")
    if os.geteuid() == 0 and uid == 0 and not as_container_root:
        raise CommandError(
            f"{pid}: belongs to root, who can always read it: use --as-root-without-ptrace to"
            " attack as root in a container"
        )
    harmless, harmful = split_by_harm(_choose_attacks(attacks, _find_runtimes(pid)))
    if not harmless:
        raise CommandError(f"{', '.join(harmful)}: not tried, because it could harm process {pid}")
    posture, victim = read_process(pid), f"pid {pid}"
    is_general = attacks is None or set(list_attacks((BUILT_IN,))) <= set(attacks)
    return Plan(
        attacks=harmless,
        starts={CONTROL: start_of(CONTROL)},
        victims=(victim,),
        process=RunningProcess(pid, name_program(posture), user_of(uid)),
        needles={BY_USER: canary or os.urandom(20).hex()},
        uid=uid,
        gid=gid,
        canary_known=canary is not None,
        notes=(
            *((f"skipped because they could harm it: {', '.join(harmful)}",) if harmful else ()),
            _describe_confinement(pid),
        ),
        not_made=list_not_made(posture, victim, list_attacks() if is_general else attacks or ()),
    )


def list_not_made(
    posture: Posture, victim: str, attacks: Iterable[Attack]
) -> tuple[AttackResult, ...]:
    """Return a row for each of the attacks that the runtime of a process leaves open.

    Such an attack could harm the process, so nothing proves that its secrets are kept.
    """
    runtime = posture.opens_itself
    if runtime == "":
        return ()
    why = (
        "it is unknown whether its runtime discloses its memory (explain PH015)"
        if runtime is None
        else f"its runtime, {runtime}, discloses its memory (explain PH018)"
    )
    reason = f"not made, because it could harm the process, but {why}: use verify -- PROGRAM"
    return tuple(
        AttackResult(
            name=attack.name,
            kind=attack.kind,
            summary=attack.summary,
            command=attack.command,
            control=UNAVAILABLE,
            detail=reason,
            may_be_open=True,
            victims={victim: VictimResult(INCONCLUSIVE, reason)},
        )
        for attack in attacks
        if attack.runtimes and (runtime is None or runtime in attack.runtimes)
    )


def split_by_harm(attacks: Sequence[Attack]) -> tuple[tuple[Attack, ...], list[str]]:
    """Return the attacks that leave their target unchanged, and the names of the others."""
    harmless = tuple(attack for attack in attacks if attack.effect == READS)
    return harmless, [attack.name for attack in attacks if attack.effect != READS]


def _choose_attacks(
    attacks: Sequence[Attack] | None,
    runtimes: Sequence[str],
    hint: str = "use verify -- PROGRAM",
) -> tuple[Attack, ...]:
    """Return the attacks that are meaningful for a hardened victim.

    attacks -- None: all; runtimes -- the names of the runtimes that the victim runs on
    hint -- what to say to a user who chose only attacks on other runtimes

    Raises CommandError if there are none.
    """
    asked = tuple(list_attacks() if attacks is None else attacks)
    hardened = tuple(attack for attack in asked if attack.victims != (CONFINED,))
    chosen = tuple(attack for attack in hardened if suits(attack, runtimes))
    if not chosen:
        names = ", ".join(attack.name for attack in asked)
        where = "only for unhardened programs: use verify --confined"
        if hardened:
            where = f"only for programs of this runtime: {hint}"
        raise CommandError(f"{names}: {where}")
    return chosen


def _find_runtimes(pid: int) -> tuple[str, ...]:
    """Return the name of the runtime of a process, as far as it can be recognized."""
    runtime = runtime_of_process(pid)
    return (runtime.name,) if runtime else ()


def _read_status(pid: int) -> dict[str, bytes]:
    """Return the fields of /proc/PID/status; {} if the file cannot be read."""
    try:
        with open(f"/proc/{pid}/status", "rb") as file:
            return parse_status(file.read())
    except OSError:
        return {}


def _describe_confinement(pid: int) -> str:
    fields = _read_status(pid)
    if not fields:
        return f"pid {pid}: unknown whether it is confined, because it is hidden"
    no_new_privs, seccomp = parse_number(fields, "NoNewPrivs"), parse_number(fields, "Seccomp")
    if may_be_confined(None if no_new_privs is None else no_new_privs == 1, seccomp) is False:
        return f"pid {pid}: not confined (not a failure: confine is for programs you do not trust)"
    return f"pid {pid}: unknown whether it is confined, as the kernel does not report that"


def name_program(posture: Posture) -> str | None:
    """Return the program of a process and the script that it runs; None if they are hidden."""
    return None if posture.is_name_hidden else program_of(posture).words


def _find_owner(pid: int) -> tuple[int, int]:
    """Return the effective user and group of a process. Raises CommandError."""
    fields = _read_status(pid)
    if fields:  # not from the owner of the file: root owns a hardened process's files
        return int(fields["Uid"].split()[1]), int(fields["Gid"].split()[1])
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        raise CommandError(f"{pid}: no such process") from None
    except OSError:
        raise CommandError(f"{pid}: belongs to another user: run verify as root") from None
    return os.geteuid(), os.getegid()  # hidden by hidepid, but ours: the signal was allowed
