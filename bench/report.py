"""Rows of results, as an aligned table and as JSON."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field

UNITS = (("ms", 1e6), ("µs", 1e3), ("ns", 1.0))
COLUMNS = ("median", "minimum", "ratio", "target", "")
NUMBERS = (1, 2)


@dataclass(frozen=True)
class Row:
    """One number, and what it is compared with.

    value -- in ns, KiB or instructions, as unit says; least -- the smallest of the rounds
    ratio -- value by the value of what `against` names, or a number without unit
    limit -- the target: the ratio must be at most this, or at least where floor is true
    """

    label: str
    value: float | None = None
    unit: str = "ns"
    least: float | None = None
    ratio: float | None = None
    against: str = ""
    limit: float | None = None
    floor: bool = False

    @property
    def met(self) -> bool | None:
        """Whether the target was reached; None: there is none."""
        if self.limit is None or self.ratio is None:
            return None
        return self.ratio >= self.limit if self.floor else self.ratio <= self.limit

    def cells(self) -> tuple[str, ...]:
        """Label, median, minimum, ratio, target and verdict, as text."""
        verdict = {None: "", True: "met", False: "missed"}[self.met]
        bound = "" if self.limit is None else f"{'>=' if self.floor else '<='} {self.limit:g}"
        ratio = "" if self.ratio is None else f"{self.ratio:.2f} {self.against}".rstrip()
        return (
            "  " + self.label,
            quantity(self.value, self.unit),
            quantity(self.least, self.unit),
            ratio,
            bound,
            verdict,
        )


@dataclass
class Section:
    """Rows under a title. skipped -- why it has none."""

    title: str
    rows: list[Row] = field(default_factory=list)
    skipped: str | None = None


def quantity(value: float | None, unit: str) -> str:
    """A number with its unit, to three or four digits."""
    if value is None:
        return ""
    if unit != "ns":
        return f"{value:,.0f} {unit}".rstrip()
    for name, size in UNITS:
        if abs(value) >= size or name == "ns":
            scaled = value / size
            return f"{scaled:.0f} {name}" if abs(scaled) >= 100 else f"{scaled:.2f} {name}"
    raise AssertionError("ns has no lower bound")


def table(sections: Sequence[Section]) -> str:
    """All sections, each under its heading, with the columns aligned throughout."""
    blocks = [
        [(section.title, *COLUMNS), *(row.cells() for row in section.rows)] for section in sections
    ]
    every = [line for block in blocks for line in block]
    widths = [max(map(len, column)) for column in zip(*every, strict=True)]
    lines = []
    for section, block in zip(sections, blocks, strict=True):
        lines.append("")
        for cells in block:
            padded = [
                cell.rjust(width) if column in NUMBERS else cell.ljust(width)
                for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
            ]
            lines.append("  ".join(padded).rstrip())
        if section.skipped:
            lines.append(f"  not measured: {section.skipped}")
    return "\n".join(lines[1:])


def machine() -> dict[str, str]:
    """What the numbers depend on: system, interpreter, processor."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "cpu": f"{_cpu()} ({platform.machine()}), {os.cpu_count()} processors",
        "load": f"{os.getloadavg()[0]:.1f} processes in the last minute",
    }


def _cpu() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown processor"


def as_json(sections: Sequence[Section]) -> list[dict[str, object]]:
    """The sections as plain values."""
    return [
        {
            "title": section.title,
            "skipped": section.skipped,
            "rows": [{**vars(row), "met": row.met} for row in section.rows],
        }
        for section in sections
    ]
