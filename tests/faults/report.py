"""What the faults did, counted, and the table of docs/faults.md that is made of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from faults.experiment import OUTCOMES, Outcome

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE, RESULTS = DOCS / "faults.md", DOCS / "faults-results.json"
BEGIN, END = "<!-- make faults: begin -->\n", "<!-- make faults: end -->"


@dataclass(frozen=True)
class Row:
    """The runs of one subject.

    calls -- the names of the calls that our code makes in it
    places -- how many different calls, by place and turn
    faults -- how many runs below a fault; kinds -- how many of them ended so
    """

    subject: str
    calls: tuple[str, ...]
    places: int
    faults: int
    kinds: dict[str, int]

    @classmethod
    def count(
        cls,
        subject: str,
        first: Outcome,
        trials: Sequence[object],
        outcomes: Iterable[Outcome],
        names: dict[int, str],
    ) -> Row:
        """Count what came of the trials."""
        return cls(
            subject,
            tuple(sorted({names[call.number] for call in first.calls})),
            len(set(first.calls)),
            len(trials),
            dict(Counter(outcome.kind for outcome in outcomes)),
        )

    def in_words(self) -> str:
        """One line."""
        kinds = ", ".join(f"{self.kinds[kind]} {kind}" for kind in OUTCOMES if kind in self.kinds)
        return (
            f"{self.subject}: {len(self.calls)} calls at {self.places} places,"
            f" {self.faults} faults: {kinds}"
        )

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def table(rows: Sequence[Row]) -> str:
    """The table, and the calls of each subject below it."""
    lines = [
        f"| subject | system calls | places | faults | {' | '.join(OUTCOMES)} |",
        f"|{'---|' * (4 + len(OUTCOMES))}",
    ]
    for row in rows:
        counts = " | ".join(str(row.kinds.get(kind, 0)) for kind in OUTCOMES)
        lines.append(
            f"| `{row.subject}` | {len(row.calls)} | {row.places} | {row.faults} | {counts} |"
        )
    total = sum((Counter(row.kinds) for row in rows), Counter[str]())
    counts = " | ".join(str(total[kind]) for kind in OUTCOMES)
    lines.append(f"| all | | | {sum(row.faults for row in rows)} | {counts} |")
    calls = sorted({call for row in rows for call in row.calls})
    lines += ["", f"The {len(calls)} calls: {', '.join(f'`{call}`' for call in calls)}."]
    return "\n".join(lines) + "\n"


def record(rows: Sequence[Row], order: Sequence[str]) -> None:
    """Replace the recorded rows of these subjects, and write the page's table anew.

    order -- the names of all subjects
    """
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    found = {row["subject"]: Row(**row) for row in known} | {row.subject: row for row in rows}
    rows = [found[name] for name in order if name in found]
    RESULTS.write_text(json.dumps([row.as_dict() for row in rows], indent=1) + "\n")
    before, begin, rest = PAGE.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{PAGE.name} has no place for the table")
    PAGE.write_text(f"{before}{begin}{table(rows)}{end}{after}")
