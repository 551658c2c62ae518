"""The records of verify: attacks, their targets and their results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from process_hardening.errors import FOUND, NOT_KNOWN

CONTROL = "control"
"""The name of the unhardened victim."""

CONFINED = "confined"
"""The name of a confined attacker's victim, which is started like the control."""

# Kinds of attack.
BUILT_IN = "built-in"
TOOL = "tool"

# Effects of an attack on its target.
READS = "reads"
"""Attaches and detaches, or opens and reads; leaves the target unchanged."""
CHANGES = "changes"
"""Writes into the target, or runs code in it."""
KILLS = "kills"
"""Kills the target."""
LAUNCHES = "launches"
"""Interferes with the start of the target."""

# Outcomes.
BLOCKED = "blocked"
LEAKED = "leaked"
INCONCLUSIVE = "inconclusive"
UNAVAILABLE = "unavailable"

EXPECTED = "expected"
"""The mark of a leak that is documented. The other marks are the outcomes."""

SCHEMA = 1
"""The version of the JSON of `verify`."""


class DoesNotApplyError(Exception):
    """An attack proves nothing about its target; the message, in our own words, says why."""


class NoResultError(Exception):
    """An attack produced no result; the message, in our own words, says why."""


class VictimHandle(Protocol):
    """A victim that verify started, for attacks that need more than its pid."""

    @property
    def cwd(self) -> str:
        """The working directory of the victim."""
        ...

    @property
    def argv(self) -> Sequence[str]:
        """The command line of the victim."""
        ...

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment that it was started with, except the variable with a canary."""
        ...

    @property
    def report(self) -> Mapping[str, int]:
        """The numbers that the victim reported when it was ready: addresses and descriptors."""
        ...

    def release(self) -> None:
        """Let the victim run."""

    def is_ready(self, seconds: float) -> bool:
        """Return whether the victim becomes ready within this many seconds."""
        ...

    def wait_ready(self) -> None:
        """Release the victim and wait until it holds its secrets."""

    def target(self, folder: str) -> Target:
        """Return the victim as a target; the attack's files go into folder."""
        ...

    def ask(self, question: str, details: str = "", seconds: float = 2.0) -> str | None:
        """Ask the victim a question; return its answer, or None if it does not answer in time."""
        ...

    def signal(self, number: int) -> None:
        """Send a signal to the victim."""

    def wait(self, seconds: float) -> int | None:
        """Return the victim's wait status, or None if it is still running."""
        ...


@dataclass(frozen=True)
class Target:
    """The target of an attack, and what the attacker knows about it.

    pid -- the process
    needles -- the secrets to look for: maps each place to the secret there
    folder -- an empty private directory for the attack's files
    addresses -- the known addresses of the secrets
    descriptor -- the target's descriptor of the file that holds a secret, if known
    thread -- the thread whose stack holds a secret, if known
    victim -- the handle of a victim that verify started, for attacks that need more than a pid
    """

    pid: int
    needles: Mapping[str, bytes]
    folder: str
    addresses: Mapping[str, int] = field(default_factory=dict)
    descriptor: int | None = None
    thread: int | None = None
    victim: VictimHandle | None = None

    def places_in(self, data: bytes) -> tuple[str, ...]:
        """Return the places of the secrets found in data."""
        return tuple(place for place, needle in self.needles.items() if needle in data)


@dataclass(frozen=True)
class Attempt:
    """The result of an attack on one target.

    leaked -- whether the attacker got a secret
    message -- the kernel's message or our own, which never quotes the target's memory
    errno -- the error number, if a system call was refused
    places -- where the leaked secrets were stored
    refused -- whether the attacker was kept out, as opposed to getting in and finding nothing
    empty -- whether the attacker got in, but got no data at all
    output -- what a tool or program printed. It may quote the target's memory, so disclosure.py
        decides which part is reported, and clears this field
    """

    leaked: bool = False
    message: str = ""
    errno: int | None = None
    places: tuple[str, ...] = ()
    refused: bool = False
    empty: bool = False
    output: str = ""


@dataclass(frozen=True)
class Observation(Attempt):
    """An attempt, and the state of its target afterwards.

    answers -- whether the target still responded; None: not applicable, since the attack kills it
    failure -- why the attempt failed, or None
    unavailable -- why the attempt was not made at all, or None
    failed_closed -- whether the target exited with one of our codes instead of starting unhardened
    protected -- whether the kernel keeps other processes of the target's user out, or would write
        no core if it crashed; None: unknown. If False, a refusal has a cause other than hardening
    seconds -- how long the attempt took
    runtimes -- the runtimes (runtimes.py) that a user's program ran on, if it was started plainly
    started -- the number of other processes that a user's program had started
    """

    answers: bool | None = None
    failure: str | None = None
    unavailable: str | None = None
    failed_closed: bool = False
    protected: bool | None = None
    seconds: float = 0.0
    runtimes: tuple[str, ...] = ()
    started: int = 0


@dataclass(frozen=True)
class Attack:
    """One attack in the registry.

    name, kind, summary -- for display; kind is BUILT_IN or TOOL
    type -- the technique: debugger, /proc, memory, core dump, injection, profiler, …
    targets -- which programs it works on
    requires -- what the attacker needs, for display
    refusal -- what a refusal looks like
    effect -- READS, CHANGES, KILLS or LAUNCHES
    command -- the system calls or the command line
    find_missing -- returns what is missing here to make the attack and how to get it, or None
    run -- makes the attempt; raises OSError for a system call that the kernel refused
    prepare_environment -- returns variables for the environment of the target; takes the attack's
        directory. None: no variables
    core_pattern -- the required kernel.core_pattern: CORE_FILE or CORE_PIPE (core_guard.py), or
        None (any)
    soft_core_limit -- the target starts with a soft core limit of 0
    alone -- whether it is a race, during which nothing else may run
    launches -- how often a race is tried before it counts as lost
    own_victim -- whether it needs a built-in victim, which answers questions
    wrap -- takes the program's command line and the attack's directory; returns the command line
        to start instead. None: unchanged
    inherits_secret -- the target inherits an open file that holds a secret
    victims -- the victims for which it is meaningful; None: all
    runtimes -- the names of the runtimes that it works on (no built-in victim runs on one of them);
        None: any
    repeats -- whether it is a variant of an attack above it in the table; by default, it is run
        on only a few victims
    timeout -- seconds after which it is stopped
    """

    name: str
    kind: str
    summary: str
    type: str
    targets: str
    requires: str
    refusal: str
    effect: str
    command: str
    find_missing: Callable[[], str | None]
    run: Callable[[Target], Attempt]
    prepare_environment: Callable[[str], Mapping[str, str]] | None = None
    core_pattern: str | None = None
    soft_core_limit: bool = False
    alone: bool = False
    launches: int = 1
    own_victim: bool = False
    wrap: Callable[[list[str], str], list[str]] | None = None
    inherits_secret: bool = False
    victims: tuple[str, ...] | None = None
    runtimes: tuple[str, ...] | None = None
    repeats: bool = False
    timeout: float = 5.0


@dataclass(frozen=True)
class VictimResult:
    """One victim's cell of the table.

    outcome -- BLOCKED, LEAKED, INCONCLUSIVE or UNAVAILABLE
    evidence -- the message of the kernel or the tool, or the reason for the outcome
    known_limit -- why this leak is expected and documented, or None
    observation -- the attempt that was judged, or None if there was none
    """

    outcome: str
    evidence: str
    known_limit: str | None = None
    observation: Observation | None = None

    @property
    def mark(self) -> str:
        """The outcome, or EXPECTED for a documented leak."""
        return EXPECTED if self.known_limit else self.outcome


@dataclass(frozen=True)
class AttackResult:
    """One row of the table.

    control -- the control's outcome: LEAKED, INCONCLUSIVE or UNAVAILABLE
    detail -- the reason for that outcome, or how the control leaked
    kills -- whether the attack kills its target, which then cannot respond
    may_be_open -- whether the attack is on a runtime, which may be open although the attack was not
        made, or gave no result on the control
    victims -- maps each victim's name to its result
    """

    name: str
    kind: str
    summary: str
    command: str
    control: str
    detail: str
    kills: bool = False
    may_be_open: bool = False
    observation: Observation | None = None
    victims: dict[str, VictimResult] = field(default_factory=dict)

    @property
    def counts(self) -> bool:
        """Whether the results on the victims count even if none is a leak.

        A tool that gets nothing from the control does not work here, and counts as missing.
        """
        return self.control == LEAKED or self.may_be_open or self.kind != TOOL


@dataclass(frozen=True)
class RunningProcess:
    """A running process that is attacked, as reports name it.

    pid -- the process
    program -- its program and the script that it runs, never another argument, which may be a
        secret; None if the kernel hides the program
    user -- the name of its user
    """

    pid: int
    program: str | None
    user: str

    @property
    def name(self) -> str:
        """The name of the process, which stays the same when the process is restarted."""
        return f"{self.program or 'a hidden program'} of {self.user}"

    @property
    def title(self) -> str:
        """Its name and pid."""
        return f"{self.name} (pid {self.pid})"


@dataclass(frozen=True)
class Verification:
    """The whole table, and where and when it was made.

    process -- the victim if it is a running process, or else None
    """

    environment: dict[str, Any]
    victims: tuple[str, ...]
    attacks: tuple[AttackResult, ...]
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    process: RunningProcess | None = None

    def title_of(self, victim: str) -> str:
        """Return the name of a victim for the parts of a report that have room for a long name."""
        return self.process.title if self.process else victim

    def count(self, outcome: str) -> int:
        """Return the number of cells with an outcome, without known limits and ignored cells."""
        return sum(
            result.outcome == outcome and not result.known_limit
            for attack in self.attacks
            if attack.counts or outcome == LEAKED
            for result in attack.victims.values()
        )

    @property
    def ignored(self) -> int:
        """The number of inconclusive cells that say nothing: the tool does not work here."""
        return sum(
            result.outcome == INCONCLUSIVE
            for attack in self.attacks
            if not attack.counts
            for result in attack.victims.values()
        )

    @property
    def known_limits(self) -> tuple[tuple[str, str, str], ...]:
        """The expected leaks: attack, victim, why."""
        return tuple(
            (attack.name, victim, result.known_limit)
            for attack in self.attacks
            for victim, result in attack.victims.items()
            if result.known_limit
        )

    @property
    def exit_code(self) -> int:
        """0: all attacks that leaked from the control were blocked; 1: a leak; 3: inconclusive."""
        if self.count(LEAKED):
            return FOUND
        leaking = [attack for attack in self.attacks if attack.control == LEAKED]
        unclear = any(
            result.outcome == INCONCLUSIVE
            for attack in self.attacks
            if attack.counts
            for result in attack.victims.values()
        )
        judged = any(
            result.outcome != UNAVAILABLE
            for attack in leaking
            for result in attack.victims.values()
        )
        return NOT_KNOWN if unclear or not judged else 0


@dataclass(frozen=True)
class Progress:
    """The progress of a verification.

    done, total -- numbers of attempts; attack, victim -- those of the last attempt
    row -- the row of the table, if the last attempt completed it
    """

    done: int
    total: int
    attack: str
    victim: str
    row: AttackResult | None = None
