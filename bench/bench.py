"""What hardening costs, as ratios against a baseline of the same run. See README.md beside this."""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from children import children
from confine import confine
from launch import memory, start_times
from measure import Command, MeasureError, interleave, median_difference
from report import Row, Section, as_json, machine, table
from variants import (
    BARE,
    BEHIND,
    CTYPES,
    ONCE,
    OURS,
    PEAK,
    REPEATED,
    SMALLEST,
    VARIANTS,
    build_smallest,
    check,
    compile_c,
    copy_package,
    environment,
    python,
)

TEN_MS = 1e7  # the specification's limit for the whole of the hardening
MOST = 0.6e6  # ns: what import and call may add to a bare interpreter
ENVIRONMENTS = (0, 50, 500, 5000)
COPY = "(d) C, copy and exec alone -- python -c pass"
MISSED, INCOMPLETE = 1, 3
# tool: (its arguments, where it prints the count)
COUNTERS = {
    "perf": (["stat", "-x,", "-e", "instructions:u", "--"], r"^(\d+),.*instructions"),
    "valgrind": (["--tool=callgrind", "--callgrind-out-file=/dev/null"], r"Collected : (\d+)"),
}
# Hardening would remove valgrind's own variables, and would load a module to report that.
WITHOUT_VALGRIND = """
import os
for name in ("LD_PRELOAD", "LD_LIBRARY_PATH"):
    os.environ.pop(name, None)
"""


def row(
    label: str,
    numbers: Sequence[float],
    ratio: float | None = None,
    against: str = "",
    limit: float | None = None,
    *,
    unit: str = "ns",
    floor: bool = False,
) -> Row:
    """A row for the median and the minimum of some rounds."""
    value, least = statistics.median(numbers), min(numbers)
    return Row(label, value, unit, least, ratio, against, limit, floor)


def import_and_call(folder: Path, rounds: int) -> Section:
    """Import and first call in fresh processes, timed from inside and from outside."""
    env = environment(50)
    commands = {
        name: python(ONCE.format(imports=variant.imports, call=variant.call), env, folder)
        for name, variant in VARIANTS.items()
    }
    commands["bare"] = python(BARE, env, folder)
    series = interleave(commands, rounds)
    spent = {name: series[name].column(0, 1) for name in VARIANTS}
    ours, smallest = (statistics.median(spent[name]) for name in (OURS, SMALLEST))

    section = Section("import + call in a fresh process, 50 variables")
    label = VARIANTS[OURS].label
    section.rows.append(row(label, spent[OURS], ours / smallest, "x (a)", 3.0))
    section.rows.append(Row("- of 0.6 ms", ratio=ours / MOST, limit=1))
    section.rows.append(row("- the import", series[OURS].column(0)))
    section.rows.append(row("- the call", series[OURS].column(1)))
    section.rows.append(Row("- of 10 ms", ratio=ours / TEN_MS, limit=0.1))
    for name, variant in VARIANTS.items():
        if name == OURS:
            continue
        if name == BEHIND:
            ratio = statistics.median(spent[name]) / smallest
            section.rows.append(row(variant.label, spent[name], ratio, "x (a)"))
            continue
        ratio = statistics.median(spent[name]) / ours
        limit = 6 if name == CTYPES else None
        section.rows.append(row(variant.label, spent[name], ratio, "x ours", limit, floor=True))
    bare = series["bare"].wall
    section.rows.append(row("whole process: bare interpreter", bare))
    for name, variant in VARIANTS.items():
        added = median_difference(series[name].wall, bare)
        section.rows.append(Row(f"- added by {variant.label}", added))
    return section


def call_alone(folder: Path, rounds: int) -> list[Section]:
    """The first call of a fresh process and the median of later ones, for growing environments."""
    cases = {f"{count:,} variables": environment(count) for count in ENVIRONMENTS}
    cases["50 variables, 3 of them LD_*"] = environment(50, loader_variables=True)
    commands = {}
    for case, env in cases.items():
        for name in (OURS, SMALLEST):
            variant = VARIANTS[name]
            code = REPEATED.format(imports=variant.imports, call=variant.call)
            commands[case + name] = python(code, env, folder)
    series = interleave(commands, rounds)

    sections = []
    for column, title in enumerate(["the call alone, first", "the call alone, repeated"]):
        section = Section(title)
        medians = {}
        for case in cases:
            numbers = {name: series[case + name].column(column) for name in (OURS, SMALLEST)}
            ours, smallest = (statistics.median(numbers[name]) for name in (OURS, SMALLEST))
            medians[case] = ours
            section.rows += [
                row(case, numbers[OURS], ours / smallest, "x (a)"),
                row("- (a)", numbers[SMALLEST]),
            ]
        at = [medians[f"{count:,} variables"] for count in ENVIRONMENTS]
        section.rows += [
            Row("one more variable, 50 to 500", (at[2] - at[1]) / 450),
            Row(
                "one more variable, 500 to 5,000: linear",
                (at[3] - at[2]) / 4500,
                ratio=(at[3] - at[2]) / (at[2] - at[1]) / 10,
                against="x before",
                limit=2,
            ),
            Row("the slowest of 10 ms", ratio=max(medians.values()) / TEN_MS, limit=0.1),
        ]
        sections.append(section)
    return sections


def run_command() -> tuple[list[str], dict[str, str]]:
    """`process-hardening run`, and the environment to call it in. Raises MeasureError."""
    script = Path(sysconfig.get_path("scripts")) / "process-hardening"
    if not script.exists():
        raise MeasureError(f"{script} is not installed")
    return [str(script), "run"], {**environment(49), "PATH": os.environ.get("PATH", os.defpath)}


def run_methods(folder: Path, rounds: int) -> Section:
    """`process-hardening run` beside the program itself, in starts of a bare interpreter."""
    run, env = run_command()
    (folder / "trivial.py").write_text("")
    copy_image = folder / "copy_image"
    compile_c("copy_image.c", copy_image)
    true = shutil.which("true") or "/bin/true"
    bare, module = [sys.executable, "-c", "pass"], [sys.executable, "-m", "trivial"]
    # name: (the command, the program without it)
    cases = {
        "execute-only -- true": ([*run, "--method", "execute-only", "--", true], [true]),
        "preload -- true": ([*run, "--method", "preload", "--", true], [true]),
        "execute-only -- python -c pass": ([*run, "--method", "execute-only", "--", *bare], bare),
        COPY: ([str(copy_image), *bare], bare),
        "in-process -m trivial": ([*run, "--method", "in-process", "-m", "trivial"], module),
    }
    commands = {"bare": Command(bare, env)}
    for case, (command, plain) in cases.items():
        commands[case] = Command(command, env)
        commands.setdefault(" ".join(plain), Command(plain, env))
    commands.pop(" ".join(bare))
    series = interleave(commands, rounds)
    series[" ".join(bare)] = series["bare"]

    start_of_bare = statistics.median(series["bare"].wall)
    section = Section("process-hardening run, wall time of the whole process")
    section.rows.append(row("bare interpreter (python -c pass)", series["bare"].wall))
    section.rows.append(row("plain exec of true", series[true].wall))
    section.rows.append(row("plain python -m trivial", series[" ".join(module)].wall))
    for case, (_, plain) in cases.items():
        added = median_difference(series[case].wall, series[" ".join(plain)].wall)
        section.rows.append(row(case, series[case].wall))
        section.rows.append(
            Row(
                "- added to the program's own",
                added,
                ratio=added / start_of_bare,
                against="x bare",
                limit=None if case == COPY else 1.5,
            )
        )
    return section


def peak_memory(folder: Path, rounds: int) -> Section:
    """The highest resident set of a process, as the kernel tells it (VmHWM)."""
    if not os.path.exists("/proc/self/status"):
        raise MeasureError("this system has no /proc/self/status")
    env = environment(50)
    peak = folder / "peak.py"
    peak.write_text(PEAK)
    run, run_env = run_command()
    commands = {"bare interpreter": python(BARE + PEAK, env, folder)}
    for variant in VARIANTS.values():
        code = "\n".join([BARE, variant.imports, variant.call, PEAK])
        commands[variant.label] = python(code, env, folder)
    for method in ("execute-only", "preload"):
        argv = [*run, "--method", method, "--", sys.executable, str(peak)]
        commands[f"python under run, {method}"] = Command(argv, run_env)
    argv = [*run, "--method", "in-process", str(peak)]
    commands["python under run, in-process"] = Command(argv, run_env)
    series = interleave(commands, rounds)

    section = Section("peak memory")
    bare = statistics.median(series["bare interpreter"].column(0))
    for label in commands:
        numbers = series[label].column(0)
        ratio = statistics.median(numbers) / bare
        section.rows.append(row(label, numbers, ratio, "x bare", unit="KiB"))
    return section


def count(tool: str, command: Command) -> float:
    """The user-space instructions of a command by perf or valgrind. Raises MeasureError."""
    counter, pattern = COUNTERS[tool]
    argv = [tool, *counter, *command.argv]
    done = subprocess.run(argv, env=dict(command.env), capture_output=True, text=True, check=False)
    found = re.search(pattern, done.stderr, re.MULTILINE)
    if done.returncode or not found:
        raise MeasureError(f"{tool} cannot count instructions here")
    return float(found[1])


def instructions(folder: Path, rounds: int) -> Section:
    """Instructions that import and call add to a bare interpreter."""
    # A fixed seed: dicts and sets would differ from process to process.
    env = {**environment(48), "PYTHONHASHSEED": "0", "PATH": os.environ.get("PATH", os.defpath)}
    begin = BARE + WITHOUT_VALGRIND
    bare = python(begin, env, folder)
    reasons = []
    for tool in COUNTERS:
        try:
            if shutil.which(tool):
                count(tool, bare)
                break
            reasons.append(f"{tool} is not installed")
        except MeasureError as error:
            reasons.append(str(error))
    else:
        raise MeasureError("; ".join(reasons))

    def median_of(command: Command) -> float:
        return statistics.median(count(tool, command) for _ in range(rounds))

    base = median_of(bare)
    added = {
        name: median_of(python("\n".join([begin, variant.imports, variant.call]), env, folder))
        - base
        for name, variant in VARIANTS.items()
    }
    section = Section(f"instructions, by {tool}")
    section.rows.append(Row("bare interpreter", base, ""))
    for name, value in added.items():
        label = f"- added by {VARIANTS[name].label}"
        section.rows.append(Row(label, value, "", None, value / added[SMALLEST], "x (a)"))
    return section


def main() -> int:
    """Measure everything, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results here too")
    parser.add_argument("--rounds", type=int, default=200, metavar="N", help="default: 200")
    parser.add_argument(
        "--check", action="store_true", help="end with status 1 when a target is missed"
    )
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    command = shlex.join([sys.executable, *sys.argv])
    output = options.json.absolute() if options.json else None

    sections: list[Section] = []
    facts = machine()
    with tempfile.TemporaryDirectory(prefix="process-hardening-bench-") as name:
        folder = Path(name)
        try:
            facts["package"] = str(copy_package(folder))
            facts["(a)"] = build_smallest(folder)
            check(folder)
        except MeasureError as error:
            print(f"bench: {error}", file=sys.stderr)
            return INCOMPLETE
        os.chdir(folder)
        measures: Mapping[str, Callable[[Path, int], Section | list[Section]]] = {
            "import + call": import_and_call,
            "the call alone": call_alone,
            "process-hardening run": run_methods,
            "confine": confine,
            "harden": start_times,
            "harden, memory": memory,
            "children": children,
            "peak memory": lambda folder, rounds: peak_memory(folder, max(rounds // 20, 3)),
            "instructions": lambda folder, _: instructions(folder, 3),
        }
        for title, measure in measures.items():
            print(f"bench: {title} ...", file=sys.stderr, flush=True)
            try:
                measured = measure(folder, options.rounds)
            except MeasureError as error:
                measured = Section(title, skipped=str(error))
            sections += measured if isinstance(measured, list) else [measured]
        os.chdir("/")

    rows = [row for section in sections for row in section.rows]
    missed = [row.label for row in rows if row.met is False]
    print(f"{command}   ({options.rounds} rounds)")
    for label, fact in facts.items():
        print(f"{label}: {fact}")
    print("", table(sections), "", sep="\n")
    print(f"targets: {sum(row.met is True for row in rows)} met, {len(missed)} missed")

    if output:
        output.parent.mkdir(parents=True, exist_ok=True)
        result = {
            "schema": 1,
            "command": command,
            "rounds": options.rounds,
            "machine": facts,
            "sections": as_json(sections),
        }
        output.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    if any(section.skipped for section in sections):
        return INCOMPLETE
    return MISSED if options.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
