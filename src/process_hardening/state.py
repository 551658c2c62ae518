"""The state of this process as the kernel tells it, and the verdict on it."""

from __future__ import annotations

from process_hardening import _native

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    from collections.abc import Iterable

TRACER_UNNAMED = (1 << 63) - 1
"""A tracer_pid where the system tells of a tracer, but not which (native/hardening.h)."""

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
