"""Harden a process: no debugger, no core dump, no injected library.

    import process_hardening as ph

    ph.pre_main_hardening()  # the first statement of main()

harden(), pre_main_hardening() and Report are defined here and not in a module of their own: each
file that is read makes a start slower by as much as all the calls that harden it (`make bench`,
docs/decisions/0002-thin-native-core.md). All other names are loaded when they are first used.
"""

# Annotations are strings for the same reason: `from __future__ import annotations` reads a file.
import os
import sys

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    from typing import Any, Literal

    from process_hardening import _native as _native
    from process_hardening._lazy import *  # noqa: F403 -- a stub: what it names is in _names.py
    from process_hardening.policy import Outcome, Request
    from process_hardening.policy import Policy as Policy
    from process_hardening.record import Record

    __all__: list[str]
    __version__: str
else:
    # The extension is beside the package: inside, each start would make a path finder for it.
    import _process_hardening as _native

    Record = type(sys.implementation)  # types.SimpleNamespace: no file to read for it

_OUTCOMES: "tuple[Outcome, ...]" = ("skipped", "applied", "already in place", "unsupported here")
"""In the order of enum ph_outcome, native/core/hardening.h."""

_PRELOAD_LIBRARY = os.fsencode(f"{os.path.dirname(__file__)}/libprocess_hardening.so")
_PRELOAD_ENTRY = b"LD_PRELOAD=" + _PRELOAD_LIBRARY
"""environment.PRELOAD_ENTRY: spared, because it hardens the children of `run --children`."""

_DEFAULT: "Request" = (
    _native.DEFAULT_STEPS,
    False,
    None,
    (_PRELOAD_ENTRY,),
    _native.BYPASS_VARIABLE,
    False,
)
"""native_form(DEFAULT), see policy.py."""


class Report(Record):
    """What a call of harden() or pre_main_hardening() did, step by step. Immutable.

    inspection -- other processes of the same user cannot read this one
    core_limit -- RLIMIT_CORE is 0, soft and hard
    environment -- the loader variables are removed
    no_new_privs -- exec cannot raise privileges
    seal -- the process cannot make itself inspectable again
    children -- programs started from now on are hardened
    removed -- names of the variables that this call removed
    bypassed -- whether the bypass variable made it skip every step
    started -- how the process was started: 'execute-only' (an image that nobody may read),
        'unreadable file' (a program file that its caller may not read) or 'ordinary'; in the first
        two no other process of the same user could open it since its first instruction
    seccomp -- the seccomp mode that the first call found, before any seal. 2: a filter is
        inherited, which could answer for the kernel; the steps are confirmed without it (Linux)
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

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Report cannot be changed: {name} stays")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a Report cannot be changed: {name} stays")

    def __hash__(self) -> int:
        return hash(tuple(self.__dict__.values()))


def _take_steps(policy: "Policy | None", fatal: bool) -> Report:
    """Take the steps of a policy; a failure raises HardeningError, or ends the process if fatal.

    pytest_plugin.py takes its place while a test runs.
    """
    request = _DEFAULT
    if policy is not None:
        from process_hardening.policy import native_form

        request = native_form(policy)
    outcomes, bypassed, seccomp, removed, failure = _native.harden(*request, fatal, False)
    if failure:
        from process_hardening.errors import HardeningError

        raise HardeningError(*failure)
    named = map(_OUTCOMES.__getitem__, outcomes)
    fields: dict[str, Any] = dict(zip(_native.STEPS, named, strict=True))
    fields.update(children="skipped", removed=(), bypassed=bypassed, started=_native.STARTED)
    fields["seccomp"] = None if seccomp < 0 else seccomp
    # environment.py is loaded only where there is something for it to do.
    if policy is not None or removed or not _is_clean():
        from process_hardening.environment import finish

        finish(fields, policy, request, removed)
    return Report(**fields)


def _is_clean() -> bool:
    """Whether os.environ is Python's own, which shares a dict with os.environb, and clean."""
    names: dict[bytes, bytes] = getattr(os.environ, "_data", {})
    shared = getattr(getattr(os, "environb", None), "_data", None)  # Windows has no environb
    if names is not shared:
        return False
    is_ours = names.get(b"LD_PRELOAD") == _PRELOAD_LIBRARY
    return not _native.matching(list(names), None, (b"LD_PRELOAD",) if is_ours else ())


def harden(policy: "Policy | None" = None) -> Report:
    """Take the steps of a policy in this process.

    policy -- a Policy; None means DEFAULT

    Returns a Report. Raises HardeningError for the first step that fails; the steps before it
    stay. Raises TypeError when policy is no Policy, before any step.
    """
    return _take_steps(policy, fatal=False)


def _exit_on_error(function: "_native.Function") -> "_native.Function":
    """Make whatever a call of the function raises end the process: wrong arguments, signals, all.

    The outermost frame that could raise is C's: a handler of a signal may raise between any two
    steps of Python.
    """

    def guarded(*args: object, **kwargs: object) -> object:
        return _native.call_or_exit(function, args, kwargs)

    # As functools.wraps() does, which is not imported at every start.
    guarded.__wrapped__ = function  # type: ignore[attr-defined]
    guarded.__doc__ = function.__doc__
    guarded.__name__ = guarded.__qualname__ = function.__name__
    return guarded  # type: ignore[return-value]


@_exit_on_error
def pre_main_hardening(policy: "Policy | None" = None, *, reexec: bool = False) -> Report:
    """Harden this process, or end it: the first statement of main().

    policy -- a Policy; None means DEFAULT
    reexec -- start the program again as an execute-only image unless it was born hardened, and with
        no library injected (Linux; elsewhere ignored). What ran before this call runs twice.

    Returns a Report. When a step fails, prints one line to standard error and ends the process
    with status 5 (inspection), 6 (ptrace), 7 (core limit), 8 (environment) or 2 (wrong
    arguments); nothing can catch that. CODEX_SKIP_HARDENING=1 in the environment skips every
    step, with a warning.
    """
    if reexec:
        if reexec is not True:
            raise TypeError(f"reexec must be True or False, not {reexec!r}")
        from process_hardening.launch.reexec import harden_and_start_again

        return harden_and_start_again(policy, _take_steps)
    return _take_steps(policy, fatal=True)


if not TYPE_CHECKING:  # hidden from type checkers, so that a misspelt name is an error

    def __getattr__(name: str) -> object:
        from process_hardening._names import load

        return load(name)

    def __dir__() -> object:
        return __getattr__("__all__")
