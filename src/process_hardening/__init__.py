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
    from collections.abc import Callable
    from typing import Any, Literal, ParamSpec, TypeVar

    from process_hardening import _native as _native
    from process_hardening._lazy import *  # noqa: F403 -- a stub: what it names is in _MODULE_OF
    from process_hardening.policy import Policy
    from process_hardening.record import Record

    Request = tuple[int, bool, tuple[bytes, ...] | None, tuple[bytes, ...], str | None]

    _P = ParamSpec("_P")
    _R = TypeVar("_R")

    Outcome = Literal["applied", "already in place", "unsupported here", "skipped"]
    __version__: str
else:
    # The extension is beside the package: inside, each start would make a path finder for it.
    import _process_hardening as _native

    Record = type(sys.implementation)  # types.SimpleNamespace: no file to read for it

_OUTCOMES: "tuple[Outcome, ...]" = ("skipped", "applied", "already in place", "unsupported here")
"""In the order of enum ph_outcome, native/core/hardening.h."""

_PRELOAD_ENTRY = os.fsencode(f"LD_PRELOAD={os.path.dirname(__file__)}/libprocess_hardening.so")
"""environment.PRELOAD_ENTRY: spared, because it hardens the children of `run --children`."""

_DEFAULT: "Request" = (
    _native.DEFAULT_STEPS,
    False,
    None,
    (_PRELOAD_ENTRY,),
    _native.BYPASS_VARIABLE,
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

    def __setattr__(self, name: str, value: object = None) -> None:
        raise AttributeError(f"a Report cannot be changed: {name} stays")

    __delattr__ = __setattr__

    def __hash__(self) -> int:
        return hash(tuple(self.__dict__.values()))


def _take_steps(policy: "Policy | None", fatal: bool) -> Report:
    """Take the steps of a policy; a failure raises HardeningError, or ends the process if fatal."""
    request = _DEFAULT
    if policy is not None:
        from process_hardening.policy import native_form

        request = native_form(policy)
    outcomes, bypassed, removed, failure = _native.harden(*request, fatal, False)
    if failure:
        from process_hardening.errors import HardeningError

        raise HardeningError(*failure)
    steps = dict(zip(_native.STEPS, map(_OUTCOMES.__getitem__, outcomes), strict=True))
    names: tuple[str, ...] = ()
    children: Outcome = "skipped"
    # environment.py is loaded only where there is something for it to do.
    if steps["environment"] != "skipped" and (removed or not _is_clean(request)):
        from process_hardening import environment

        names = environment.set_aside(removed)
        environment.clean_mappings(*request[2:4])
    if policy is not None and policy.children == "harden" and not bypassed:
        from process_hardening import environment

        children = environment.harden_children_by_environment(policy.keep)
    fields: dict[str, Any] = {**steps, "children": children, "removed": names}
    return Report(**fields, bypassed=bypassed, started=_native.STARTED)


def _is_clean(request: "Request") -> bool:
    """Whether os.environ is Python's own, which shares a dict with os.environb, and clean."""
    names: dict[bytes, bytes] = getattr(os.environ, "_data", {})
    shared = getattr(getattr(os, "environb", None), "_data", None)  # Windows has no environb
    return names is shared and not _native.matching(list(names), request[2], ())


def harden(policy: "Policy | None" = None) -> Report:
    """Take the steps of a policy in this process.

    policy -- a Policy; None means DEFAULT

    Returns a Report. Raises HardeningError for the first step that fails; the steps before it
    stay. Raises TypeError when policy is no Policy, before any step.
    """
    return _take_steps(policy, fatal=False)


def _exit_on_error(function: "Callable[_P, _R]") -> "Callable[_P, _R]":
    """Make whatever a call of the function raises end the process: wrong arguments, signals, all.

    The outermost frame that could raise is C's: a handler of a signal may raise between any two
    steps of Python.
    """

    def guarded(*args: "_P.args", **kwargs: "_P.kwargs") -> "_R":
        return _native.call_or_exit(function, args, kwargs)

    # As functools.wraps() does, which is not imported at every start.
    guarded.__wrapped__ = function  # type: ignore[attr-defined]
    guarded.__doc__ = function.__doc__
    guarded.__name__ = guarded.__qualname__ = function.__name__
    return guarded


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
    try:
        if not reexec:
            return _take_steps(policy, fatal=True)
        from process_hardening.launch.reexec import complete, is_exposed

        exposed = is_exposed()
        report = _take_steps(policy, fatal=True)
        if report.bypassed:
            return report
        removed = complete(report.removed, exposed, getattr(policy, "keep", ()))
        return Report(**{**report.__dict__, "removed": removed})
    except OSError as error:  # HardeningError, which is not imported at every start
        bypass = getattr(policy, "bypass_variable", _native.BYPASS_VARIABLE)
        error.bypass_variable = bypass  # type: ignore[attr-defined]
        raise


_MODULE_OF = {
    "DEFAULT": "policy",
    "STRICT": "policy",
    "ChildCheck": "children",
    "ChildrenReport": "children",
    "ConfinedStarter": "domain",
    "Confinement": "domain",
    "ConfinementError": "errors",
    "DebugWindowError": "errors",
    "HardeningError": "errors",
    "InjectorRefusedError": "errors",
    "MissingVariableError": "errors",
    "Policy": "policy",
    "SecretBuffer": "secrets",
    "SecretMemoryError": "errors",
    "Status": "state",
    "check_child": "children",
    "child_env": "environment",
    "confine": "domain",
    "confined": "domain",
    "confinement": "domain",
    "debuggable": "debug_window",
    "guard_environment": "drift",
    "harden_children": "children",
    "popen_confined": "domain",
    "popen_unhardened": "children",
    "recheck": "drift",
    "rescrub": "drift",
    "status": "state",
    "take_env": "secrets",
    "watch": "drift",
}
"""Public names, and the module that each is loaded from when it is first used (PEP 562)."""

__all__ = ["Report", "harden", "pre_main_hardening", *_MODULE_OF]


if not TYPE_CHECKING:  # hidden from type checkers, so that a misspelt name is an error

    def __getattr__(name: str) -> object:
        if name == "__version__":
            return _native.VERSION
        if name not in _MODULE_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = __import__(f"{__name__}.{_MODULE_OF[name]}", fromlist=(name,))
        globals()[name] = getattr(module, name)
        return globals()[name]


def __dir__() -> "list[str]":
    return __all__
