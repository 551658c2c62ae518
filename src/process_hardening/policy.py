"""What to do, not how: which steps a process takes."""

from __future__ import annotations

import os

from process_hardening.environment import STRICT_VARIABLES, check_patterns

_STEPS = ("inspection", "core_limit", "environment", "no_new_privs", "seal")
_FLAGS = (*_STEPS, "refuse_tracer")

HARDEN = "harden"
LEAVE = "leave"


class Policy:
    """Which steps to take. Immutable; equal when all its fields are.

    inspection -- keep processes of the same user from reading this one
    core_limit -- set RLIMIT_CORE to 0, soft and hard
    environment -- remove and wipe the loader variables of this system
    no_new_privs -- set no_new_privs: no set-user-ID program works below this process (Linux)
    seal -- forbid, for good, to undo the first of them; sets no_new_privs too, and every program
        that is started from here on inherits it (Linux)
    refuse_tracer -- fail with exit code 6 when a debugger is attached already
    clear -- more variables to remove: names, or prefixes that end in '*'
    keep -- variables to leave alone, written in the same way
    children -- 'harden': children started from now on are hardened before their main(), as far as
        docs/children.md says; 'leave': they are not (Linux)
    bypass_variable -- the variable whose value '1' skips every step; None: there is none

    Raises TypeError or ValueError for a field of the wrong kind.
    """

    __slots__ = (*_FLAGS, "bypass_variable", "children", "clear", "keep")

    inspection: bool
    core_limit: bool
    environment: bool
    no_new_privs: bool
    seal: bool
    refuse_tracer: bool
    clear: tuple[str, ...]
    keep: tuple[str, ...]
    children: str
    bypass_variable: str | None

    def __init__(
        self,
        *,
        inspection: bool = True,
        core_limit: bool = True,
        environment: bool = True,
        no_new_privs: bool = False,
        seal: bool = False,
        refuse_tracer: bool = False,
        clear: tuple[str, ...] = (),
        keep: tuple[str, ...] = (),
        children: str = LEAVE,
        bypass_variable: str | None = "CODEX_SKIP_HARDENING",
    ) -> None:
        flags = (inspection, core_limit, environment, no_new_privs, seal, refuse_tracer)
        for name, value in zip(_FLAGS, flags, strict=True):
            if not isinstance(value, bool):
                raise TypeError(f"{name} must be True or False, not {value!r}")
            object.__setattr__(self, name, value)
        if seal:  # which the kernel takes from the unprivileged only so (seccomp(2))
            object.__setattr__(self, "no_new_privs", True)
        names = () if bypass_variable is None else (bypass_variable,)
        if any("*" in name for name in check_patterns("bypass_variable", names)):
            raise ValueError(f"bypass_variable: {bypass_variable!r} is no variable name")
        if children not in (HARDEN, LEAVE):
            raise ValueError(f"children must be {HARDEN!r} or {LEAVE!r}, not {children!r}")
        object.__setattr__(self, "children", children)
        object.__setattr__(self, "clear", check_patterns("clear", clear))
        object.__setattr__(self, "keep", check_patterns("keep", keep))
        object.__setattr__(self, "bypass_variable", bypass_variable)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Policy cannot be changed: use policy.replace({name}=...)")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a Policy cannot be changed: {name} stays")

    def __reduce__(self) -> tuple[object, ...]:
        return _make, (self._fields(),)  # what copy and pickle would do sets attributes

    def _fields(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in Policy.__slots__}

    def replace(self, **changes: object) -> Policy:
        """A copy with some fields changed. Raises TypeError for an unknown field."""
        return _make({**self._fields(), **changes})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Policy) and self._fields() == other._fields()

    def __hash__(self) -> int:
        return hash(tuple(self._fields().values()))

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self._fields().items())
        return f"Policy({fields})"

    @property
    def _native(
        self,
    ) -> tuple[int, bool, tuple[bytes, ...], tuple[bytes, ...], str | None, bool]:
        """The policy as native/python.c takes it."""
        steps = sum(1 << bit for bit, name in enumerate(_STEPS) if getattr(self, name))
        return (
            steps,
            self.refuse_tracer,
            tuple(map(os.fsencode, self.clear)),
            tuple(map(os.fsencode, self.keep)),
            self.bypass_variable,
            self.children == HARDEN,
        )


def _make(fields: dict[str, object]) -> Policy:
    return Policy(**fields)  # type: ignore[arg-type]  # checked there


DEFAULT = Policy()
"""What the specification asks for."""

STRICT = Policy(
    no_new_privs=True,
    refuse_tracer=True,
    clear=tuple(STRICT_VARIABLES),
)
"""DEFAULT, no_new_privs, no attached tracer, and the wider set of variables."""
