"""Children of this process: harden them before their main(), or deliberately leave them unhardened.

The variable LD_PRELOAD names our library. The library stays in LD_PRELOAD, so the children of these
children are hardened too. The start-up hook of the Python environment (startup_hook.py) hardens
Python processes that are started without LD_PRELOAD.
"""

from __future__ import annotations

import os

from process_hardening import _native, harden
from process_hardening.environment import child_env, unhardened
from process_hardening.errors import CommandError
from process_hardening.record import Record

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping
    from typing import Any

    from process_hardening.environment import Names
    from process_hardening.policy import Outcome

_BYPASS = _native.BYPASS_VARIABLE  # native/preload/ and the start-up hook obey it

_COVERED = (
    "dynamically linked programs of this architecture (glibc or musl) that are started in any way"
    " with the environment of this process: subprocess, os.exec*, multiprocessing and pools; Python"
    " with -I, -E and -S too",
    "their children, if they pass the environment on",
    "forked children that do not call exec: as hardened as this process",
)
_COVERED_BY_HOOK = "Python from this venv, with any environment variables, except with -S"
_NOT_COVERED = (
    "statically linked programs: no library can be loaded into them",
    "programs of another architecture: their loader prints a line and does not load the library",
    "set-user-ID programs that gain rights, and programs with file capabilities: their loader"
    " ignores LD_PRELOAD",
    f"{_native.EXCEPTIONS.replace(':', ', ')}: they write their own uid_map, which a hardened"
    " process cannot do",
    "programs started with an environment without LD_PRELOAD",
    "the window between exec and the library's first instruction, in which a patient attacker can"
    " open /proc/PID/mem",
)
_AFTERWARDS = "children that were started earlier"


class ChildrenReport(Record):
    """What harden_children() covers, and what it does not.

    outcome -- 'applied', 'already in place', 'unsupported here' or 'skipped' (by the bypass
        variable)
    hook -- whether the environment of this interpreter has the start-up hook
    covered, not_covered -- descriptions of kinds of programs
    running -- pids of children that were started earlier, unless it is certain that other processes
        of the user cannot read them
    """

    outcome: Outcome
    hook: bool
    covered: tuple[str, ...]
    not_covered: tuple[str, ...]
    running: tuple[int, ...]


def find_hook() -> str:
    """Return the mode of the start-up hook in this interpreter's environment, or "" for none."""
    from process_hardening.hook_installer import ALWAYS, ON_REQUEST, read_own_state

    try:
        state = read_own_state()
    except CommandError:
        return ""
    return state if state in (ALWAYS, ON_REQUEST) else ""


def harden_children(*, keep: Names = (), bypass_variable: str | None = _BYPASS) -> ChildrenReport:
    """From now on, harden children before their main(), where possible (Linux).

    keep, bypass_variable -- as in Policy

    pre_main_hardening(Policy(children="harden")) does the same and also hardens this process.
    Returns what is covered and what is not. Raises HardeningError (exit code 8), and changes
    nothing, if the preload library cannot be loaded into children.
    """
    from process_hardening.policy import HARDEN, Policy

    policy = Policy(
        inspection=False,
        core_limit=False,
        environment=False,
        keep=keep,  # type: ignore[arg-type]  # Policy makes it a tuple, but refuses a str
        children=HARDEN,
        bypass_variable=bypass_variable,
    )
    return _report(harden(policy).children)


def _report(outcome: Outcome) -> ChildrenReport:
    in_force = outcome in ("applied", "already in place")
    hook = find_hook() != ""
    children = _list_children()
    running = tuple(child for child in children or () if _may_be_open(child))
    covered = (*(_COVERED if in_force else ()), *((_COVERED_BY_HOOK,) if hook else ()))
    not_covered = ("every other program",)
    if in_force:
        not_covered = (*_NOT_COVERED, *((_AFTERWARDS,) if running or children is None else ()))
    return ChildrenReport(
        outcome=outcome, hook=hook, covered=covered, not_covered=not_covered, running=running
    )


def _list_children() -> list[int] | None:
    """Return the pids of our children, or None if the system does not tell them."""
    children: list[int] | None = None
    try:
        for thread in os.listdir("/proc/self/task"):
            try:
                with open(f"/proc/self/task/{thread}/children", "rb") as file:
                    children = [*(children or ()), *map(int, file.read().split())]
            except (FileNotFoundError, ProcessLookupError):
                continue  # the thread ended, or there is no CONFIG_PROC_CHILDREN
    except OSError:
        return None
    return children


def _may_be_open(child: int) -> bool:
    """Return whether other processes of the user may be able to read a child."""
    from process_hardening.audit.reader import NoSuchProcessError, read_posture

    try:
        posture = read_posture(child)
    except NoSuchProcessError:
        return False
    except (CommandError, OSError):  # for example, too many open files
        return True
    return posture.has_memory and posture.inspectable is not False


def popen_unhardened(
    *args: Any, env: Mapping[Any, Any] | None = None, **options: Any
) -> subprocess.Popen[Any]:
    """Start a program that must not be hardened, such as a debugger, a profiler or a CUDA tool.

    Works like subprocess.Popen, but removes the variables that harden a child from the environment:
    from env, or from child_env() if env is None. The core limit stays 0, because a child cannot
    raise it.

    Raises what subprocess.Popen raises.
    """
    import subprocess

    source = child_env() if env is None else env
    text = {os.fsdecode(name): os.fsdecode(value) for name, value in source.items()}
    process: subprocess.Popen[Any] = subprocess.Popen(  # type: ignore[call-overload]  # the options of Popen
        *args, env=unhardened(text), **options
    )
    return process
