"""Children of this process: hardened before their main(), or left alone on purpose.

The environment does it: LD_PRELOAD names our library, which stays there for their children too.
Python processes that lose it are hardened by the start-up hook of their environment
(startup_hook.py).
"""

from __future__ import annotations

import os
import sys

from process_hardening import harden
from process_hardening.environment import (
    CHILDREN_VARIABLE,
    EXCEPT_VARIABLE,
    EXCEPTIONS,
    PRELOAD_LIBRARY,
    child_env,
    split_libraries,
    unhardened,
)
from process_hardening.errors import CommandError
from process_hardening.record import Record

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from process_hardening.policy import Outcome

PRELOAD = "preload library"
HOOK = "start-up hook"
UNREADABLE = "unreadable file"
_BYPASS = "CODEX_SKIP_HARDENING"  # which native/preload/ and the start-up hook obey

_COVERED = (
    "dynamically linked programs of this architecture, glibc or musl, started by any means with the"
    " environment of this process: subprocess, os.exec*, multiprocessing, pools; Python with"
    " -I, -E and -S too",
    "their children, as long as they hand the environment on",
    "children by fork alone: as hardened as this process is",
)
_COVERED_BY_HOOK = "Python from this venv, with any environment variables, except with -S"
_NOT_COVERED = (
    "statically linked programs: no library can be loaded into them",
    "programs of another architecture: their loader says so in a line and starts them without",
    "set-user-ID programs and programs with file capabilities: their loader ignores LD_PRELOAD",
    f"{', '.join(EXCEPTIONS)}: they write their own uid_map, which a hardened process may not",
    "programs started with an environment that lacks LD_PRELOAD",
    "the moment between exec and the library's first instruction, in which a patient attacker can"
    " open /proc/PID/mem",
)
_AFTERWARDS = "what was started before"


class ChildrenReport(Record):
    """What harden_children() covers, and what it does not.

    outcome -- 'applied', 'already in place', 'unsupported here' or 'skipped' (by the bypass
        variable)
    hook -- whether the environment of this interpreter has the start-up hook
    covered, not_covered -- kinds of programs, each in words
    running -- pids of children that were started before and can be read by others of the user
    """

    outcome: Outcome
    hook: bool
    covered: tuple[str, ...]
    not_covered: tuple[str, ...]
    running: tuple[int, ...]


class ChildCheck(Record):
    """Whether a program would be hardened before its main(). True if it would.

    by -- 'preload library', 'start-up hook', or 'unreadable file', as the execute-only interpreter
        of this process is; None when it would not be
    reason -- why it would not be; None when it would
    """

    by: str | None
    reason: str | None

    @property
    def hardened(self) -> bool:
        """Whether the child would be hardened."""
        return self.by is not None

    def __bool__(self) -> bool:
        return self.hardened


def _hook() -> str:
    """The mode of the start-up hook in the environment of this interpreter, or "" for none."""
    from process_hardening.hook_installer import ALWAYS, ON_REQUEST, read_own_state

    try:
        state = read_own_state()
    except CommandError:
        return ""
    return state if state in (ALWAYS, ON_REQUEST) else ""


def harden_children(
    *, keep: Iterable[str] = (), bypass_variable: str | None = _BYPASS
) -> ChildrenReport:
    """Harden every child that starts from now on before its main(), where possible (Linux).

    keep, bypass_variable -- as in Policy

    pre_main_hardening(Policy(children="harden")) does the same and hardens this process too.
    Returns what is covered and what is not. Raises HardeningError (exit code 8), with nothing
    changed, when our library cannot be loaded into children.
    """
    from process_hardening.policy import HARDEN, Policy

    policy = Policy(
        inspection=False,
        core_limit=False,
        environment=False,
        keep=keep,  # type: ignore[arg-type]  # Policy makes a tuple of it, but not of a str
        children=HARDEN,
        bypass_variable=bypass_variable,
    )
    return _report(harden(policy).children)


def _report(outcome: Outcome) -> ChildrenReport:
    in_force = outcome in ("applied", "already in place")
    hook = _hook() != ""
    running = tuple(_open_children())
    covered = (*(_COVERED if in_force else ()), *((_COVERED_BY_HOOK,) if hook else ()))
    not_covered = ("every other program",)
    if in_force:
        not_covered = (*_NOT_COVERED, *((_AFTERWARDS,) if running else ()))
    return ChildrenReport(
        outcome=outcome, hook=hook, covered=covered, not_covered=not_covered, running=running
    )


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
            if word == "--check-hash-based-pycs":  # the one that takes a value
                next(rest, None)
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


def _refused(reason: str | None) -> ChildCheck:
    return ChildCheck(by=None, reason=reason)


def _excepted(name: str, patterns: str) -> str | None:
    """Why a variable tells our library to leave a program of this name alone, or None."""
    from fnmatch import fnmatchcase

    for pattern in patterns.split(":"):
        if fnmatchcase(name, pattern.replace("[", "[[]")):
            return f"{EXCEPT_VARIABLE} in its environment excepts it"
    return None


def _is_shadowed(path: str) -> bool:
    """Whether a PYTHONPATH puts another process_hardening before the one that the hook imports."""
    own = os.path.dirname(os.path.dirname(__file__))
    return any(
        os.path.realpath(folder) != os.path.realpath(own)
        and os.path.exists(os.path.join(folder, name))
        for folder in path.split(os.pathsep)
        for name in ("process_hardening", "process_hardening.py")
    )


def _read_env_line(path: str) -> tuple[str, ...]:
    """The variables, NAME=VALUE, that env(1) sets in the "#!" line of a script."""
    import shutil

    try:
        with open(shutil.which(path) or path, "rb") as file:
            line = file.readline(256)
    except OSError:
        return ()
    words = os.fsdecode(line).split()
    if not words or words[0] not in ("#!/usr/bin/env", "#!/bin/env"):
        return ()
    return tuple(word for word in words[1:] if "=" in word and not word.startswith("-"))


def check_child(
    command: str | os.PathLike[str] | Sequence[str], env: Mapping[str, str] | None = None
) -> ChildCheck:
    """Whether a program would be hardened before its main() when this process starts it.

    command -- the program, or the program and its arguments; "#!" lines are followed
    env -- the environment that it would get; default: the one of this process

    A program that cannot be found would not be; the reason says so. Only files are read: nothing is
    started.
    """
    from process_hardening.launch import find_program

    argv = (os.fspath(command),) if isinstance(command, (str, os.PathLike)) else tuple(command)
    name = os.path.basename(argv[0])
    env = dict(os.environ if env is None else env)
    for word in _read_env_line(argv[0]):
        variable, _, value = word.partition("=")
        env[variable] = value
    try:
        argv, no_preload, is_unreadable = find_program(argv)
    except CommandError as error:
        return _refused(str(error))
    if is_unreadable:
        return ChildCheck(by=UNREADABLE, reason=None)
    if env.get(_BYPASS) == "1":
        return _refused(f"{_BYPASS}=1 is in its environment")
    reason: str | None = "LD_PRELOAD in its environment does not name our library"
    if PRELOAD_LIBRARY in split_libraries(env.get("LD_PRELOAD", "")):
        reason = no_preload or _excepted(name, env.get(EXCEPT_VARIABLE, ""))
    if reason is None:
        return ChildCheck(by=PRELOAD, reason=None)
    hook = _hook() if argv[0] == sys.executable else ""
    if hook:
        if _skips_site(argv[1:]):
            return _refused(f"{reason}, and -S leaves out the start-up hook")
        if _is_shadowed(env.get("PYTHONPATH", "")):
            return _refused(f"{reason}, and PYTHONPATH shadows the package of the start-up hook")
        if hook == "always" or env.get(CHILDREN_VARIABLE) == "1":
            return ChildCheck(by=HOOK, reason=None)
    return _refused(reason)


def popen_unhardened(
    *args: Any, env: Mapping[Any, Any] | None = None, **options: Any
) -> subprocess.Popen[Any]:
    """Start a program that must not be hardened: a debugger, a profiler, a CUDA tool.

    The same as subprocess.Popen, but for its environment: child_env(), or env, without the
    variables that harden a child. Its core limit stays 0, which a child cannot raise.

    Raises what subprocess.Popen raises.
    """
    import subprocess

    source = child_env() if env is None else env
    text = {os.fsdecode(name): os.fsdecode(value) for name, value in source.items()}
    process: subprocess.Popen[Any] = subprocess.Popen(  # type: ignore[call-overload]  # the options of Popen
        *args, env=unhardened(text), **options
    )
    return process
