"""What `harden` costs: time beside the program's own start, and memory."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from measure import Command, MeasureError, Series, interleave, median_difference
from report import Row, Section
from variants import compile_c, environment

MS = 1e6
PROCESSES = 20
MOST_ADDED = 3.0  # ms
MOST_MEMORY = 64.0  # KiB
SIZES = {"100 KB": 100 << 10, "100 MB": 100 << 20}
WAIT = "print('ready', flush=True); input()"


def find_program(name: str) -> str:
    """Return the path of a program. Raises MeasureError."""
    path = shutil.which(name)
    if path is None:
        raise MeasureError(f"{name} is not installed")
    return path


def find_script(name: str) -> str:
    """Return the path of an installed command of ours. Raises MeasureError."""
    path = Path(sysconfig.get_path("scripts")) / name
    if not path.exists():
        raise MeasureError(f"{path} is not installed")
    return str(path)


def time_starts(cases: dict[str, list[str]], rounds: int) -> dict[str, Series]:
    """Time starts of programs in an ordinary environment."""
    env = {**environment(49), "PATH": os.environ.get("PATH", os.defpath)}
    return interleave({name: Command(argv, env, False) for name, argv in cases.items()}, rounds)


def row(label: str, series: Series) -> Row:
    """A row for the wall time."""
    return Row(label, statistics.median(series.wall), least=min(series.wall))


def compare(series: dict[str, Series], one: str, other: str, limit: float) -> Row:
    """A row for the ratio of two medians."""
    ratio = statistics.median(series[one].wall) / statistics.median(series[other].wall)
    return Row(f"- {one}", ratio=ratio, against=f"x {other}", limit=limit)


def start_times(folder: Path, rounds: int) -> Section:
    """Starts of small programs, of node, and of programs of two sizes."""
    harden, true = find_script("harden"), find_program("true")
    cases = {
        "true": [true],
        "harden -- true": [harden, "--", true],
        "setpriv -- true": [find_program("setpriv"), "--", true],
        "python -c pass": [sys.executable, "-c", "pass"],
        "process-hardening run -- true": [find_script("process-hardening"), "run", "--", true],
    }
    for name, size in SIZES.items():
        cases[f"harden -- {name}"] = [harden, "--", build_static(folder, size)]
    series = time_starts(cases, rounds)
    section = Section("harden, wall time of the whole process")
    section.rows += [row(name, series[name]) for name in cases]
    added = median_difference(series["harden -- true"].wall, series["true"].wall)
    section.rows += [
        Row("- added to true", added, ratio=added / MS, against="ms", limit=MOST_ADDED),
        compare(series, "harden -- true", "setpriv -- true", 2.5),
        compare(series, "harden -- 100 MB", "harden -- 100 KB", 1.1),
        compare_with_interpreter(series),
    ]
    if shutil.which("node"):
        section.rows += start_node(harden, max(rounds // 10, 5))
    return section


def compare_with_interpreter(series: dict[str, Series]) -> Row:
    """A row for `process-hardening run` beside a bare interpreter and `harden` together."""
    run, bare, harden = (
        statistics.median(series[name].wall)
        for name in ("process-hardening run -- true", "python -c pass", "harden -- true")
    )
    against = "x python and harden"
    return Row("- process-hardening run", ratio=run / (bare + harden), against=against, limit=1.0)


def start_node(harden: str, rounds: int) -> list[Row]:
    """Rows for node, plain and hardened."""
    node = find_program("node")
    cases = {"node -e 0": [node, "-e", "0"], "harden -- node -e 0": [harden, "--", node, "-e", "0"]}
    series = time_starts(cases, rounds)
    rows = [row(name, series[name]) for name in cases]
    return [*rows, compare(series, "harden -- node -e 0", "node -e 0", 1.08)]


def build_static(folder: Path, size: int) -> str:
    """Build a static program with a constant of this size, which it does not read."""
    program = folder / f"constant-{size}"
    compile_c("constant.c", program, "-static", f"-DSIZE={size}")
    return str(program)


def memory(_folder: Path, _rounds: int) -> Section:
    """The proportional set size of hardened interpreters beside as many plain ones."""
    if os.getuid():
        raise MeasureError("only root can read the memory use of hardened processes")
    python = os.path.realpath(sys.executable)
    plain = [python, "-I", "-c", WAIT]
    commands = [plain, [find_script("harden"), "--", *plain]] * PROCESSES
    processes = [start_waiting(command) for command in commands]
    try:
        sizes = [read_pss(process.pid) for process in processes]
    finally:
        for process in processes:
            process.communicate("\n")
    section = Section(f"proportional set size of {PROCESSES} pythons, and of as many hardened")
    means = statistics.mean(sizes[::2]), statistics.mean(sizes[1::2])
    section.rows += [
        Row("plain", means[0], "KiB", min(sizes[::2])),
        Row("hardened", means[1], "KiB", min(sizes[1::2])),
        Row(
            "- added to each",
            means[1] - means[0],
            "KiB",
            ratio=(means[1] - means[0]) / MOST_MEMORY,
            against=f"x {MOST_MEMORY:g} KiB",
            limit=1.0,
        ),
    ]
    return section


def start_waiting(command: Sequence[str]) -> subprocess.Popen[str]:
    """Start a program and wait until it says that it is ready. Raises MeasureError."""
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={}
    )
    assert process.stdout is not None
    if process.stdout.readline() != "ready\n":
        raise MeasureError(f"`{' '.join(command)}` did not start")
    return process


def read_pss(pid: int) -> float:
    """Return the proportional set size of a process in KiB (proc_pid_smaps(5))."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return float(line.split()[1])
    raise MeasureError("this kernel does not tell the proportional set size")
