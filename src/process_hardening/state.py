"""The state of this process as the kernel reports it, and the verdict on any process."""

from __future__ import annotations

import os

from process_hardening import _native
from process_hardening.environment import PRELOAD_ENTRY
from process_hardening.record import Record
from process_hardening.system import IS_LINUX

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Container
    from typing import Literal

    Verdict = Literal["hardened", "partial", "exposed", "unknown"]

UNLIMITED = (1 << 64) - 1  # as in struct ph_status, native/core/hardening.h

HARDENED: Verdict = "hardened"
PARTIAL: Verdict = "partial"
EXPOSED: Verdict = "exposed"
UNKNOWN: Verdict = "unknown"

VERDICTS = (EXPOSED, PARTIAL, UNKNOWN, HARDENED)
"""All verdicts, worst first."""


def judge_process(
    *,
    inspectable: bool | None,
    dumpable: int | None,
    core_limit: tuple[int, int] | None,
    tracer_pid: int | None,
    loader_variables: tuple[str, ...] | None,
    injected_libraries: tuple[str, ...] | None = (),
    other_user_namespace: bool | None = False,
    has_memory: bool = True,
    excused: Container[str] = (),
) -> tuple[Verdict, tuple[str, ...]]:
    """Judge a process by the facts observed about it; None means not observed.

    excused -- names of fields that may be None without making the verdict unknown: the kernel hides
        them because the process is hardened, or this system lacks them

    Returns the verdict, and the names of the missing facts that make it unknown. The verdict is
    'exposed' if another process of the same user can read it. If none can, it is 'hardened' if a
    crash leaves no core and nothing else weakens the protection, or 'partial' if one of these
    conditions is not met (dumpable 2 leaves cores that root can read). It is 'unknown' if a
    deciding fact was not observed.
    """
    if not has_memory:
        return UNKNOWN, ()
    if inspectable is None:
        return UNKNOWN, ("inspectable",)
    if inspectable:
        return EXPOSED, ()
    core_possible = core_limit is not None and core_limit != (0, 0)
    if (
        core_possible
        or dumpable == 2
        or tracer_pid
        or loader_variables
        or injected_libraries
        or other_user_namespace
    ):
        return PARTIAL, ()
    observed = {
        "dumpable": dumpable,
        "core_limit": core_limit,
        "tracer_pid": tracer_pid,
        "loader_variables": loader_variables,
        "injected_libraries": injected_libraries,
        "other_user_namespace": other_user_namespace,
    }
    missing = tuple(
        name for name, value in observed.items() if value is None and name not in excused
    )
    return (UNKNOWN if missing else HARDENED), missing


class Status(Record):
    """The state of this process as the kernel reports it now; None: unknown on this system.

    inspectable -- whether another process of the same user can read this one
    dumpable -- 0, 1 or 2 as in prctl(PR_GET_DUMPABLE) (Linux)
    no_new_privs -- whether exec can no longer raise privileges (Linux, FreeBSD)
    sealed -- whether the process cannot make itself inspectable again (Linux)
    seccomp -- 0: no filter; 2: a filter is active, either the seal or an inherited one (Linux)
    confined -- whether it was started confined, or confined itself (Linux)
    core_limit -- RLIMIT_CORE in bytes, (soft, hard), like resource.getrlimit():
        resource.RLIM_INFINITY means unlimited
    tracer_pid -- the pid of a process that traces any thread of this one; 0: none in this pid
        namespace; 2**63 - 1: there is a tracer, but the system does not report its pid
    loader_variables -- names of the loader variables in the environment
    """

    inspectable: bool | None
    dumpable: int | None
    no_new_privs: bool | None
    sealed: bool | None
    seccomp: int | None
    confined: bool | None
    core_limit: tuple[int, int] | None
    tracer_pid: int | None
    loader_variables: tuple[str, ...] | None

    @property
    def verdict(self) -> Verdict:
        """'hardened', 'partial', 'exposed' or 'unknown', from judge_process()."""
        verdict, _ = judge_process(
            inspectable=self.inspectable,
            dumpable=self.dumpable,
            core_limit=self.core_limit,
            tracer_pid=self.tracer_pid,
            loader_variables=self.loader_variables,
            excused=() if IS_LINUX else ("dumpable",),
        )
        return verdict


def _known(value: int) -> int | None:
    return None if value < 0 else value


def _flag(value: int) -> bool | None:
    return None if value < 0 else bool(value)


def may_be_confined(no_new_privs: bool | None, seccomp: int | None) -> bool | None:
    """Return False if a process is certainly not confined, or None if it may be.

    The kernel does not report Landlock domains. But every confined process has no_new_privs and a
    seccomp filter, which cannot be removed, and /proc/PID/status shows both.
    """
    return False if no_new_privs is False or seccomp in (0, 1) else None


def _is_confined(no_new_privs: bool | None, seccomp: int | None) -> bool | None:
    """Return whether this process is confined. A process can test this only for itself."""
    if may_be_confined(no_new_privs, seccomp) is False or not IS_LINUX:
        return False
    from process_hardening import _confine

    return _confine.is_confined()


def _limits(found: tuple[int, int] | None) -> tuple[int, int] | None:
    if found is None or UNLIMITED not in found:
        return found
    from resource import RLIM_INFINITY

    soft, hard = (RLIM_INFINITY if value == UNLIMITED else value for value in found)
    return soft, hard


def status() -> Status:
    """Read the current state of this process from the kernel."""
    dumpable, inspectable, no_new_privs, sealed, seccomp, tracer, core_limit = _native.status()
    variables = dict.fromkeys(_native.matching(None, None, (PRELOAD_ENTRY,)))
    return Status(
        inspectable=_flag(inspectable),
        dumpable=_known(dumpable),
        no_new_privs=_flag(no_new_privs),
        sealed=_flag(sealed),
        seccomp=_known(seccomp),
        confined=_is_confined(_flag(no_new_privs), _known(seccomp)),
        core_limit=_limits(core_limit),
        tracer_pid=_known(tracer),
        loader_variables=tuple(map(os.fsdecode, variables)),
    )
