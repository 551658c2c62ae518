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

from process_hardening import _native

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import SimpleNamespace
    from typing import Literal, NoReturn, ParamSpec, TypeVar

    from process_hardening.children import ChildCheck as ChildCheck
    from process_hardening.children import ChildrenReport as ChildrenReport
    from process_hardening.children import check_child as check_child
    from process_hardening.children import harden_children as harden_children
    from process_hardening.children import popen_unhardened as popen_unhardened
    from process_hardening.debug_window import debuggable as debuggable
    from process_hardening.drift import guard_environment as guard_environment
    from process_hardening.drift import recheck as recheck
    from process_hardening.drift import rescrub as rescrub
    from process_hardening.drift import watch as watch
    from process_hardening.environment import child_env as child_env
    from process_hardening.errors import DebugWindowError as DebugWindowError
    from process_hardening.errors import HardeningError as HardeningError
    from process_hardening.errors import InjectorRefusedError as InjectorRefusedError
    from process_hardening.errors import MissingVariableError as MissingVariableError
    from process_hardening.errors import SecretMemoryError as SecretMemoryError
    from process_hardening.policy import DEFAULT as DEFAULT
    from process_hardening.policy import STRICT as STRICT
    from process_hardening.policy import Policy as Policy
    from process_hardening.secrets import SecretBuffer as SecretBuffer
    from process_hardening.secrets import take_env as take_env
    from process_hardening.state import Status as Status
    from process_hardening.state import status as status

    Request = tuple[int, bool, tuple[bytes, ...] | None, tuple[bytes, ...], str | None]

    _P = ParamSpec("_P")
    _R = TypeVar("_R")

    Outcome = Literal["applied", "already in place", "unsupported here", "skipped"]
    __version__: str
else:
    SimpleNamespace = type(sys.implementation)  # without importing types

_OUTCOMES: "tuple[Outcome, ...]" = ("skipped", "applied", "already in place", "unsupported here")
"""In the order of enum ph_outcome, native/core/hardening.h."""

_DEFAULT: "Request" = (_native.DEFAULT_STEPS, False, None, (), _native.BYPASS_VARIABLE)
"""native_form(DEFAULT), see policy.py."""

_USAGE_ERROR = 2
"""errors.USAGE_ERROR: of wrong arguments, which the bypass variable would not mend."""

_PRELOAD_ENTRY = b"LD_PRELOAD=" + os.fsencode(__path__[0]) + b"/libprocess_hardening.so"
"""environment.PRELOAD_ENTRY: spared, because it hardens the children of `run --children`."""


class Report(SimpleNamespace):
    """What a call of harden() or pre_main_hardening() did, step by step. Immutable.

    inspection -- other processes of the same user cannot read this one
    core_limit -- RLIMIT_CORE is 0, soft and hard
    environment -- the loader variables are removed
    no_new_privs -- exec cannot raise privileges
    seal -- the process cannot make itself inspectable again
    children -- programs started from now on are hardened
    removed -- names of the variables that this call removed
    bypassed -- whether the bypass variable made it skip every step
    """

    inspection: "Outcome"
    core_limit: "Outcome"
    environment: "Outcome"
    no_new_privs: "Outcome"
    seal: "Outcome"
    children: "Outcome"
    removed: "tuple[str, ...]"
    bypassed: bool

    def __setattr__(self, name: str, value: object = None) -> None:
        raise AttributeError(f"a Report cannot be changed: {name} stays")

    __delattr__ = __setattr__

    def __hash__(self) -> int:  # type: ignore[override]  # SimpleNamespace has none: it can change
        return hash(tuple(self.__dict__.values()))


def _take_steps(policy: "Policy | None", fatal: bool) -> Report:
    """Take the steps of a policy; a failure raises HardeningError, or ends the process if fatal."""
    request = _DEFAULT
    if policy is not None:
        from process_hardening.policy import native_form

        request = native_form(policy)
    steps, refuse_tracer, remove, keep, bypass = request
    keep = (*keep, _PRELOAD_ENTRY)
    outcomes, bypassed, removed, failure = _native.harden(
        steps, refuse_tracer, remove, keep, bypass, fatal, False
    )
    if failure:
        from process_hardening.errors import HardeningError

        raise HardeningError(*failure)
    fields: dict[str, object] = {
        step: _OUTCOMES[outcome] for step, outcome in zip(_native.STEPS, outcomes, strict=True)
    }
    fields["children"] = "skipped"
    fields["removed"] = ()
    fields["bypassed"] = bypassed
    # environment.py is loaded only where there is something for it to do.
    cleans = fields["environment"] != "skipped"  # nor is it bypassed
    if cleans and (removed or not _is_clean(remove)):
        from process_hardening import environment

        fields["removed"] = environment.set_aside(removed)
        environment.clean_mappings(remove, keep)
    if not bypassed and policy is not None and policy.children == "harden":
        from process_hardening import environment

        fields["children"] = environment.harden_children_by_environment(policy.keep)
    return Report(**fields)


def _is_clean(remove: "tuple[bytes, ...] | None") -> bool:
    """Whether os.environ is Python's own, which shares a dict with os.environb, and clean."""
    names: dict[bytes, bytes] = getattr(os.environ, "_data", {})
    shared = getattr(getattr(os, "environb", None), "_data", None)  # Windows has no environb
    return names is shared and not _native.matching(list(names), remove, ())


def _is_exposed(policy: "Policy | None") -> bool:
    """Whether another process can read this one, or has injected a library into it."""
    _, inspectable, *_ = _native.status()
    keep = tuple(map(os.fsencode, getattr(policy, "keep", ())))
    injectors = _native.matching(None, (b"LD_PRELOAD", b"LD_AUDIT"), (*keep, _PRELOAD_ENTRY))
    return inspectable == 1 or bool(injectors)


def harden(policy: "Policy | None" = None) -> Report:
    """Take the steps of a policy in this process.

    policy -- a Policy; None means DEFAULT

    Returns a Report. Raises HardeningError for the first step that fails; the steps before it
    stay. Raises TypeError when policy is no Policy, before any step.
    """
    return _take_steps(policy, fatal=False)


def _exit(error: BaseException, bypass: "str | None") -> "NoReturn":
    """Print an error and end the process: a caller could catch it and go on unprotected.

    Nothing is imported here: where no descriptor is left, that fails too.
    """
    code: int = getattr(error, "exit_code", _USAGE_ERROR)
    try:
        text = " ".join(str(error).split()).replace("\0", "") or type(error).__name__
        line = text.encode("utf-8", "backslashreplace")
        _native.exit_process(line, code, None if code == _USAGE_ERROR else bypass)
    finally:
        os._exit(code)


def _exit_on_error(function: "Callable[_P, _R]") -> "Callable[_P, _R]":
    """Make whatever a call of the function raises end the process, wrong arguments too."""

    def guarded(*args: "_P.args", **kwargs: "_P.kwargs") -> "_R":
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            _exit(error, None)

    # As functools.wraps() does, which is not imported at every start.
    guarded.__dict__["__wrapped__"] = function
    guarded.__doc__ = function.__doc__
    guarded.__name__ = guarded.__qualname__ = function.__name__
    return guarded


@_exit_on_error
def pre_main_hardening(policy: "Policy | None" = None, *, reexec: bool = False) -> Report:
    """Harden this process, or end it: the first statement of main().

    policy -- a Policy; None means DEFAULT
    reexec -- start the program again as an execute-only image when it was born dumpable or with a
        library injected (Linux; elsewhere ignored)

    Returns a Report. When a step fails, prints one line to standard error and ends the process
    with status 5 (inspection), 6 (ptrace), 7 (core limit), 8 (environment) or 2 (wrong
    arguments); nothing can catch that. CODEX_SKIP_HARDENING=1 in the environment skips every
    step, with a warning.
    """
    try:
        exposed = reexec and _is_exposed(policy)
        report = _take_steps(policy, fatal=True)
        if exposed and not report.bypassed:
            from process_hardening.launch.reexec import start_again

            start_again()
        return report
    except BaseException as error:
        _exit(error, getattr(policy, "bypass_variable", _native.BYPASS_VARIABLE))


_MODULE_OF = {
    "DEFAULT": "policy",
    "STRICT": "policy",
    "ChildCheck": "children",
    "ChildrenReport": "children",
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
    "debuggable": "debug_window",
    "guard_environment": "drift",
    "harden_children": "children",
    "popen_unhardened": "children",
    "recheck": "drift",
    "rescrub": "drift",
    "status": "state",
    "take_env": "secrets",
    "watch": "drift",
}
"""Public names, and the module that each is loaded from when it is first used (PEP 562)."""

__all__ = ["Report", "harden", "pre_main_hardening", *_MODULE_OF]


if not TYPE_CHECKING:  # or a misspelt name would pass for one

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
