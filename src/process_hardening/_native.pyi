"""The calls of the core (native/module.c). Environment names, entries and values are bytes.

A Failure is (errno or 0, description, name of the step, exit code); errors.py turns it into a
HardeningError.
"""

from collections.abc import Callable
from typing import Any, Literal, ParamSpec, TypeAlias, TypeVar

from process_hardening.errors import ExitCode, FailedStep, Step

_P = ParamSpec("_P")
_R = TypeVar("_R")

Function = TypeVar("Function", bound=Callable[..., Any])  # noqa: PYI001 -- used by a decorator

Failure: TypeAlias = tuple[int, str, FailedStep, ExitCode]
Names: TypeAlias = tuple[bytes, ...]

STEPS: dict[Step, ExitCode]
"""Each step and its exit code, in the order of enum ph_step (native/core/hardening.h)."""
DEFAULT_STEPS: int
LOADER_VARIABLES: list[bytes]
"""The patterns of the loader variables of this system."""
BYPASS_VARIABLE: str
"""If it is 1, nothing is hardened, unless the policy says otherwise."""
CHILDREN_VARIABLE: str
"""If it is 1, our library leaves itself in LD_PRELOAD, so that children are hardened too."""
KEEP_VARIABLE: str
"""Tells our library which variables to keep: patterns joined by colons."""
EXCEPT_VARIABLE: str
"""Tells our library which programs not to harden: patterns joined by colons."""
BYPASS_NAME_VARIABLE: str
"""Tells our library the name of the bypass variable; if it is empty, there is none."""
SET_ASIDE_VARIABLE: str
"""Carries set-aside search paths across an exec: entries joined by NUL, in hex."""
EXCEPTIONS: str
"""The programs that our library never hardens: names joined by colons."""
STARTED: Literal["execute-only", "unreadable file", "ordinary"]
"""How this process was started, according to its program's file when this module was loaded."""
VERSION: str

def harden(
    steps: int,
    refuse_tracer: bool,
    remove: Names | None,
    keep: Names,
    bypass: str | None,
    refuse_bypass: bool,
    fatal: bool,
    wipe: bool,
    /,
) -> tuple[bytes, bool, int, list[tuple[bytes, bytes, int]], Failure | None]:
    """Take steps in this process.

    steps -- one bit per step; remove -- patterns of variables, None: LOADER_VARIABLES
    bypass -- the variable that skips all steps if it is 1 or, with refuse_bypass, makes them fail
    fatal -- print one line and exit if a step fails; Python cannot catch that
    wipe -- zero the values of the removed variables instead of returning them

    Returns (the outcome of each step, whether all steps were bypassed, the seccomp mode before any
    seal or -1, the removed variables, the failure). A removed variable is (name, value, whether it
    was set at the start: 1, 0, or -1 for unknown).
    """

def matching(entries: list[bytes] | None, remove: Names | None, keep: Names, /) -> list[bytes]:
    """Return the entries (NAME=VALUE or NAME) that match remove but not keep.

    entries -- None: use the variables in the environment, and return only their names
    """

def added(names: Names, /) -> list[bytes]:
    """Return the matching variables that were added to the environment after the start."""

def initial_environment(only_names: bool, /) -> tuple[list[bytes], Failure | None]:
    """Return the environment entries that this process was started with, except wiped ones."""

def read_variable(name: bytes, /) -> bytearray | None:
    """Return a copy of the value that getenv(3) finds; the caller wipes it."""

def pop_and_wipe(mapping: dict[bytes, bytes], key: bytes, /) -> None:
    """Delete a key, and zero its value if nothing else refers to it."""

def status() -> tuple[int, int, int, int, int, int, tuple[int, int] | None]:
    """Return (dumpable, inspectable, no_new_privs, sealed, seccomp, tracer_pid, core limit).

    -1 means unknown.
    """

def call_or_exit(
    function: Callable[_P, _R], args: tuple[object, ...], keywords: dict[str, object], /
) -> _R:
    """Call a function. If it raises, print one line and exit; Python cannot catch that.

    The exit code is the exit_code of the exception if that is 5 to 8, else 2; the line names the
    bypass_variable of the exception, if it has one.
    """
