#!/usr/bin/env python3
"""Run real programs plainly, hardened in three ways, and confined, and compare what they do.

Needs root: each program runs as an unprivileged user in namespaces of its own, without a network.
Writes docs/compat-results.json and the table in docs/compatibility.md. Exits with 1 when a program
does something else in one of the ways that its row does not explain, or when it fails plainly.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import os
import platform
import shutil
import signal
import sys
from importlib import metadata
from pathlib import Path, PurePath

import catalogue
import results
import scene
from catalogue import Program
from ways import PLAIN

Record = results.Record
RECORDS = results.ROOT / "build" / "compat"
"""Logs, and the record of each program that was run."""


def identify_wheel() -> str:
    """Return what tells the installed wheel from others: a digest of what is in it."""
    files = metadata.files("process-hardening") or []
    own = [file for file in files if file.name in ("harden", "confine") or ".." not in file.parts]
    content = [f"{file} {file.hash.value}" for file in own if file.hash and not is_metadata(file)]
    return hashlib.sha256("\n".join(sorted(content)).encode()).hexdigest()[:8]


def is_metadata(file: PurePath) -> bool:
    """Whether an installer wrote a file, or it is about the wheel."""
    return file.parts[0].endswith(".dist-info")


def compare(program: Program, wheel: str) -> Record:
    """Run a program in each way. Returns its record."""
    record: Record = {
        "name": program.name,
        "does": program.does,
        "from": program.source,
        "compared": program.compared,
        "date": f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d}",
        "wheel": wheel,
        "versions": program.versions(),
    }
    if missing := program.missing():
        return {**record, "missing": missing}
    runs: dict[str, scene.Run] = {}
    with scene.Template(program) as template:
        for way in program.ways:
            runs[way] = template.run(way)
            (RECORDS / f"{program.slug}.{way}.log").write_text(runs[way].output)
    plain = runs.pop(PLAIN)
    record[PLAIN] = {"status": plain.status, "result": plain.last_line()}
    record["ways"] = {way: judge(program, way, plain, run) for way, run in runs.items()}
    return record


def judge(program: Program, way: str, plain: scene.Run, run: scene.Run) -> Record:
    """Compare a run with the plain one."""
    judged: Record = {"same": run.same_as(plain), "started": sorted(set(run.started))}
    if not judged["same"]:
        judged["differences"] = run.differences(plain)
        if why := program.differences.get(way):
            judged["why"] = why
    elif way in program.differences:
        print(f"{program.slug}: no longer differs: {way}", file=sys.stderr)
    return judged


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", metavar="NAME,...", help="run these programs and keep other rows")
    parser.add_argument(
        "--resume", action="store_true", help="keep what an earlier run of this wheel finished"
    )
    parser.add_argument("--list", action="store_true", help="list the programs; run nothing")
    parser.add_argument("--table", action="store_true", help="print the table; run nothing")
    return parser.parse_args()


def select(names: str | None) -> list[Program]:
    """Find programs by name. Exits if there is no such program."""
    if names is None:
        return list(catalogue.PROGRAMS)
    wanted = names.split(",")
    unknown = sorted(set(wanted) - {program.slug for program in catalogue.PROGRAMS})
    if unknown:
        sys.exit(f"compat.py: no such program: {', '.join(unknown)}; see --list")
    return [program for program in catalogue.PROGRAMS if program.slug in wanted]


def run(program: Program, wheel: str, *, resume: bool) -> Record:
    """Return the record of a program, from an earlier run of the wheel if that is asked for."""
    path = RECORDS / f"{program.slug}.json"
    if resume and path.exists():
        kept: Record = json.loads(path.read_text())
        if kept.get("wheel") == wheel and results.is_explained(kept):
            return kept
    record = compare(program, wheel)
    path.write_text(json.dumps(record, indent=2) + "\n")
    return record


def main() -> int:
    """Run the selected programs and write the results."""
    options = parse_arguments()
    if options.table:
        print(results.table(json.loads(results.RESULTS.read_text())), end="")
        return 0
    selected = select(options.only)
    if options.list:
        print("\n".join(f"{program.slug:24} {program.does}" for program in selected))
        return 0
    if os.getuid():
        sys.exit("compat.py: only root can make the namespaces it runs programs in; use sudo")
    if Path("/proc/sys/fs/suid_dumpable").read_text() != "0\n":
        sys.exit("compat.py: with fs.suid_dumpable set no start is execute-only: set it to 0")
    # Programs inherit ignored signals, and a shell's background jobs ignore SIGINT.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if not (options.only or options.resume):
        shutil.rmtree(RECORDS, ignore_errors=True)
    RECORDS.mkdir(parents=True, exist_ok=True)
    records: list[Record] = []
    wheel = identify_wheel()
    for program in selected:
        records.append(run(program, wheel, resume=options.resume))
        print(f"{program.slug}: {'; '.join(results.verdicts(records[-1]))}", flush=True)
    results.write(
        {
            "schema": 2,
            "kernel": platform.release().partition("-")[0],
            "version": metadata.version("process-hardening"),
            "wheel": wheel,
        },
        records,
        [program.name for program in catalogue.PROGRAMS],
    )
    unexplained = [record["name"] for record in records if not results.is_explained(record)]
    if unexplained:
        print(f"compat.py: not explained: {', '.join(unexplained)}", file=sys.stderr)
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
