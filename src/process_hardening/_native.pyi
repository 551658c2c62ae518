"""The calls of the core (native/module.c). Environment names, entries and values are bytes.

A Failure is (errno or 0, description, name of the step, exit code); errors.py makes a
HardeningError of it.
"""

from collections.abc import Callable
from typing import Any, Literal, ParamSpec, TypeAlias, TypeVar

from process_hardening.errors import ExitCode, FailedStep, Step

_P = ParamSpec("_P")
_R = TypeVar("_R")

Function = TypeVar("Function", bound=Callable[..., Any])  # noqa: PYI001 -- for a decorator

Failure: TypeAlias = tuple[int, str, FailedStep, ExitCode]
Names: TypeAlias = tuple[bytes, ...]

STEPS: list[Step]
"""The names of the steps, in the order of enum ph_step (native/core/hardening.h)."""
DEFAULT_STEPS: int
LOADER_VARIABLES: list[bytes]
"""The patterns of the loader variables of this system."""
BYPASS_VARIABLE: str
CHILDREN_VARIABLE: str
KEEP_VARIABLE: str
EXCEPT_VARIABLE: str
BYPASS_NAME_VARIABLE: str
EXCEPTIONS: str
STARTED: Literal["execute-only", "unreadable file", "ordinary"]
"""How this process was started, as its program's file showed when this module was loaded."""
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
    bypass -- the variable whose value 1 skips all steps, or with refuse_bypass is a failure
    fatal -- a step that fails prints one line and ends the process: nothing can catch that
    wipe -- zero the values of the removed variables, and do not return them

    Returns (the outcome of each step, whether the bypass variable made it skip all of them, the
    seccomp mode before any seal or -1, what was removed, the failure). What was removed is (name,
    value, whether it was there at the start: 1, 0, or -1 for not known).
    """

def matching(entries: list[bytes] | None, remove: Names | None, keep: Names, /) -> list[bytes]:
    """The entries (NAME=VALUE or NAME) that remove names and keep does not.

    entries -- None: the variables in the environment; their names are returned
    """

def added(names: Names, /) -> list[bytes]:
    """The variables that names match and that came into the environment after the start."""

def initial_environment(only_names: bool, /) -> tuple[list[bytes], Failure | None]:
    """The entries that this process was started with, less what was wiped."""

def read_variable(name: bytes, /) -> bytearray | None:
    """A copy of the value that getenv(3) finds; the caller wipes it."""

def pop_and_wipe(mapping: dict[bytes, bytes], key: bytes, /) -> None:
    """Delete a key, and zero its value when nothing else refers to it."""

def status() -> tuple[int, int, int, int, int, int, tuple[int, int] | None]:
    """(dumpable, inspectable, no_new_privs, sealed, seccomp, tracer_pid, core limit).

    -1: not known.
    """

def call_or_exit(
    function: Callable[_P, _R], args: tuple[object, ...], keywords: dict[str, object], /
) -> _R:
    """Call a function. If it raises, print one line and end the process: nothing can catch that.

    The exit code is the exit_code of the exception if that is 5 to 8, else 2; the line names the
    bypass_variable of the exception, if it has one.
    """
