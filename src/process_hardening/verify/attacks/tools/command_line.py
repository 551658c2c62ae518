"""Debuggers, tracers and profilers that read a running process: one row per command line."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from process_hardening.verify.attacks.reading import spans_to_read
from process_hardening.verify.attacks.tools.running import (
    OUTPUT,
    TIMEOUT,
    find_missing_program,
    find_program,
    run_tool,
)
from process_hardening.verify.model import READS, TOOL, Attack, Attempt, Target

_ANY = "any program"
_CPYTHON = "CPython"


def gdb_arguments(target: Target) -> list[str]:
    """Return arguments that dump the memory where the secrets may be."""
    arguments = ["-q", "-nx", "-batch", "-iex", "set debuginfod enabled off"]
    arguments += ["-iex", "set auto-solib-add off", "-p", str(target.pid)]
    for number, (start, length) in enumerate(spans_to_read(target)):
        arguments += ["-ex", f"dump binary memory memory.{number} {start} {start + length}"]
    return arguments


def lldb_arguments(target: Target) -> list[str]:
    """Return arguments that save the memory where the secrets may be."""
    arguments = ["--no-lldbinit", "--batch", "-o", "settings set target.preload-symbols false"]
    arguments += ["-o", f"process attach --pid {target.pid}"]
    for number, (start, length) in enumerate(spans_to_read(target)):
        arguments += ["-o", f"memory read --force --binary -c {length} -o memory.{number} {start}"]
    return [*arguments, "-o", "detach"]


def _from_template(template: str, target: Target) -> list[str]:
    return [word.replace("PID", str(target.pid)) for word in template.split()[1:]]


def _run(
    program: str,
    arguments: Callable[[Target], list[str]],
    makes: str,
    seconds: float,
    until_leak: bool,
    target: Target,
) -> Attempt:
    argv = [find_program(program) or program, *arguments(target)]
    return run_tool(target, argv, makes=makes, seconds=seconds, until_leak=until_leak)


def _attack(
    name: str,
    summary: str,
    *,
    type: str,  # noqa: A002 -- the name of the field
    command: str,
    makes: str,
    install: str,
    refusal: str,
    targets: str = _ANY,
    requires: str = "",
    arguments: Callable[[Target], list[str]] | None = None,
    seconds: float = 8.0,
    until_leak: bool = False,
) -> Attack:
    """Return the attack for one row of the table.

    name -- the name of the attack and of its program; makes -- as for run_tool()
    arguments -- returns the program's arguments; None: use those in `command`
    """
    arguments = arguments or partial(_from_template, command)
    return Attack(
        name=name,
        kind=TOOL,
        summary=summary,
        type=type,
        targets=targets,
        requires=requires or name,
        refusal=refusal,
        effect=READS,
        command=command,
        find_missing=partial(find_missing_program, name, install),
        run=partial(_run, name, arguments, makes, seconds, until_leak),
        repeats=True,
        timeout=TIMEOUT,
    )


ATTACKS = (
    _attack(
        "gdb",
        "GDB attaches and copies memory",
        type="debugger",
        command="gdb -batch -p PID -ex 'dump binary memory ...'",
        makes="memory.*",
        arguments=gdb_arguments,
        install="apt-get install gdb",
        refusal='"ptrace: Operation not permitted."; the exit status is still 0',
    ),
    _attack(
        "gcore",
        "gcore writes a core of the running process",
        type="debugger",
        command="gcore -o core PID",
        makes="core.*",
        install="apt-get install gdb",
        requires="gcore, which comes with gdb",
        refusal='"ptrace: Operation not permitted.", "gcore: failed to create core.PID"',
    ),
    _attack(
        "lldb",
        "LLDB attaches and copies memory",
        type="debugger",
        command="lldb -p PID; memory read ...",
        makes="memory.*",
        arguments=lldb_arguments,
        install="apt-get install lldb",
        refusal='"error: attach failed: Operation not permitted"',
    ),
    _attack(
        "strace",
        "strace watches the data in system calls",
        type="tracer",
        targets="a program that passes its secret to the kernel while it is watched",
        command="strace -f -s 4096 -o calls -p PID",
        makes="calls",
        install="apt-get install strace",
        refusal='"strace: attach: ptrace(PTRACE_SEIZE, PID): Operation not permitted"',
        seconds=1.5,
        until_leak=True,
    ),
    _attack(
        "py-spy",
        "py-spy prints stacks with local variables",
        type="profiler",
        targets=_CPYTHON,
        command="py-spy dump --locals --locals --pid PID",
        makes=OUTPUT,
        install="pip install py-spy",
        refusal='"Permission Denied" or, under hidepid, "Failed to open process"',
    ),
    _attack(
        "pystack",
        "pystack prints stacks with local variables",
        type="profiler",
        targets=_CPYTHON,
        command="pystack remote --locals --no-block PID",
        makes=OUTPUT,
        install="pip install pystack",
        refusal='"Operation not permitted"',
    ),
    _attack(
        "perf",
        "perf samples it with copies of its stacks",
        type="profiler",
        targets="a program that runs while it is sampled",
        command="perf record --no-buildid --no-buildid-cache -o data --call-graph dwarf,32768"
        " -e task-clock:u -c 100000 -p PID -- sleep 0.4",
        makes="data",
        install="apt-get install linux-perf",
        requires="perf; kernel.perf_event_paranoid of at most 2",
        refusal='"Access to performance monitoring and observability operations is limited."',
    ),
    _attack(
        "cat",
        "a sibling, another child of its parent, prints its environment",
        type="/proc",
        command="cat /proc/PID/environ",
        makes=OUTPUT,
        install="apt-get install coreutils",
        refusal='"Permission denied"',
    ),
)
