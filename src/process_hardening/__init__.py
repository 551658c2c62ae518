"""Harden a process: no debugger, no core dump, no injected library.

    import process_hardening as ph

    ph.pre_main_hardening()  # the first statement of main()

harden(), pre_main_hardening() and Report are defined here rather than in separate modules: reading
one more file slows startup by as much as all hardening calls together (`make bench`,
docs/decisions/0002-thin-native-core.md). All other names are loaded on first use.
"""

# Annotations are strings for the same reason: `from __future__ import annotations` reads a file.
import os
import sys

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from typing import Any, Literal

    from typing_extensions import dataclass_transform

    from process_hardening import _native as _native
    from process_hardening._lazy import *  # noqa: F403 -- a stub: its names are in _names.py
    from process_hardening.policy import Outcome, Request
    from process_hardening.policy import Policy as Policy

    __all__: list[str]
    __version__: str

    @dataclass_transform(kw_only_default=True, frozen_default=True)
    class _Frozen:
        """What SimpleNamespace gives a Report: an __init__() with keywords, but no methods."""
else:
    # This is next to the package: if it were inside, every start would create a path finder.
    import _process_hardening as _native

    _Frozen = type(sys.implementation)  # types.SimpleNamespace: no file to read for it

_OUTCOMES: "tuple[Outcome, ...]" = ("skipped", "applied", "already in place", "unsupported here")
"""In the order of enum ph_outcome, native/core/hardening.h."""

_PRELOAD_LIBRARY = os.fsencode(f"{os.path.dirname(__file__)}/libprocess_hardening.so")
_PRELOAD_ENTRY = b"LD_PRELOAD=" + _PRELOAD_LIBRARY
"""Same as environment.PRELOAD_ENTRY unless a link leads to this package. It is kept: it hardens the
children of `run --children`."""

_DEFAULT: "Request" = (
    _native.DEFAULT_STEPS,
    False,
    None,
    (_PRELOAD_ENTRY,),
    _native.BYPASS_VARIABLE,
    False,
)
"""The result of native_form(DEFAULT); see policy.py."""


class Report(_Frozen):
    """The outcome of each step of harden() or pre_main_hardening(). Immutable.

    inspection -- other processes of the same user cannot read this one
    core_limit -- RLIMIT_CORE is 0, soft and hard
    environment -- the loader variables are removed
    no_new_privs -- exec cannot raise privileges
    seal -- the process cannot make itself inspectable again
    children -- programs started from now on are hardened
    removed -- the names of the variables that this call removed
    bypassed -- whether the bypass variable skipped every step
    started -- how the process was started: 'execute-only' (an unreadable image), 'unreadable
        file' (a program file that its caller cannot read) or 'ordinary'; in the first two cases
        no other process of the same user has been able to access it since its first
        instruction
    seccomp -- the seccomp mode that the first call found, before any seal. With 2, an inherited
        filter could forge the kernel's answers, so the steps are confirmed without relying on
        them (Linux)
    """

    inspection: "Outcome"
    core_limit: "Outcome"
    environment: "Outcome"
    no_new_privs: "Outcome"
    seal: "Outcome"
    children: "Outcome"
    removed: "tuple[str, ...]"
    bypassed: bool
    started: "Literal['execute-only', 'unreadable file', 'ordinary']"
    seccomp: "int | None"

    def __setattr__(self, name: str, value: object = None) -> None:
        raise AttributeError(f"a Report is immutable: {name} cannot be changed")

    __delattr__ = __setattr__  # one function for both, because each slows every import

    def __hash__(self) -> int:
        return hash(tuple(self.__dict__.values()))


def _take_steps(policy: "Policy | None", fatal: bool) -> Report:
    """Take the steps of a policy. On failure, raise HardeningError or, if fatal, exit.

    pytest_plugin.py replaces this function while a test runs.
    """
    request = _DEFAULT
    preloaded = _native.read_variable(b"LD_PRELOAD")
    if policy is not None or preloaded not in (None, _PRELOAD_LIBRARY):
        from process_hardening.policy import DEFAULT, native_form

        request = native_form(DEFAULT if policy is None else policy)
    outcomes, bypassed, seccomp, removed, failure = _native.harden(*request, fatal, False)
    if failure:
        from process_hardening.errors import HardeningError

        raise HardeningError(*failure)
    named = map(_OUTCOMES.__getitem__, outcomes)
    fields: dict[str, Any] = dict(zip(_native.STEPS, named, strict=True))
    fields.update(children="skipped", removed=(), bypassed=bypassed, started=_native.STARTED)
    fields["seccomp"] = None if seccomp < 0 else seccomp
    # environment.py is loaded only if it has something to do.
    if policy is not None or removed or not _is_clean():
        from process_hardening.environment import finish

        finish(fields, policy, request, removed)
    return Report(**fields)


def _is_clean() -> bool:
    """Return whether os.environ is clean and is Python's own, sharing a dict with os.environb."""
    names: dict[bytes, bytes] = getattr(os.environ, "_data", {})
    shared = getattr(getattr(os, "environb", None), "_data", None)  # Windows has no environb
    if names is not shared:
        return False
    is_ours = names.get(b"LD_PRELOAD") == _PRELOAD_LIBRARY
    return not _native.matching(list(names), None, (b"LD_PRELOAD",) if is_ours else ())


def harden(policy: "Policy | None" = None) -> Report:
    """Harden this process: take the steps of a policy.

    policy -- a Policy; None means DEFAULT

    Returns a Report. Raises HardeningError for the first step that fails; earlier steps remain
    applied. Raises TypeError before any step if policy is not a Policy.
    """
    return _take_steps(policy, fatal=False)


def _exit_on_error(function: "_native.Function") -> "_native.Function":
    """Decorate a function so that the process exits if it raises any exception.

    The outermost frame is in C, because a signal handler can raise between any two Python
    instructions.
    """

    def guarded(*args: object, **kwargs: object) -> object:
        return _native.call_or_exit(function, args, kwargs)

    # This does what functools.wraps() does; importing functools would slow every start.
    guarded.__wrapped__ = function  # type: ignore[attr-defined]
    guarded.__doc__ = function.__doc__
    guarded.__name__ = guarded.__qualname__ = function.__name__
    return guarded  # type: ignore[return-value]


@_exit_on_error
def pre_main_hardening(policy: "Policy | None" = None, *, reexec: bool = False) -> Report:
    """Harden this process or exit. Call it as the first statement of main().

    policy -- a Policy; None means DEFAULT
    reexec -- re-execute the program as an execute-only image, without injected libraries, unless
        it was born hardened (Linux; ignored elsewhere). Code before this call runs twice.

    Returns a Report. If a step fails, prints one line to standard error and exits with status 5
    (inspection), 6 (ptrace), 7 (core limit), 8 (environment) or 2 (wrong arguments). Programs
    cannot catch that. CODEX_SKIP_HARDENING=1 in the environment skips every step, with a warning.
    """
    if reexec:
        if reexec is not True:
            raise TypeError(f"reexec must be True or False, not {reexec!r}")
        from process_hardening.launch.reexec import harden_and_start_again

        return harden_and_start_again(policy, _take_steps)
    return _take_steps(policy, fatal=True)


if not TYPE_CHECKING:  # hidden from type checkers, so that they report misspelt names

    def __getattr__(name: str) -> object:
        from process_hardening._names import load

        return load(name)

    def __dir__() -> object:
        return __getattr__("__all__")
