"""What hardening adds to the start of a child: the preload library, and the start-up hook."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

import process_hardening
from measure import Command, MeasureError, interleave, median_difference
from process_hardening import hook
from process_hardening.hardening import preload_entries
from report import Row, Section
from variants import environment

MS = 1e6
REQUESTED = {process_hardening._children_variable: "1", process_hardening._keep_variable: ""}


def make_environment(folder: Path, mode: str) -> list[str]:
    """A virtual environment with the package and the hook; returns how to start its Python."""
    create = [sys.executable, "-m", "venv", "--without-pip", str(folder)]
    if subprocess.run(create, capture_output=True, check=False).returncode:
        raise MeasureError(f"{sys.executable} cannot make a virtual environment")
    python = folder / "bin" / "python"
    made = hook.Environment(str(python))
    package = Path(str(process_hardening.__file__)).parent
    shutil.copytree(package, Path(made.site_packages) / package.name)
    if mode != hook.DISABLED:
        hook.enable(hook.Environment(str(python)), mode)
    return [str(python), "-c", "pass"]


def preloaded(package: Path) -> dict[str, str]:
    """What harden_children() puts into the environment, for a copy of the package."""
    entries = [os.fsdecode(entry) for entry in preload_entries((), children=True)]
    env = dict(entry.split("=", 1) for entry in entries)
    return {**env, "LD_PRELOAD": str(package / Path(env["LD_PRELOAD"]).name)}


def children(folder: Path, rounds: int) -> Section:
    """The wall time of a whole child process, less that of the same one without hardening."""
    env = {**environment(49), "PATH": os.environ.get("PATH", os.defpath)}
    true = [shutil.which("true") or "/bin/true"]
    plain, on, off = (
        make_environment(folder / f"venv-{mode}", mode)
        for mode in (hook.DISABLED, hook.ALWAYS, hook.ON_REQUEST)
    )
    # label: the command, its environment, the same without hardening, and the limit in ms
    library = preloaded(folder / "process_hardening")
    cases = {
        "true, preload library": (true, library, true, 1.0),
        "python, preload library": (plain, library, plain, 1.0),
        "python, hook on": (on, {}, plain, 0.5),
        "python, hook on request, not requested (off)": (off, {}, plain, 1.0),
        "python, hook and preload library": (on, library, plain, 1.0),
        "python, hook gives back the preload library": (off, REQUESTED, plain, 1.0),
    }
    commands = {"plain true": Command(true, env), "plain python": Command(plain, env)}
    for label, (argv, variables, _, _) in cases.items():
        commands[label] = Command(argv, {**env, **variables})
    series = interleave(commands, rounds)

    section = Section("the start of a child, wall time of the whole process")
    for label in ("plain true", "plain python"):
        wall = series[label].wall
        section.rows.append(Row(label, statistics.median(wall), least=min(wall)))
    for label, (_, _, bare, limit) in cases.items():
        base = series["plain true" if bare is true else "plain python"].wall
        added = median_difference(series[label].wall, base)
        ratio = added / (limit * MS)
        section.rows.append(
            Row(f"- added by {label}", added, ratio=ratio, against=f"x {limit:g} ms", limit=1)
        )
    return section
