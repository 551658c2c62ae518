"""The rules about runtimes of languages, and about the workers that they start."""

from __future__ import annotations

from process_hardening.audit.programs import find_opening_options, join_hardened
from process_hardening.audit.rules.model import (
    HIGH,
    MEDIUM,
    START_HARDENED,
    Match,
    ProcessCase,
    rule,
)
from process_hardening.runtimes import RUNTIMES, Runtime


@rule(
    id="PH013",
    severity=MEDIUM,
    words="any process of the same user can run Python code in it",
    why="Since Python 3.14, sys.remote_exec(PID, SCRIPT) makes a running interpreter execute a"
    " script, unless remote debugging was disabled before it started.",
    fix="Start it hardened, or disable remote debugging. Spell the -X option with hyphens: Python"
    " ignores the spelling with underscores.",
    commands=(
        *START_HARDENED,
        "PYTHON_DISABLE_REMOTE_DEBUG=1 PROGRAM",
        "python3 -X disable-remote-debug SCRIPT",
    ),
    source="PEP 768; sys.remote_exec() in Python's documentation",
)
def find_remote_debugging(case: ProcessCase) -> Match | None:
    """sys.remote_exec() works on the process."""
    return Match() if case.posture.remote_debugging else None


_CHILDREN_HARDENED = ("harden --children -- PROGRAM",)
_FRAMEWORK_FIXES = {
    "multiprocessing": "Pass `initializer=process_hardening.pre_main_hardening` to the pool, call"
    " it first in the target of each Process, or use the start method 'fork', which keeps the"
    " hardening.",
    "forkserver": "Call pre_main_hardening() first in the target of each Process, and use Python"
    " 3.14 or later, or the start method 'spawn' or 'fork'.",
    "celery": "Call pre_main_hardening() in a handler for the signal"
    " worker_process_init. The prefork pool keeps the parent's hardening.",
    "gunicorn": "Call pre_main_hardening() in the post_fork hook of gunicorn's configuration file."
    " Forked workers keep the master's hardening until something calls exec.",
    "uvicorn": "Call pre_main_hardening() at the top of the module that contains the application:"
    " every worker of `uvicorn --workers` imports it.",
}
_PYTHON_FIX = (
    "Call pre_main_hardening() as the first statement of the child, give the parent"
    " Policy(children='harden'), or start the parent so that its children are hardened too."
)


@rule(
    id="PH014",
    severity=HIGH,
    words="it is not hardened, but one of its ancestors is",
    why="execve(2) makes a process dumpable again. Workers that are started as new programs"
    " (spawn, forkserver, subprocess) therefore hold the parent's secrets without its protection."
    " Forked workers keep the protection.",
    fix="Start the parent so that its children are hardened too. This covers dynamically linked"
    " descendants. A static program, or a tool that another program starts, must itself be"
    " started with harden.",
    commands=(*_CHILDREN_HARDENED, *START_HARDENED),
    source="prctl(2) PR_SET_DUMPABLE; execve(2)",
)
def find_lost_hardening(case: ProcessCase) -> Match | None:
    """A descendant of a hardened process of the same user is inspectable."""
    posture, ancestor = case.posture, case.ancestor
    if ancestor is None or not posture.inspectable or posture.uid != ancestor.uid:
        return None
    fix = _FRAMEWORK_FIXES.get(posture.framework or "", _PYTHON_FIX if posture.python else "")
    return Match(
        message=f"it is not hardened, but its ancestor {ancestor.name} is",
        subject=(ancestor.name,),
        fix=fix,
        commands=_CHILDREN_HARDENED if fix else (),
    )


_FIRST_SAFE_FORKSERVER = (3, 14)


@rule(
    id="PH017",
    severity=HIGH,
    words="any process of the same user can run Python code in it (forkserver)",
    why="Before Python 3.14, multiprocessing's forkserver executes whatever code any process of its"
    " user sends to its socket, and gives that code access to the parent's preloaded modules. This"
    " also happens if the forkserver is hardened.",
    fix="Use Python 3.14 or later, or the start method 'spawn' or 'fork'.",
    commands=("python3 -VV",),
    source="multiprocessing/forkserver.py; Python 3.14's What's New: authentication of the control"
    " socket",
)
def find_forkserver(case: ProcessCase) -> Match | None:
    """The process is a forkserver whose Python version is unknown or lets anyone connect."""
    posture = case.posture
    version = tuple(map(int, (posture.python or "0").split(".")))
    return (
        Match() if posture.framework == "forkserver" and version < _FIRST_SAFE_FORKSERVER else None
    )


def _start_closed(runtime: Runtime) -> str:
    return join_hardened((runtime.commands[0], "PROGRAM"), runtime)


@rule(
    id="PH018",
    severity=HIGH,
    words="its runtime discloses its memory to any process of the same user",
    why="Hardened or not, Node.js and Deno run code for any process that sends SIGUSR1 and"
    " connects, the JVM dumps its heap through its attach socket, and it and Erlang write a file"
    " when they crash, which any process of the user can cause."
    " The kernel cannot prevent a program from disclosing its own memory.",
    fix="Start it with this feature disabled, by an option, a variable or by blocking the signal.",
    commands=tuple(map(_start_closed, RUNTIMES)),
    source="; ".join(runtime.source for runtime in RUNTIMES),
)
def find_runtime_that_opens(case: ProcessCase) -> Match | None:
    """The runtime discloses its memory, according to the arguments and signals of the process."""
    for runtime in RUNTIMES:
        if runtime.name != case.posture.opens_itself:
            continue
        opening = " and ".join(find_opening_options(case.posture, runtime))
        if opening:
            return Match(
                message=f"{runtime.name}: other processes may be able to have it disclose its"
                f" memory because of {opening}",
                subject=(runtime.name,),
                fix=f"Start it without {opening}, with {runtime.closing}.",
            )
        return Match(
            message=f"{runtime.name}: {runtime.opens}",
            subject=(runtime.name,),
            fix="Start it with this feature disabled.",
            commands=(_start_closed(runtime),),
        )
    return None
