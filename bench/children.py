"""What hardening adds to the start of a child: the preload library, and the start-up hook."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from measure import Command, MeasureError, interleave, median_difference
from process_hardening import _native
from process_hardening import hook_installer as hook
from process_hardening.environment import PRELOAD_LIBRARY
from process_hardening.preload import variables_for_children
from report import Row, Section
from variants import copy_package, environment

MS = 1e6
REQUESTED = {_native.CHILDREN_VARIABLE: "1", _native.KEEP_VARIABLE: ""}


def make_environment(
    folder: Path, mode: str, execute_only: bool = False
) -> tuple[list[str], dict[str, str]]:
    """A virtual environment with the package and the hook, or an execute-only interpreter too.

    Returns how to start its Python, and what harden_children() puts into the environment there.
    """
    create = [sys.executable, "-m", "venv", "--without-pip", str(folder)]
    if subprocess.run(create, capture_output=True, check=False).returncode:
        raise MeasureError(f"{sys.executable} cannot make a virtual environment")
    python = folder / "bin" / "python"
    made = hook.find_environment(str(python))
    package = copy_package(Path(made.site_packages))
    if mode != hook.DISABLED:
        hook.enable(hook.find_environment(str(python)), mode, execute_only)
    library = Path(made.site_packages) / package.name / Path(PRELOAD_LIBRARY).name
    return [str(python), "-c", "pass"], variables_for_children(str(library))


def children(folder: Path, rounds: int) -> Section:
    """The CPU time of a whole child process, less that of the same one without hardening.

    Not the wall time: a start waits for nothing, and other processes then count for less.
    """
    env = {**environment(49), "PATH": os.environ.get("PATH", os.defpath)}
    true = [shutil.which("true") or "/bin/true"]
    (plain, library), (on, on_library), (off, off_library) = (
        make_environment(folder / f"venv-{mode}", mode)
        for mode in (hook.DISABLED, hook.ALWAYS, hook.ON_REQUEST)
    )
    # What the library adds to the environment itself (native/exec/handover.h).
    followed = {"LD_PRELOAD": library["LD_PRELOAD"], "PROCESS_HARDENING_FOLLOW": "-"}
    unreadable, _ = make_environment(folder / "venv-execute-only", hook.ALWAYS, execute_only=True)
    # label: the command, its environment, the same without hardening, and the limit in ms
    cases: dict[str, tuple[list[str], dict[str, str], list[str], float | None]] = {
        "true, preload library": (true, library, true, 1.0),
        "true, followed through exec": (true, followed, true, 0.3),
        "python, preload library": (plain, library, plain, 1.0),
        "python, hook on": (on, {}, plain, 0.8),
        "python, execute-only interpreter with the hook on": (unreadable, {}, on, 0.2),
        "python, hook on request, not requested (off)": (off, {}, plain, 0.3),
        "python, hook on and preload library": (on, on_library, plain, 1.0),
        "python, hook on request and preload library": (off, off_library, plain, 1.0),
        "python, hook on request, LD_PRELOAD lost": (off, REQUESTED, plain, None),
    }
    bases = {"plain true": true, "plain python": plain, "python, hook on": on}
    commands = {label: Command(argv, env) for label, argv in bases.items()}
    for label, (argv, variables, _, _) in cases.items():
        commands[label] = Command(argv, {**env, **variables})
    series = interleave(commands, rounds)

    section = Section("the start of a child, CPU time of the whole process")
    for label in ("plain true", "plain python"):
        cpu = series[label].cpu
        section.rows.append(Row(label, statistics.median(cpu), least=min(cpu)))
    for label, (_, _, bare, limit) in cases.items():
        (base,) = (series[name].cpu for name, argv in bases.items() if argv is bare)
        added = median_difference(series[label].cpu, base)
        target = Row(f"- added by {label}", added)
        if limit:
            against = f"x {limit:g} ms"
            target = replace(target, ratio=added / (limit * MS), against=against, limit=1)
        section.rows.append(target)
    return section
