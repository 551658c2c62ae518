"""What the matrices saw, and the tables of docs/platforms.md that are made of it.

    python -m tools.results --check     # status 1 when the page says something else

Each matrix (cross.py, arches.py, ...) calls record(); nobody writes the file by hand.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tools.markdown import make_table

DOCS = Path(__file__).resolve().parent.parent / "docs"
RESULTS = DOCS / "platforms-results.json"
PAGE = DOCS / "platforms.md"

KERNEL, FAKE = "ran on a kernel", "ran against a fake"
COMPILED, IN_PART = "compiled", "compiled in part"
WORKS, REFUSED, WINE = "works", "refused", "ran under wine"
FAILED = "failed"


@dataclass(frozen=True)
class Row:
    """One thing that was tried.

    what -- its name, unique in its section
    kind -- one of the words above: the most that may be claimed because of it
    seen -- what it printed or did, in short
    """

    what: str
    kind: str
    seen: str


SECTIONS = {
    "arches": ("Architecture", "How", "Kernel, and number of passed checks", "make arches"),
    "fakes": ("System", "How", "Number of passed checks", "make arches"),
    "cross": ("Target", "How", "What was built", "make cross"),
    "windows": ("System", "How", "Output", "make windows"),
    "pythons": ("Interpreter", "The wheel", "Result", "make pythons"),
}
"""The column titles of each section's table, and the make target that writes it."""


@dataclass(frozen=True)
class System:
    """A row of the first table.

    evidence -- patterns of "SECTION/WHAT": the rows that show how it was checked
    """

    name: str
    applied: str
    evidence: tuple[str, ...]
    stays_open: str


_BSD_OPEN = "debuggers of the same user; never ran on a real system"
SYSTEMS = (
    System(
        "Linux (glibc, musl)",
        "`prctl(PR_SET_DUMPABLE, 0)` or unreadable image; core limit 0/0; `LD_*` removed and wiped",
        ("arches/.*",),
        "root; the launch window of in-process hardening ([SECURITY.md](../SECURITY.md))",
    ),
    System(
        "Android",
        "the same code as Linux",
        ("cross/.*-android",),
        "never compiled with Android's libc, never ran; a crash may undo it ([below](#android))",
    ),
    System(
        "macOS",
        "`ptrace(PT_DENY_ATTACH)`; core limit 0/0; `DYLD_*` removed and wiped",
        ("cross/.*-macos", "fakes/macos"),
        "`task_for_pid`, which ignores the flag; never ran on a Mac",
    ),
    System(
        "FreeBSD",
        "`procctl(PROC_TRACE_CTL_DISABLE_EXEC)`; core limit 0/0; `LD_*` removed and wiped",
        ("cross/.*-freebsd", "fakes/freebsd"),
        "never ran on a real system",
    ),
    System(
        "OpenBSD",
        "core limit 0/0; `LD_*` removed and wiped; inspection: *unsupported*",
        ("cross/.*-openbsd", "fakes/openbsd"),
        _BSD_OPEN,
    ),
    System(
        "NetBSD",
        "core limit 0/0; `LD_*` removed and wiped; inspection: *unsupported*",
        ("cross/.*-netbsd", "fakes/netbsd"),
        _BSD_OPEN,
    ),
    System(
        "Windows",
        "nothing: every step is *unsupported*",
        ("cross/.*-windows-gnu", "fakes/windows", "windows/.*"),
        "everything ([below](#windows)); never ran on Windows",
    ),
)


def load() -> dict[str, list[Row]]:
    """The recorded rows of each section."""
    if not RESULTS.exists():
        return {}
    recorded = json.loads(RESULTS.read_text())
    return {name: [Row(**row) for row in rows] for name, rows in recorded["sections"].items()}


def record(section: str, rows: Sequence[Row]) -> None:
    """Replace a section by the rows of a whole run, and write the page's tables anew."""
    sections = {**load(), section: list(rows)}
    content = {
        "schema": 1,
        "sections": {name: [asdict(row) for row in sections[name]] for name in sorted(sections)},
    }
    RESULTS.write_text(json.dumps(content, indent=1) + "\n")
    PAGE.write_text(page())


def evidence(system: System, sections: dict[str, list[Row]]) -> str:
    """What may be said of how a system was checked: no more than its rows do."""
    by_kind: dict[str, list[str]] = {}
    for section, rows in sections.items():
        for row in rows:
            if any(re.fullmatch(wanted, f"{section}/{row.what}") for wanted in system.evidence):
                by_kind.setdefault(row.kind, []).append(row.what)
    kinds = [kind for kind in (FAILED, KERNEL, WINE, FAKE, COMPILED, IN_PART) if kind in by_kind]
    shown = [f"{kind} ({', '.join(by_kind[kind])})" for kind in kinds]
    return "; ".join(shown) or "not at all"


def page() -> str:
    """The page with its tables made of the results; the words around them are kept."""
    sections = load()
    tables = {
        "systems": make_table(
            ("System", "What is applied", "How it was checked", "What stays open"),
            ((s.name, s.applied, evidence(s, sections), s.stays_open) for s in SYSTEMS),
        )
    }
    for name, (*titles, target) in SECTIONS.items():
        rows = [(row.what, row.kind, row.seen) for row in sections.get(name, [])]
        tables[name] = f"`{target}`:\n\n{make_table(titles, rows)}"
    text = PAGE.read_text()
    for name, content in tables.items():
        before, mark, rest = text.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition("\n<!-- end -->")
        if not (mark and end):
            raise ValueError(f"{PAGE.name} has no place for the table {name!r}")
        text = f"{before}{mark}{content}{end}{after}"
    return text


def main(arguments: Sequence[str]) -> int:
    """Compare the page with the results."""
    if list(arguments) != ["--check"]:
        print("usage: python -m tools.results --check", file=sys.stderr)
        return 2
    if page() == PAGE.read_text():
        return 0
    print(
        f"{PAGE.name} does not say what {RESULTS.name} does: run the matrices with --record",
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
