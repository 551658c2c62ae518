"""Sums up a verification: its headline, and what changed since an earlier one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from process_hardening.document import Value
from process_hardening.errors import CommandError
from process_hardening.verify.model import (
    BLOCKED,
    CONFINED,
    EXPECTED,
    INCONCLUSIVE,
    LEAKED,
    SCHEMA,
    UNAVAILABLE,
    AttackResult,
    RunningProcess,
    Verification,
    VictimResult,
)

_METHODS = (
    "The control is an unprotected program. Each victim is the same program, hardened by the method"
    " in the column header."
)
_CONFINED_ATTACKER = (
    "The control and the victim are the same unprotected program; only the victim's attacker is"
    " confined."
)
_RUNNING_PROCESS = (
    "The control is an unprotected sample program; the victim is the process that was named."
)
_RULE = (
    "Another process of the same user tries every attack on all of them. An attack counts as"
    " blocked only if it got the secret from the control in the same run."
)

_LIMITED = "blocked every attack except for documented limits (*)"

_BADNESS = {BLOCKED: 0, UNAVAILABLE: 1, EXPECTED: 2, INCONCLUSIVE: 3, LEAKED: 4}


def _marks(attack: AttackResult) -> dict[str, str]:
    """Return the meaningful marks of a row, by victim: only leaks if a tool does not work here."""
    marks = {name: result.mark for name, result in attack.victims.items()}
    return {name: mark for name, mark in marks.items() if attack.counts or mark == LEAKED}


def worst_marks(verification: Verification) -> dict[str, str]:
    """Return the worst mark of each victim among meaningful attacks."""
    worst = dict.fromkeys(verification.victims, UNAVAILABLE)
    for attack in verification.attacks:
        for name, mark in _marks(attack).items():
            if mark != UNAVAILABLE and (
                worst[name] == UNAVAILABLE or _BADNESS[mark] > _BADNESS[worst[name]]
            ):
                worst[name] = mark
    return worst


def explain(verification: Verification) -> str:
    """Explain the words in the table, in a few sentences."""
    if verification.victims == (CONFINED,):
        return f"{_CONFINED_ATTACKER} {_RULE}"
    if verification.process:
        return f"{_RUNNING_PROCESS} {_RULE}"
    return f"{_METHODS} {_RULE}"


def headline(verification: Verification) -> str:
    """Sum up the whole table in one sentence, starting with the worst results."""
    worst = worst_marks(verification)
    has_control = any(attack.control == LEAKED for attack in verification.attacks)
    if not has_control and LEAKED not in worst.values():
        return "No attack got the secret from the control, so this run proves nothing."
    if len(worst) == 1:
        return _headline_of_one(verification)
    by_mark = {mark: [name for name in worst if worst[name] == mark] for mark in _BADNESS}
    parts: list[str] = []
    for mark, words in ((BLOCKED, "kept every secret"), (EXPECTED, _LIMITED)):
        if by_mark[mark]:
            of_all = "" if parts else f" of {len(worst)} methods"
            parts.append(f"{len(by_mark[mark])}{of_all} {words}")
    for mark, words in ((INCONCLUSIVE, "could not be judged"), (UNAVAILABLE, "not tried")):
        if by_mark[mark]:
            parts.append(f"{words}: {', '.join(by_mark[mark])}")
    text = "; ".join(parts)
    if by_mark[LEAKED]:
        leaks = f"A secret LEAKED from {', '.join(by_mark[LEAKED])}"
        return f"{leaks}; {text}." if text else f"{leaks}."
    if by_mark[EXPECTED] and not by_mark[INCONCLUSIVE]:
        return f"No unexpected leak: {text}."
    return f"{text[0].upper()}{text[1:]}."


def _count(attacks: int) -> str:
    return f"{attacks} attack{'' if attacks == 1 else 's'}"


def _headline_of_one(verification: Verification) -> str:
    (victim,) = verification.victims
    name = verification.title_of(victim)
    marks = [mark for attack in verification.attacks for mark in _marks(attack).values()]
    kept, tried = marks.count(BLOCKED), len(marks) - marks.count(UNAVAILABLE)
    if LEAKED in marks:
        return f"{name}: a secret LEAKED to {marks.count(LEAKED)} of {_count(tried)}."
    if INCONCLUSIVE in marks or not tried:
        return f"{name}: {marks.count(INCONCLUSIVE)} of {_count(tried)} could not be judged."
    if EXPECTED in marks:
        leaks = marks.count(EXPECTED)
        return f"{name}: kept its secrets from {_count(kept)}; {leaks} leaked as documented (*)."
    return f"{name}: kept every secret from {_count(kept)}."


WORSE, BETTER, OTHER = "worse", "better", "other"
"""The kinds of changes. OTHER: the attack was not tried in one of the two runs."""


@dataclass(frozen=True)
class Change:
    """A cell of the table that changed.

    attack, victim -- its row and its column; the pid of a process is that of the later run
    before, now -- its marks in the two runs; UNAVAILABLE if the attack was not tried
    """

    attack: str
    victim: str
    before: str
    now: str

    @property
    def kind(self) -> str:
        """WORSE, BETTER or OTHER."""
        if UNAVAILABLE in (self.before, self.now):
            return OTHER
        return WORSE if _BADNESS[self.now] > _BADNESS[self.before] else BETTER


@dataclass(frozen=True)
class Earlier:
    """The comparable part of an earlier verification.

    time, host, kernel -- when and where it was made
    marks -- the mark of each cell, by attack and victim
    process -- the victim if it was a running process, or else None
    """

    time: str
    host: str
    kernel: str
    marks: Mapping[tuple[str, str], str]
    process: RunningProcess | None = None


@dataclass(frozen=True)
class Comparison:
    """What changed since an earlier verification, in the order of the table.

    unchanged -- the number of cells that have the same mark in both runs
    earlier_process -- the earlier victim if it was a process that has since been restarted, or None
    """

    earlier: Earlier
    changes: tuple[Change, ...]
    unchanged: int = 0
    earlier_process: RunningProcess | None = None

    @property
    def parts(self) -> dict[str, tuple[Change, ...]]:
        """The changes, by kind."""
        return {
            kind: tuple(change for change in self.changes if change.kind == kind)
            for kind in (WORSE, BETTER, OTHER)
        }


def read_earlier(record: object) -> Earlier:
    """Read an earlier verification from its JSON.

    record -- the parsed output of `verify --json` or `--evidence`

    Raises CommandError if the record is something else.
    """
    found = Value(record)
    try:
        is_ours = "schema" in found and "attacks" in found  # an audit has a schema too
        if not is_ours or found["schema"].number() != SCHEMA:
            raise CommandError(
                "not the JSON of this version of `verify`: create it again with --json"
            )
        marks = {
            (attack["name"].text(), name): _mark_in(cell)
            for attack in found["attacks"].items()
            for name, cell in attack["victims"].entries().items()
        }
        environment = found["environment"]
        time, host, kernel = (
            environment[key].text() if key in environment else "?"
            for key in ("time", "host", "kernel")
        )
        process = _read_process(found["process"]) if "process" in found else None
        return Earlier(time, host, kernel, marks, process)
    except ValueError as error:
        raise CommandError(f"damaged JSON of `verify` ({error}): create it again") from None


def _read_process(found: Value) -> RunningProcess:
    program = found["program"]
    return RunningProcess(
        found["pid"].number(), None if program.is_null else program.text(), found["user"].text()
    )


def _mark_in(cell: Value) -> str:
    limit = cell["known_limit"]
    return VictimResult(
        cell["outcome"].choice(_BADNESS), "", None if limit.is_null else limit.text()
    ).mark


def compare(earlier: Earlier, verification: Verification) -> Comparison:
    """Compare a verification with an earlier one, cell by cell.

    Two runs with --pid are compared whatever their processes are: a restart changes the pid, and
    hardening may hide the program.
    """
    now = {
        (attack.name, name): result.mark
        for attack in verification.attacks
        for name, result in attack.victims.items()
    }
    before, process = dict(earlier.marks), None
    if verification.process and earlier.process:
        (victim,) = verification.victims
        before = {(attack, victim): mark for (attack, _), mark in before.items()}
        process = earlier.process if earlier.process != verification.process else None
    cells = [
        Change(*cell, before.get(cell, UNAVAILABLE), now.get(cell, UNAVAILABLE))
        for cell in {**now, **before}
    ]
    changes = tuple(cell for cell in cells if cell.before != cell.now)
    unchanged = sum(cell.before == cell.now != UNAVAILABLE for cell in cells)
    return Comparison(earlier, changes, unchanged, process)
