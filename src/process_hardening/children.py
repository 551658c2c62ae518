"""Children of this process: hardened before their main(), or left alone on purpose.

The environment carries it: LD_PRELOAD names our library, which stays there for their children
too. What that cannot reach, the start-up hook of an environment (hook.py) reaches for its Pythons.
"""

from __future__ import annotations

import os
import sys

from process_hardening import startup_hook
from process_hardening.environment import CHILDREN_VARIABLE, PRELOAD_LIBRARY, child_env, unhardened
from process_hardening import harden
from process_hardening.record import Record

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from process_hardening import Report
    from process_hardening.policy import Policy

PRELOAD = "preload library"
HOOK = "start-up hook"
_BYPASS = "CODEX_SKIP_HARDENING"  # which native/preload.c and the start-up hook obey

_COVERED = (
    "dynamically linked programs of this architecture, glibc or musl, started by any means with the"
    " environment of this process: subprocess, os.exec*, multiprocessing, pools; Python with"
    " -I, -E and -S too",
    "their children, as long as they hand the environment on",
    "children by fork alone: as hardened as this process is",
)
_COVERED_BY_HOOK = "Python of this environment in any environment, except with -S"
_NOT_COVERED = (
    "statically linked programs: no library can be loaded into them",
    "programs of another architecture: their loader says so in a line and starts them without",
    "set-user-ID programs and programs with file capabilities: their loader ignores LD_PRELOAD",
    "programs started with an environment that lacks LD_PRELOAD",
    "the moment between exec and the library's first instruction, in which a patient attacker can"
    " open /proc/PID/mem",
)
_AFTERWARDS = "what was started before"


class ChildrenReport:
    """What harden_children() reaches, and what it does not.

    outcome -- 'applied', 'already in place', 'unsupported here' or 'skipped' (by the bypass
        variable)
    hook -- whether this interpreter was started through the start-up hook of its environment
    covered, not_covered -- kinds of programs, each in words
    running -- pids of children that were started before and stay open to others of the user
    """

    __slots__ = ("covered", "hook", "not_covered", "outcome", "running")

    def __init__(self, outcome: str) -> None:
        in_force = outcome in ("applied", "already in place")
        self.outcome = outcome
        self.hook = hook_ran()
        self.running = tuple(_open_children())
        by_hook = (_COVERED_BY_HOOK,) if self.hook else ()
        self.covered = (*(_COVERED if in_force else ()), *by_hook)
        before = (_AFTERWARDS,) if self.running else ()
        self.not_covered = (*_NOT_COVERED, *before) if in_force else ("every other program",)

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__)
        return f"ChildrenReport({fields})"


class ChildCheck:
    """Whether one program would be hardened before its main(). As true as its `hardened`.

    by -- 'preload library' or 'start-up hook'; None when it would not be
    reason -- why it would not be; None when it would
    """

    __slots__ = ("by", "hardened", "reason")

    def __init__(self, by: str | None, reason: str | None) -> None:
        self.by = by
        self.reason = reason
        self.hardened = by is not None

    def __bool__(self) -> bool:
        return self.hardened

    def __repr__(self) -> str:
        return f"ChildCheck(by={self.by!r}, reason={self.reason!r})"


def hook_ran() -> bool:
    """Whether the start-up hook of the environment was called when this interpreter started."""
    return startup_hook.ran != ""


def harden_children(
    *, keep: Iterable[str] = (), bypass_variable: str | None = _BYPASS
) -> ChildrenReport:
    """Have every child that starts from now on hardened before its main(), where possible (Linux).

    keep, bypass_variable -- as in Policy

    pre_main_hardening(Policy(children="harden")) does the same beside hardening this process.
    Returns what this reaches and what not. Raises HardeningError (exit code 8), with nothing
    changed, when our library cannot be loaded into children.
    """
    from process_hardening.policy import HARDEN, Policy

    policy = Policy(
        inspection=False,
        core_limit=False,
        environment=False,
        keep=tuple(keep),
        children=HARDEN,
        bypass_variable=bypass_variable,
    )
    return ChildrenReport(harden(policy).children)


def _open_children() -> Iterator[int]:
    """The children of this process that others of its user can read."""
    children: list[int] = []
    try:
        for thread in os.listdir("/proc/self/task"):
            with open(f"/proc/self/task/{thread}/children", "rb") as file:
                children += map(int, file.read().split())
    except OSError:
        return  # a kernel without CONFIG_PROC_CHILDREN, another system, or a thread that ended
    for child in children:
        from process_hardening.errors import CommandError
        from process_hardening.audit.reader import read_posture

        try:
            if read_posture(child).inspectable:
                yield child
        except CommandError:
            continue  # it has ended


def _skips_site(arguments: Sequence[str]) -> bool:
    """Whether a Python that is started with these arguments leaves `site` out (-S)."""
    rest = iter(arguments)
    for word in rest:
        if not word.startswith("-") or word in ("-", "--"):
            return False
        if word.startswith("--"):
            continue
        for place, letter in enumerate(word[1:], 2):
            if letter == "S":
                return True
            if letter in "cm":
                return False
            if letter in "WX":  # their value is the rest of the word, or the next one
                if place == len(word):
                    next(rest, None)
                break
    return False


def check_child(command: str | Sequence[str], env: Mapping[str, str] | None = None) -> ChildCheck:
    """Whether a program would be hardened before its main() when this process starts it.

    command -- the program, or the program and its arguments; "#!" lines are followed
    env -- the environment that it would get; default: the one of this process

    Says why not of what cannot be found, too. Looks at files only: nothing is started.
    """
    from process_hardening.errors import CommandError
    from process_hardening.launch.plan import why_not_preload
    from process_hardening.launch.program import resolve

    argv = [command] if isinstance(command, str) else [*command]
    env = os.environ if env is None else env
    try:
        program = resolve(argv[0], argv[1:])
    except CommandError as error:
        return ChildCheck(None, str(error))
    os.close(program.fd)
    if env.get(_BYPASS) == "1":
        return ChildCheck(None, f"{_BYPASS}=1 is in its environment")
    reason: str | None = "LD_PRELOAD in its environment does not name our library"
    if env.get("LD_PRELOAD") == PRELOAD_LIBRARY:
        reason = why_not_preload(program.image)
    if reason is None:
        return ChildCheck(PRELOAD, None)
    if program.argv[0] == sys.executable and hook_ran():
        if _skips_site(program.argv[1:]):
            return ChildCheck(None, f"{reason}, and -S leaves out the start-up hook")
        if startup_hook.ran == "always" or env.get(CHILDREN_VARIABLE) == "1":
            return ChildCheck(HOOK, None)
    return ChildCheck(None, reason)


def popen_unhardened(
    *args: Any, env: Mapping[Any, Any] | None = None, **options: Any
) -> subprocess.Popen[Any]:
    """Start a program that must not be hardened: a debugger, a profiler, a CUDA tool.

    The same as subprocess.Popen, but for its environment: child_env(), or env, without what has
    children hardened. Its core limit stays 0, which a child cannot raise.

    Raises what subprocess.Popen raises.
    """
    import subprocess

    given = child_env() if env is None else env
    text = {os.fsdecode(name): os.fsdecode(value) for name, value in given.items()}
    process: subprocess.Popen[Any] = subprocess.Popen(  # type: ignore[call-overload]  # theirs
        *args, env=unhardened(text), **options
    )
    return process
