"""The results file and the tables in docs/compatibility.md."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ways import PROTECTED

Record = dict[str, Any]
ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "docs" / "compat-results.json"
DOCUMENT = ROOT / "docs" / "compatibility.md"
BEGIN, END = "<!-- make compat: begin -->\n", "<!-- make compat: end -->\n"
WIDTH = 100
"""Of a difference in the table."""


def is_explained(record: Record) -> bool:
    """Whether a program worked plainly and differs only where its row says why."""
    if "missing" in record:
        return True
    return record["plain"]["status"] == 0 and all(
        run["same"] or "why" in run for run in record["ways"].values()
    )


def verdict(run: Record | None) -> str:
    """Say in a few words what became of one way."""
    if run is None:
        return "not run"
    by_preload = any(method.startswith("preload") for method in run["started"])
    if run["same"]:
        return "the same, by preload" if by_preload else "the same"
    return "differs" if "why" in run else "differs without a reason"


def verdicts(record: Record) -> list[str]:
    """Say in a few words what became of each way."""
    if "missing" in record:
        return [f"not run: {record['missing']}"]
    status = record["plain"]["status"]
    return [
        *([f"plain: status {status}"] if status else []),
        *(f"{way}: {verdict(record['ways'].get(way))}" for way in PROTECTED),
    ]


def write(facts: Record, records: list[Record], order: list[str]) -> None:
    """Merge records into the results file and show all in the document."""
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    merged = {
        record["name"]: record
        for record in [*(kept["programs"] if kept.get("schema") == 2 else []), *records]
    }
    programs = [merged[name] for name in order if name in merged]
    content = {**facts, "programs": programs}
    RESULTS.write_text(json.dumps(content, indent=2) + "\n")
    before, rest = DOCUMENT.read_text().split(BEGIN)
    _, after = rest.split(END)
    DOCUMENT.write_text(f"{before}{BEGIN}{table(content)}{END}{after}")


def table(content: Record) -> str:
    """Return the results as tables in Markdown."""
    run = [record for record in content["programs"] if "missing" not in record]
    missing = [record for record in content["programs"] if "missing" in record]
    same = sum(all(way["same"] for way in record["ways"].values()) for record in run)
    titles = " | ".join(way.title for way in PROTECTED.values())
    lines = [
        f"{len(run)} programs, Linux {content['kernel']}, process-hardening {content['version']}"
        f" (wheel {content['wheel']}). {same} of them behaved the same in every way they were run.",
        "",
        f"| program | does | compared | {titles} |",
        f"|---|---|---|{'---|' * len(PROTECTED)}",
        *map(row, run),
    ]
    if rows := [line for record in run for line in differences(record)]:
        lines += ["", "What differs:", "", "| program | way | what differs | why |"]
        lines += ["|---|---|---|---|", *rows]
    if others := [record for record in run if record.get("wheel") != content["wheel"]]:
        names = "; ".join(record["name"] for record in others)
        lines += ["", f"Recorded with another wheel: {names}."]
    if missing:
        lines += ["", "Not run:", "", "| program | why |", "|---|---|"]
        lines += [f"| {record['name']} | {record['missing']} |" for record in missing]
    return "\n".join(lines) + "\n"


def row(record: Record) -> str:
    """Return a program's row."""
    versions = ", ".join(record["versions"])
    name = f"{record['name']} ({versions})" if versions else record["name"]
    cells = [name, record["does"], record["compared"]]
    cells += [verdict(record["ways"].get(way)) for way in PROTECTED]
    return f"| {' | '.join(cells)} |"


def differences(record: Record) -> list[str]:
    """Return a row for each reason that a program has to do something else."""
    ways: dict[tuple[str, str], list[str]] = {}
    for way, run in record["ways"].items():
        if not run["same"]:
            key = (summarize(run["differences"]), run.get("why", "unknown"))
            ways.setdefault(key, []).append(PROTECTED[way].title)
    return [
        f"| {record['name']} | {'; '.join(titles)} | {what} | {why} |"
        for (what, why), titles in ways.items()
    ]


def summarize(lines: list[str]) -> str:
    """Shorten differences to the first of each kind, as code in a cell."""
    shown = dict(reversed([(line.partition(":")[0], line) for line in lines]))
    cut = [line if len(line) <= WIDTH else f"{line[:WIDTH]}..." for line in shown.values()]
    return "<br>".join(f"`{escape(line)}`" for line in reversed(cut))


def escape(text: str) -> str:
    """Make text fit into code in a table's cell."""
    return " ".join(text.replace("`", "'").replace("|", "\\|").split())
