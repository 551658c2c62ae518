"""What an attack is: what it is aimed at, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from process_hardening.verify.lab.launcher import Victim

BUILT_IN = "built-in"
TOOL = "tool"

READS = "reads"
"""Attaches and detaches, opens and reads: leaves its target as it was."""
CHANGES = "changes"
"""Writes into its target, or runs code in it."""
KILLS = "kills"
"""Ends its target."""
LAUNCHES = "launches"
"""Takes part in the start of its target."""


@dataclass(frozen=True)
class Target:
    """What an attack is aimed at, and what the attacker knows of it.

    pid -- the process
    needles -- what to look for: place to secret
    folder -- an empty private folder for the attack's files
    addresses -- where in memory the secrets are, as far as told: an attacker may know
    descriptor -- the target's descriptor of the file that holds a secret, if told
    thread -- the thread in whose stack a secret is, if told
    victim -- the handle of a victim of ours, for attacks that need more than a pid
    """

    pid: int
    needles: Mapping[str, bytes]
    folder: str
    addresses: Mapping[str, int] = field(default_factory=dict)
    descriptor: int | None = None
    thread: int | None = None
    victim: Victim | None = None

    def found_in(self, data: bytes) -> tuple[str, ...]:
        """The places whose secret is in data."""
        return tuple(place for place, needle in self.needles.items() if needle in data)


@dataclass(frozen=True)
class Attempt:
    """What came of an attack on one target.

    leaked -- whether the attacker got hold of a secret
    said -- the kernel's or the tool's own words
    errno -- the error number, where a system call was refused
    command -- what was done: the call or the command line
    places -- where the secrets that leaked had been
    refused -- whether it was kept out, as opposed to getting in and finding nothing
    """

    leaked: bool
    said: str
    errno: int | None = None
    command: str = ""
    places: tuple[str, ...] = ()
    refused: bool = False


@dataclass(frozen=True)
class Attack:
    """One attack, as the registry knows it.

    name, kind, summary -- for people; kind is BUILT_IN or TOOL
    effect -- READS, CHANGES, KILLS or LAUNCHES
    command -- what it does, in the words of the manual
    needs -- tells why it cannot be tried here and what to do about it, or None
    run -- does it; raises OSError for what the kernel refused
    environment -- what it sets in the environment of its target, given its folder, or None
    core_pattern -- what kernel.core_pattern has to be: 'file', 'pipe' or None (any)
    soft_core_limit -- the target starts with a soft core limit of 0
    alone -- nothing else may run meanwhile, for it is a race
    launches -- how often a race is tried before it counts as lost
    own_victim -- it needs a victim of ours, which answers questions
    timeout -- seconds, after which it is ended
    """

    name: str
    kind: str
    summary: str
    effect: str
    command: str
    needs: Callable[[], str | None]
    run: Callable[[Target], Attempt]
    environment: Callable[[str], Mapping[str, str]] | None = None
    core_pattern: str | None = None
    soft_core_limit: bool = False
    alone: bool = False
    launches: int = 1
    own_victim: bool = False
    timeout: float = 5.0
