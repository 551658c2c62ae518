"""The hardening calls that are not native: status() and child_env().

harden() and pre_main_hardening() are in native/python.c. Launching uses what
this module knows of the variables that were set aside.
"""

from __future__ import annotations

import os

import process_hardening as _native
from process_hardening.variables import (
    SEARCH_PATH,
    check_patterns,
    is_loader_variable,
    kind_of,
)

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TRACER_UNNAMED = (1 << 63) - 1
"""A tracer_pid where the system tells of a tracer, but not which (native/hardening.h)."""

SET_ASIDE_VARIABLE = "PROCESS_HARDENING_SET_ASIDE"
"""Carries the search paths that were set aside through an exec: entries joined by NUL, in hex."""

CHILDREN_VARIABLE = _native._children_variable
"""Its value 1 tells native/preload.c to stay in LD_PRELOAD, for the children too."""

KEEP_VARIABLE = _native._keep_variable
"""Tells native/preload.c which variables to leave alone: patterns joined by colons."""

HARDENED = "hardened"
PARTIAL = "partial"
EXPOSED = "exposed"
UNKNOWN = "unknown"


def verdict_of(
    inspectable: bool | None,
    dumpable: int | None,
    core_limit: tuple[int, int] | None,
    tracer_pid: int | None,
    loader_variables: Iterable[str] | None,
) -> str:
    """'hardened', 'partial', 'exposed' or 'unknown'; None is protected or unknown.

    Dumpable 2 leaves cores, which root alone reads: partial.
    """
    if inspectable is None:
        return UNKNOWN
    if inspectable:
        return EXPOSED
    open_ends = core_limit != (0, 0) or dumpable == 2 or tracer_pid or loader_variables
    return PARTIAL if open_ends else HARDENED


class Status:
    """The state of this process as the kernel tells it now; None: not known on this system.

    inspectable -- whether another process of the same user may read this one
    dumpable -- 0, 1 or 2 as in prctl(PR_GET_DUMPABLE) (Linux)
    no_new_privs -- whether exec can no longer raise privileges (Linux)
    sealed -- whether the process is kept from making itself inspectable (Linux)
    core_limit -- RLIMIT_CORE in bytes, (soft, hard); 2**64 - 1 is unlimited
    tracer_pid -- the process that traces this one; 0: none
    loader_variables -- names of the loader variables in the environment
    verdict -- 'hardened', 'partial', 'exposed' or 'unknown'
    """

    __slots__ = (
        "core_limit",
        "dumpable",
        "inspectable",
        "loader_variables",
        "no_new_privs",
        "sealed",
        "tracer_pid",
        "verdict",
    )

    def __init__(self) -> None:
        dumpable, inspectable, no_new_privs, sealed, tracer, core_limit, variables = (
            _native._status()
        )
        self.dumpable = None if dumpable < 0 else dumpable
        self.inspectable = None if inspectable < 0 else bool(inspectable)
        self.no_new_privs = None if no_new_privs < 0 else bool(no_new_privs)
        self.sealed = None if sealed < 0 else bool(sealed)
        self.tracer_pid = None if tracer < 0 else tracer
        self.core_limit = core_limit
        self.loader_variables = variables
        self.verdict = verdict_of(
            self.inspectable, self.dumpable, core_limit, self.tracer_pid, variables
        )

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__)
        return f"Status({fields})"


def status() -> Status:
    """Read the state of this process from the kernel, now."""
    return Status()


def _set_aside() -> dict[str, str]:
    """The search paths that this process, or the one it was before an exec, took out."""
    entries: dict[bytes, bytes] = {}
    try:
        handed_over = bytes.fromhex(os.environ.get(SET_ASIDE_VARIABLE, ""))
    except ValueError:
        handed_over = b""  # not ours: whoever wrote it can set the variables themselves
    for entry in handed_over.split(b"\0"):
        name, _, value = entry.partition(b"=")
        entries[name] = value
    entries.update(_native._removed())
    decoded = {os.fsdecode(name): os.fsdecode(value) for name, value in entries.items()}
    return {name: value for name, value in decoded.items() if kind_of(name) == SEARCH_PATH}


def hand_over() -> list[bytes]:
    """The environment entries, none or one, that carry what was set aside through an exec."""
    entries = [os.fsencode(f"{name}={value}") for name, value in _set_aside().items()]
    if not entries:
        return []
    return [f"{SET_ASIDE_VARIABLE}={bytes(1).join(entries).hex()}".encode()]


def preload_path() -> str:
    """The library that hardens a program through LD_PRELOAD."""
    return os.fsdecode(_native._preload_entry.partition(b"=")[2])


def why_not_preloaded() -> str | None:
    """Why LD_PRELOAD cannot name our library, or None."""
    path = preload_path()
    if ":" in path or " " in path:
        return f"LD_PRELOAD cannot name {path!r}: install into a path without blank and colon"
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        return f"{path}: {error.strerror}"
    return None


def preload_entries(keep: Iterable[str], children: bool) -> list[bytes]:
    """The environment entries that load our library into a program (native/preload.c).

    keep -- the variables (or PREFIX*) that it is to leave alone
    children -- whether it stays, for the children of the program too
    """
    entries = [_native._preload_entry, os.fsencode(f"{KEEP_VARIABLE}={':'.join(keep)}")]
    return [*entries, f"{CHILDREN_VARIABLE}=1".encode()] if children else entries


def _named_by(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether one of the patterns, NAME or PREFIX*, names a variable."""
    return any(
        name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern
        for pattern in patterns
    )


def _drop(
    env: dict[str, str], secrets: bool, keep: tuple[str, ...], drop: tuple[str, ...]
) -> dict[str, str]:
    """The environment without what drop names, nor, if so asked, secrets; keep is left."""
    from process_hardening.secret_names import is_secret_name

    return {
        name: value
        for name, value in env.items()
        if _named_by(name, keep)
        or not (_named_by(name, drop) or (secrets and is_secret_name(name)))
    }


def child_env(
    *,
    secrets: str = "keep",
    keep: Iterable[str] = (),
    drop: Iterable[str] = (),
    hardened: bool = True,
) -> dict[str, str]:
    """The environment for a child that needs its search paths: os.environ and what was set aside.

    Never holds an injector (LD_PRELOAD, LD_AUDIT, DYLD_INSERT_LIBRARIES, ...), not even one that
    came back into os.environ; except our own library where harden_children() or `run --children`
    put it.

    secrets -- 'drop': without the variables whose names are known for credentials
        (process_hardening/secret_names.py), for a tool that is not trusted with them
    drop -- more variables to leave out: names, or prefixes that end in '*'
    keep -- variables that stay, whatever secrets and drop say; written in the same way
    hardened -- False: without what has the child hardened, for a debugger or a CUDA tool; its
        core limit stays 0

    Raises TypeError or ValueError for an argument of the wrong kind.
    """
    if secrets not in ("keep", "drop"):
        raise ValueError(f"secrets must be 'keep' or 'drop', not {secrets!r}")
    keep, drop = check_patterns("keep", keep), check_patterns("drop", drop)
    ours = os.fsdecode(_native._preload_entry)
    env = {
        name: value
        for name, value in os.environ.items()
        if not is_loader_variable(name) or kind_of(name) == SEARCH_PATH or f"{name}={value}" == ours
    }
    for name, value in _set_aside().items():
        env.setdefault(name, value)
    env.pop(SET_ASIDE_VARIABLE, None)
    if not hardened:
        env = unhardened(env)
    return _drop(env, secrets == "drop", keep, drop) if drop or secrets == "drop" else env


def unhardened(env: Mapping[str, str]) -> dict[str, str]:
    """An environment without the variables that have a child hardened."""
    ours = os.fsdecode(_native._preload_entry)
    return {
        name: value
        for name, value in env.items()
        if name not in (CHILDREN_VARIABLE, KEEP_VARIABLE) and f"{name}={value}" != ours
    }
