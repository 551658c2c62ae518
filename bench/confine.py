"""What confining adds to the start of a program."""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from measure import Command, MeasureError, interleave, median_difference
from report import Row, Section

MS = 1e6
COMMAND, FACTORY = 2.0, 1.0  # ms

POPEN = """
import subprocess, time
import process_hardening as ph

starters = (subprocess.Popen, ph.popen_confined)
times = ([], [])
for _ in range({repeats}):
    for starter, kept in zip(starters, times):
        begin = time.perf_counter_ns()
        starter([{true!r}]).wait()
        kept.append(time.perf_counter_ns() - begin)
print(*(sorted(kept)[len(kept) // 2] for kept in times))
"""


def _measured(label: str, numbers: Sequence[float]) -> Row:
    return Row(label, statistics.median(numbers), least=min(numbers))


def confine(_folder: Path, rounds: int) -> Section:
    """The command beside the program itself, and popen_confined() beside Popen."""
    command = Path(sysconfig.get_path("scripts")) / "confine"
    if not command.exists():
        raise MeasureError(f"{command} is not installed")
    true = shutil.which("true") or "/bin/true"
    env = {"PATH": os.environ.get("PATH", os.defpath)}
    popen = POPEN.format(repeats=50, true=true)
    series = interleave(
        {
            "plain": Command([true], env, prints_numbers=False),
            "confined": Command([str(command), true], env, prints_numbers=False),
        },
        rounds,
    )
    python = Command([sys.executable, "-c", popen], env)
    printed = interleave({"popen": python}, max(rounds // 20, 3))

    section = Section("confine")
    added = median_difference(series["confined"].wall, series["plain"].wall)
    section.rows += [
        _measured("plain exec of true", series["plain"].wall),
        _measured("confine true", series["confined"].wall),
        Row("- added, in ms", added, ratio=added / MS, against="ms", limit=COMMAND),
    ]
    plain, confined = (printed["popen"].column(column) for column in (0, 1))
    added = statistics.median(confined) - statistics.median(plain)
    section.rows += [
        _measured("Popen of true", plain),
        _measured("popen_confined of true", confined),
        Row("- added, in ms", added, ratio=added / MS, against="ms", limit=FACTORY),
    ]
    return section
