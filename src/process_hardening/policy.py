"""Policies: which hardening steps a process takes."""

from __future__ import annotations

import os

from process_hardening import _native
from process_hardening.environment import PRELOAD_ENTRY
from process_hardening.record import Record
from process_hardening.variables import STRICT_VARIABLES, check_flag, check_patterns, describe_name

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from typing import Literal

    from typing_extensions import Self

    from process_hardening.errors import Step

    Children = Literal["harden", "leave"]
    Outcome = Literal["applied", "already in place", "unsupported here", "skipped"]
    Request = tuple[int, bool, tuple[bytes, ...] | None, tuple[bytes, ...], str | None, bool]

STEPS: tuple[Step, ...] = ("inspection", "core_limit", "environment", "no_new_privs", "seal")
"""The steps, in the order in which they are taken (enum ph_step, native/core/hardening.h)."""

_FLAGS = (*STEPS, "refuse_tracer", "refuse_bypass")

_LONGEST_ENTRY = 4096
"""How long an entry for the preload library may be: PH_LIST_SIZE, native/exec/handover.h."""
_LONGEST_BYPASS = 128
"""How long the name of a bypass variable may be, with a NUL: PH_BYPASS_SIZE, in the same file."""

HARDEN: Children = "harden"
LEAVE: Children = "leave"


class Policy(Record):
    """Which steps to take. Immutable. Policies with equal fields are equal.

    inspection -- prevent other processes of the same user from reading this one
    core_limit -- set RLIMIT_CORE to 0, soft and hard
    environment -- remove and wipe the loader variables of this system
    no_new_privs -- set no_new_privs: descendants cannot gain privileges through set-user-ID
        programs (Linux, FreeBSD)
    seal -- prevent this process from undoing the inspection step; also sets no_new_privs. Every
        program that it starts from then on inherits the seal (Linux)
    refuse_tracer -- fail with exit code 6 if a debugger is already attached. In a pid namespace
        (Linux), this starts a child process, to find a debugger outside the namespace; SECURITY.md
        says when it is not found
    clear -- more variables to remove: names, or prefixes that end in '*'
    keep -- variables to keep; same syntax
    children -- 'harden': harden children before their main(), as described in docs/children.md;
        'leave': do not harden them (Linux)
    bypass_variable -- for development: the variable that skips every step if it is '1'; None: there
        is none
    refuse_bypass -- for production: fail with exit code 8 if the bypass variable is '1'

    Raises TypeError or ValueError for an invalid field.
    """

    inspection: bool = True
    core_limit: bool = True
    environment: bool = True
    no_new_privs: bool = False
    seal: bool = False
    refuse_tracer: bool = False
    clear: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    children: Children = LEAVE
    bypass_variable: str | None = _native.BYPASS_VARIABLE
    refuse_bypass: bool = False

    if TYPE_CHECKING:  # Record's __init__ accepts any value

        def replace(  # type: ignore[override]
            self,
            *,
            inspection: bool = ...,
            core_limit: bool = ...,
            environment: bool = ...,
            no_new_privs: bool = ...,
            seal: bool = ...,
            refuse_tracer: bool = ...,
            clear: tuple[str, ...] = ...,
            keep: tuple[str, ...] = ...,
            children: Children = ...,
            bypass_variable: str | None = ...,
            refuse_bypass: bool = ...,
        ) -> Self:
            """Return a copy with some fields changed. Raises what Policy() raises."""
            ...

    else:  # type checkers see the __init__ that Record declares

        def __init__(  # for help() and inspect.signature()
            self,
            *,
            inspection: bool = inspection,
            core_limit: bool = core_limit,
            environment: bool = environment,
            no_new_privs: bool = no_new_privs,
            seal: bool = seal,
            refuse_tracer: bool = refuse_tracer,
            clear: tuple[str, ...] = clear,
            keep: tuple[str, ...] = keep,
            children: Children = children,
            bypass_variable: str | None = bypass_variable,
            refuse_bypass: bool = refuse_bypass,
        ) -> None:
            names = dict(locals())  # a debugger adds names to locals() itself during a loop
            given = {name: value for name, value in names.items() if name in self._known}
            super().__init__(**given)
            for name in _FLAGS:
                check_flag(name, getattr(self, name))
            if self.children not in (HARDEN, LEAVE):
                raise ValueError(f"children must be {HARDEN!r} or {LEAVE!r}, not {self.children!r}")
            if self.bypass_variable is not None:
                _check_bypass(self.bypass_variable)
            keep = check_patterns("keep", self.keep)
            if self.children == HARDEN:
                _check_for_children(keep)
            self.__dict__.update(
                clear=check_patterns("clear", self.clear),
                keep=keep,
                # Unprivileged seccomp filters require it (seccomp(2)).
                no_new_privs=self.no_new_privs or self.seal,
            )


def _check_bypass(name: str) -> None:
    """Check the name of a bypass variable. Raises TypeError or ValueError."""
    if not isinstance(name, str):
        raise TypeError(f"bypass_variable must be a variable name, not {describe_name(name)}")
    if not name or not {*"=*\0"}.isdisjoint(name):
        raise ValueError(
            f"bypass_variable: {describe_name(name)} is not a variable name: write NAME or None"
        )
    if len(os.fsencode(name)) >= _LONGEST_BYPASS:
        raise ValueError(
            f"bypass_variable: the name is too long: at most {_LONGEST_BYPASS - 1} bytes"
        )


def _check_for_children(keep: tuple[str, ...]) -> None:
    """Check that a variable can pass these names on to children. Raises ValueError."""
    if any(":" in name for name in keep):
        raise ValueError(
            f"keep: ':' separates the names for children, so none can contain it: {keep}"
        )
    entry = f"{_native.KEEP_VARIABLE}={':'.join(keep)}"
    if len(os.fsencode(entry)) >= _LONGEST_ENTRY:
        raise ValueError(
            f"keep: {len(keep)} names are too long for children: together, at most"
            f" {_LONGEST_ENTRY - len(_native.KEEP_VARIABLE) - 2} bytes"
        )


def native_form(policy: Policy) -> Request:
    """Return the first six arguments of _native.harden(). Raises TypeError for a non-Policy."""
    if not isinstance(policy, Policy):
        raise TypeError(
            "policy must be a process_hardening.Policy (such as DEFAULT or STRICT), not"
            f" {type(policy)!r}"
        )
    clear = tuple(map(os.fsencode, policy.clear))
    return (
        sum(1 << bit for bit, step in enumerate(STEPS) if getattr(policy, step)),
        policy.refuse_tracer,
        (*_native.LOADER_VARIABLES, *clear) if clear else None,
        (*map(os.fsencode, policy.keep), PRELOAD_ENTRY),
        policy.bypass_variable,
        policy.refuse_bypass,
    )


DEFAULT = Policy()
"""The steps that the specification requires."""

STRICT = Policy(
    no_new_privs=True,
    refuse_tracer=True,
    clear=tuple(STRICT_VARIABLES),
)
"""DEFAULT plus no_new_privs, refusal of tracers, and the removal of more variables."""
