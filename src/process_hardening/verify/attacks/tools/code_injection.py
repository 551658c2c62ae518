"""Tools that run an attacker's code in a running process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial

from process_hardening.verify.attacks import injection
from process_hardening.verify.attacks.tools.running import (
    TIMEOUT,
    find_missing_module,
    find_missing_python,
    find_program,
    make_payload,
    run_tool,
)
from process_hardening.verify.model import CHANGES, TOOL, Attack, Attempt, Target

_CLIENTS = __package__
_CPYTHON = "CPython"
_CPYTHON_314 = "CPython 3.14 (the attacker's version), unless started with -X disable-remote-debug"
_GDB_LAUNCHES = 2
"""More than one launch, because gdb's calls into a process can hang or kill it."""


def _find_missing_debugger(module: str, *debuggers: str) -> str | None:
    """Return what is missing for a module that needs a debugger before Python 3.14, or None."""
    if not hasattr(sys, "remote_exec") and not any(map(find_program, debuggers)):
        return f"{module} attaches with {' or '.join(debuggers)}: apt-get install {debuggers[0]}"
    return find_missing_module(module)


def _find_missing_for_pyinjector() -> str | None:
    return find_missing_module("pyinjector") or injection.find_missing_compiler()


def _run_payload(
    make_argv: Callable[[Target, str], list[str]], seconds: float, target: Target
) -> Attempt:
    """Make the target run code that writes the target's strings into a file.

    make_argv -- takes the target and the code; returns the tool's command line
    """
    code, output = make_payload(target)
    return run_tool(target, make_argv(target, code), wait_for=output, seconds=seconds)


def _hypno(target: Target, code: str) -> list[str]:
    return [sys.executable, "-m", "hypno", str(target.pid), code]


def _memray(target: Target, code: str) -> list[str]:
    return [sys.executable, "-m", f"{_CLIENTS}.memray_client", str(target.pid), code]


def _debugpy(target: Target, code: str) -> list[str]:
    client = f"{_CLIENTS}.debugpy_client"
    return [sys.executable, "-Xfrozen_modules=off", "-m", client, str(target.pid), code]


def _remote_exec(target: Target, code: str) -> list[str]:
    script = _save_script(target, code)
    return [sys.executable, "-c", f"import sys; sys.remote_exec({target.pid}, {script!r})"]


def _save_script(target: Target, code: str) -> str:
    path = f"{target.folder}/script.py"
    with open(path, "w", encoding="utf-8") as file:
        file.write(code)
    return path


def run_pdb(target: Target) -> Attempt:
    """Attach with pdb, and enter a command that runs the code."""
    code, output = make_payload(target)
    script = _save_script(target, code)
    argv = [sys.executable, "-m", "pdb", "-p", str(target.pid)]
    commands = f"!exec(open({script!r}).read())\ndetach\n".encode()
    return run_tool(target, argv, wait_for=output, commands=commands)


def run_pyinjector(target: Target) -> Attempt:
    """Load the library of the ld-preload attack into the target, and ask it for the memory."""
    library = injection.build_library(target.folder, fifos_in_environment=False)
    loaded = run_tool(target, [sys.executable, "-m", "pyinjector", str(target.pid), library])
    asked = injection.ask_library(target)
    return asked if asked.leaked else loaded


def run_frida(target: Target) -> Attempt:
    """Attach with Frida, and make the target send all its writable memory."""
    return run_tool(target, [sys.executable, "-m", f"{_CLIENTS}.frida_client", str(target.pid)])


def _attack(
    name: str,
    summary: str,
    *,
    type: str = "injection",  # noqa: A002 -- the name of the field
    targets: str = _CPYTHON,
    requires: str,
    refusal: str,
    command: str,
    find_missing: Callable[[], str | None],
    run: Callable[[Target], Attempt],
    launches: int = 1,
) -> Attack:
    return Attack(
        name=name,
        kind=TOOL,
        summary=summary,
        type=type,
        targets=targets,
        requires=requires,
        refusal=refusal,
        effect=CHANGES,
        command=command,
        find_missing=find_missing,
        run=run,
        launches=launches,
        repeats=True,
        timeout=TIMEOUT,
    )


ATTACKS = (
    _attack(
        "hypno",
        "hypno runs Python code in it",
        requires="hypno, which uses pyinjector",
        refusal='"pyinjector.PyInjectorError: ... Operation not permitted"',
        command="python -m hypno PID CODE",
        find_missing=partial(find_missing_module, "hypno"),
        run=partial(_run_payload, _hypno, 8.0),
    ),
    _attack(
        "pyinjector",
        "pyinjector loads a library into it",
        targets="dynamically linked programs",
        requires="pyinjector; a C compiler for the library",
        refusal='"Operation not permitted"; the exit status can still be 0',
        command="python -m pyinjector PID DIR/injected.so",
        find_missing=_find_missing_for_pyinjector,
        run=run_pyinjector,
    ),
    _attack(
        "frida",
        "Frida runs JavaScript in it that reads memory",
        targets="dynamically linked programs",
        requires="frida",
        refusal='"frida.PermissionDeniedError: unable to access process with pid PID ..."',
        command="frida.attach(PID).create_script(SCRIPT).load()",
        find_missing=partial(find_missing_module, "frida"),
        run=run_frida,
        launches=2,  # it sometimes crashes its target
    ),
    _attack(
        "memray",
        "memray attach runs Python code in it",
        requires="memray, and gdb or lldb (Python 3.14: neither)",
        refusal='"Failed to attach a debugger to the process."',
        command="memray attach PID",
        find_missing=partial(_find_missing_debugger, "memray", "gdb", "lldb"),
        run=partial(_run_payload, _memray, 8.0),
        launches=_GDB_LAUNCHES,
    ),
    _attack(
        "debugpy",
        "debugpy attaches and evaluates Python code in it",
        type="debugger",
        requires="debugpy, and gdb (Python 3.14: only debugpy)",
        refusal='"ptrace: Operation not permitted.", then CalledProcessError',
        command="python -m debugpy --listen 127.0.0.1:PORT --pid PID",
        find_missing=partial(_find_missing_debugger, "debugpy", "gdb"),
        run=partial(_run_payload, _debugpy, 10.0),
        launches=_GDB_LAUNCHES,
    ),
    _attack(
        "remote-exec",  # PEP 768
        "Python's remote debugging runs code in it",
        targets=_CPYTHON_314,
        requires="Python 3.14",
        refusal='"PermissionError: ... Operation not permitted"',
        command="sys.remote_exec(PID, SCRIPT)",
        find_missing=partial(find_missing_python, 3, 14),
        run=partial(_run_payload, _remote_exec, 8.0),
    ),
    _attack(
        "pdb",
        "pdb attaches and runs Python code in it",
        type="debugger",
        targets=_CPYTHON_314,
        requires="Python 3.14",
        refusal='"Operation not permitted"',
        command="python -m pdb -p PID",
        find_missing=partial(find_missing_python, 3, 14),
        run=run_pdb,
    ),
)
