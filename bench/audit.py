"""What an audit costs, beside the least that reading can cost, and beside other tools.

Usage: python bench/audit.py [--rounds N] [--processes N...] [--json FILE] [--check]

Every number is of the same run, on the same processes: the rows take turns.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from measure import Command, MeasureError, interleave, median_difference, start
from report import Row, Section, as_json, machine, table
from variants import compile_c

HERE = Path(__file__).resolve().parent
SHELL = ["sh", "-c", "printf x; read -r line"]
PYTHON = [sys.executable, "-c", "import sys, json, ssl, decimal; print(end='x', flush=True);"
          " sys.stdin.read()"]  # fmt: skip

INCOMPLETE = 3
MISSED = 1

READING = "(r) a C program that only opens and reads the same files"
AUDIT = "audit: everything, judged"
PSUTIL = "psutil: the part of it that psutil knows, unjudged"
BARE = "an interpreter that does nothing"
PSUTIL_FLOOR = 2.5
MOST_CPU = 60e6
"""Nanoseconds of CPU that a whole audit of COUNTED processes may use, without the interpreter."""
COUNTED = 200
TURNS = 5
MOST_FOR_CONFINED = 1.1
"""As fast as without: what lies within the noise of one run."""

COMMAND = str(Path(sys.executable).with_name("process-hardening"))

# Prints the nanoseconds that it took. The first audit loads what is needed.
IN_PROCESS = (
    "import os, time\nfrom process_hardening import audit\naudit.take(pids=[os.getpid()])\n"
    "begin = time.perf_counter_ns()\naudit.take(everything=True)\n"
    "print(time.perf_counter_ns() - begin)"
)
WITH_PSUTIL = (
    "import json, psutil\nfound = []\nfor process in psutil.process_iter(\n"
    "    ['ppid', 'name', 'username', 'exe', 'status', 'cmdline', 'environ', 'memory_maps']\n"
    "):\n"
    "    try:\n"
    "        process.info['core_limit'] = process.rlimit(psutil.RLIMIT_CORE)\n"
    "    except psutil.Error:\n"
    "        pass\n"
    "    found.append(process.info)\n"
    "print(json.dumps(found))"
)


@contextmanager
def crowd(count: int, argv: list[str]) -> Iterator[None]:
    """That many processes more, ready, and gone afterwards. Each writes one byte when it is."""
    ready, write_end = os.pipe()
    read_end, held = os.pipe()
    processes = [
        subprocess.Popen(argv, stdin=read_end, stdout=write_end, start_new_session=True)
        for _ in range(count)
    ]
    os.close(write_end)
    os.close(read_end)
    try:
        waiting = count
        while waiting > 0:
            said = len(os.read(ready, 1 << 16))
            if not said:
                raise MeasureError(f"`{shlex.join(argv)}` ended at once")
            waiting -= said
        yield
    finally:
        for process in processes:
            process.send_signal(signal.SIGKILL)
        for process in processes:
            process.wait()
        os.close(held)
        os.close(ready)


def whole_commands() -> dict[str, Command]:
    """What takes turns from start to end."""
    env = {"PATH": os.environ.get("PATH", os.defpath)}
    found = {
        BARE: Command([sys.executable, "-c", "0"], env),
        AUDIT: Command([COMMAND, "audit", "--json", "--all", "--fail-on", "never"], env, False),
        PSUTIL: Command([sys.executable, "-c", WITH_PSUTIL], env, False),
    }
    try:
        start(found[PSUTIL])
    except MeasureError:
        del found[PSUTIL]
    return found


def count_processes() -> int:
    """How many processes run here."""
    return sum(name.isdigit() for name in os.listdir("/proc"))


def other_tools() -> Mapping[str, list[str]]:
    """What else there is that looks at all processes: start included, output thrown away."""
    tools = {
        "audit: the whole command, table": [COMMAND, "audit", "--fail-on", "never"],
        "ps -eo pid,user,comm,args,wchan": ["ps", "-eo", "pid,user,comm,args,wchan"],
        "pscap -a (capabilities only)": ["pscap", "-a"],
        "checksec --proc-all": ["checksec", "--proc-all"],
    }  # fmt: skip
    return {name: argv for name, argv in tools.items() if shutil.which(argv[0])}


def time_of(argv: list[str]) -> float:
    """Wall time of a command in ns."""
    begin = time.perf_counter_ns()
    subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return float(time.perf_counter_ns() - begin)


def end_to_end(count: int, rounds: int, argv: list[str]) -> Section:
    """`audit --json --all` beside psutil, with that many processes more than there are.

    The start of the interpreter is set aside.
    """
    program = "Python" if argv is PYTHON else "sh"
    section = Section(f"{count} processes of {program} and what runs here, end to end")
    with crowd(count, argv):
        series = interleave(whole_commands(), rounds)
    bare = statistics.median(series[BARE].wall)
    walls = {name: statistics.median(one.wall) - bare for name, one in series.items()}
    for name in walls.keys() - {BARE}:
        section.rows.append(Row(name, walls[name], least=min(series[name].wall) - bare))
    if PSUTIL in walls:
        ratio = walls[PSUTIL] / walls[AUDIT]
        section.rows.append(
            Row("psutil against audit", ratio=ratio, against="x audit", limit=PSUTIL_FLOOR,
                floor=True)
        )  # fmt: skip
    else:
        section.skipped = "psutil is not installed"
    return section


def cpu_of_counted(rounds: int) -> Section:
    """CPU time of `audit --json --all` beyond the interpreter's start, for COUNTED processes."""
    section = Section(f"{COUNTED} processes in all, most of them of sh: CPU of the whole command")
    with crowd(max(COUNTED - count_processes(), 0), SHELL):
        running = count_processes()
        named = whole_commands()
        series = interleave({name: named[name] for name in (BARE, AUDIT)}, rounds)
    cpu = median_difference(series[AUDIT].cpu, series[BARE].cpu)
    section.rows.append(
        Row(
            f"{AUDIT} ({running} processes)",
            cpu,
            ratio=cpu / MOST_CPU,
            against=f"x {MOST_CPU / 1e6:.0f} ms",
            limit=1.0,
        )
    )
    return section


def beside_c(folder: Path, count: int, rounds: int) -> Section:
    """Reading and judging in a warm interpreter, beside the least that reading can cost."""
    section = Section(f"{count} processes of sh and what runs here, in a warm interpreter")
    reader = folder / "read_proc"
    compile_c("read_proc.c", reader)
    env = {"PATH": os.environ.get("PATH", os.defpath)}
    rows = {
        READING: Command([str(reader)], env),
        AUDIT: Command([sys.executable, "-c", IN_PROCESS], env),
    }
    with crowd(count, SHELL):
        series = interleave(rows, rounds)
    least = statistics.median(series[READING].column(0))
    for name, one in series.items():
        row = Row(name, statistics.median(one.column(0)), least=min(one.column(0)))
        if name != READING:
            row = replace(row, ratio=(row.value or 0.0) / least, against="x (r)")
        section.rows.append(row)
    return section


def beside_confined(count: int, rounds: int) -> Section:
    """The same processes once as they are and once each in a domain of its own, in turns."""
    section = Section(f"{count} processes of sh, not confined and confined, in a warm interpreter")
    confine = str(Path(sys.executable).with_name("confine"))
    crowds = {"none is confined": SHELL, "each is confined": [confine, "--", *SHELL]}
    command = {AUDIT: Command([sys.executable, "-c", IN_PROCESS], dict(os.environ))}
    times: dict[str, list[float]] = {label: [] for label in crowds}
    for _ in range(TURNS):
        for label, argv in crowds.items():
            with crowd(count, argv):
                times[label] += interleave(command, max(rounds // TURNS, 1))[AUDIT].column(0)
    for label, numbers in times.items():
        section.rows.append(Row(label, statistics.median(numbers), least=min(numbers)))
    plain, confined = section.rows
    ratio = (confined.value or 0.0) / (plain.value or 1.0)
    section.rows[1] = replace(
        confined, ratio=ratio, against="x not confined", limit=MOST_FOR_CONFINED
    )
    return section


def growth(counts: list[int], rounds: int) -> Section:
    """Time a process, from few to many: linear when it stays the same."""
    section = Section("growth, a process")
    costs: list[float] = []
    for count in counts:
        with crowd(count, SHELL):
            command = {AUDIT: Command([sys.executable, "-c", IN_PROCESS], dict(os.environ))}
            total = statistics.median(interleave(command, max(rounds // 5, 3))[AUDIT].column(0))
            running = count_processes()
        costs.append(total / running)
        more = len(costs) > 1
        section.rows.append(
            Row(
                f"{running} processes",
                costs[-1],
                ratio=costs[-1] / costs[0] if more else None,
                against=f"x that with {counts[0]} more" if more else "",
                limit=1.5 if more else None,
            )
        )
    return section


def beside_other_tools(count: int) -> Section:
    """Whole commands, as a user starts them."""
    section = Section(f"{count} processes of sh and what runs here, whole commands")
    with crowd(count, SHELL):
        for name, argv in other_tools().items():
            rounds = 1 if "checksec" in name else 7
            times = [time_of(argv) for _ in range(rounds)]
            section.rows.append(Row(name, statistics.median(times), least=min(times)))
    base = section.rows[0].value or 1.0
    section.rows[1:] = [
        replace(row, ratio=(row.value or 0.0) / base, against="x audit") for row in section.rows[1:]
    ]
    return section


def main() -> int:
    """Measure, print the table, write the JSON; 1 with --check when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results here too")
    parser.add_argument("--rounds", type=int, default=25, metavar="N", help="default: 25")
    parser.add_argument("--processes", type=int, default=200, metavar="N", help="default: 200")
    parser.add_argument("--most", type=int, default=5000, metavar="N", help="default: 5000")
    parser.add_argument(
        "--check", action="store_true", help="end with status 1 when a target is missed"
    )
    options = parser.parse_args()
    command = shlex.join([sys.executable, *sys.argv])
    with tempfile.TemporaryDirectory(prefix="process-hardening-bench-") as name:
        folder = Path(name)
        try:
            sections = [
                end_to_end(options.processes, options.rounds, SHELL),
                end_to_end(options.processes, options.rounds, PYTHON),
                cpu_of_counted(options.rounds),
                beside_c(folder, options.processes, options.rounds),
                beside_confined(options.processes, options.rounds),
                growth([200, 1000, options.most], options.rounds),
                beside_other_tools(options.processes),
            ]
        except MeasureError as error:
            print(f"bench: {error}", file=sys.stderr)
            return INCOMPLETE
    rows = [row for section in sections for row in section.rows]
    missed = [row.label for row in rows if row.met is False]
    facts = machine()
    print(f"{command}   ({options.rounds} rounds)")
    for label, fact in facts.items():
        print(f"{label}: {fact}")
    print("", table(sections), "", sep="\n")
    print(f"targets: {sum(row.met is True for row in rows)} met, {len(missed)} missed")
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        result = {"schema": 1, "command": command, "machine": facts, "sections": as_json(sections)}
        options.json.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    return MISSED if options.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
