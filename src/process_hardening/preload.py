"""Hardens children through their environment: LD_PRELOAD loads our library (native/preload/)."""

from __future__ import annotations

import os
import sys

from process_hardening import _native

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from process_hardening.policy import Outcome


def variables_for_children(
    library: str, keep: Iterable[str] = (), bypass: str | None = _native.BYPASS_VARIABLE
) -> dict[str, str]:
    """Return the variables that harden a program and its children before their main().

    library -- the path of our library
    keep -- the variables (or PREFIX*) that the library does not remove
    bypass -- the bypass variable: if it is 1, the library hardens nothing; None: there is none
    """
    variables = {
        "LD_PRELOAD": library,
        _native.KEEP_VARIABLE: ":".join(keep),
        _native.CHILDREN_VARIABLE: "1",
    }
    if bypass != _native.BYPASS_VARIABLE:
        variables[_native.BYPASS_NAME_VARIABLE] = bypass or ""
    return variables


def _read(name: str) -> str | None:
    """Read a variable in the C environment, which os.unsetenv() and C code can change."""
    value = _native.read_variable(os.fsencode(name))
    return None if value is None else os.fsdecode(bytes(value))


def _set(name: str, value: str | None) -> None:
    """Set or remove a variable. os.environ may be a plain dict, which does not call putenv(3)."""
    if value is None:
        os.unsetenv(name)
        os.environ.pop(name, None)
    else:
        os.putenv(name, value)
        os.environ[name] = value


_FORKSERVER = "multiprocessing.forkserver"
_forkserver_is_refused = False


def _refuse_forkserver_module(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "import" and arguments[0] == _FORKSERVER:
        raise RuntimeError(_FORKSERVER_PROBLEM)


_FORKSERVER_PROBLEM = (
    "before Python 3.14, multiprocessing's forkserver runs code that any process of the user sends"
    " it: use the start method 'spawn' or 'fork', or leave children unhardened"
)


def _refuse_forkserver() -> str | None:
    """Make the start method 'forkserver' fail if nothing protects its socket.

    Python imports its module when the first worker is started. The audit hook refuses this import
    and reports why. importlib.import_module() raises no audit event, but fails because of the None
    in sys.modules. If the module is already imported, changes nothing and returns the problem.
    """
    global _forkserver_is_refused
    if _forkserver_is_refused or sys.version_info >= (3, 14):
        return None
    if _FORKSERVER in sys.modules:
        return _FORKSERVER_PROBLEM
    sys.addaudithook(_refuse_forkserver_module)
    sys.modules[_FORKSERVER] = None  # type: ignore[assignment]  # what the import system documents
    _forkserver_is_refused = True
    return None


def find_objection(library: str) -> str | None:
    """Return why our library, at this path, cannot be loaded into programs; None if it can."""
    from process_hardening._launcher import library_objection

    reason = library_objection(os.fsencode(library))
    return reason and f"{library}: {reason}"


def has_several_preloads() -> bool:
    """Return whether the C environment, which children inherit, has several LD_PRELOAD entries.

    glibc's loader takes the last, musl's the first, and os.environ shows only one.
    """
    return len(_native.matching(None, (b"LD_PRELOAD",), ())) > 1


def harden_children_by_environment(
    library: str, keep: Iterable[str], bypass: str | None
) -> Outcome:
    """Put our library into the environment of children, for Policy(children='harden').

    library, keep, bypass -- as in variables_for_children()

    Raises HardeningError (exit code 8), and changes nothing, if the library cannot be loaded into
    children.
    """
    from process_hardening.system import IS_LINUX

    if not IS_LINUX:
        return "unsupported here"
    # Left over from an earlier call or from whoever started the process: the library obeys these.
    stale: dict[str, str | None] = {_native.BYPASS_NAME_VARIABLE: None}
    if _read(_native.CHILDREN_VARIABLE) != "1":  # else `harden --children --except` set it
        stale[_native.EXCEPT_VARIABLE] = None
    wanted = {**stale, **variables_for_children(library, keep, bypass)}
    unchanged = all(
        os.environ.get(name) == value and _read(name) == value for name, value in wanted.items()
    )
    reason = None if unchanged else find_objection(library)
    if reason is None and os.environ.get("LD_PRELOAD", library) != library:
        reason = "LD_PRELOAD names another library: remove LD_PRELOAD from keep"
    if reason is None and has_several_preloads():
        reason = "LD_PRELOAD is set more than once: call pre_main_hardening() without keep"
    problem = f"children cannot be hardened: {reason}" if reason else _refuse_forkserver()
    if problem:
        from process_hardening.errors import ENVIRONMENT_ERROR, HardeningError

        raise HardeningError(0, problem, "children", ENVIRONMENT_ERROR)
    # This process did not obey a bypass variable, so its children must not either.
    for name in (_native.BYPASS_VARIABLE, bypass):
        if name is not None:
            _set(name, None)
    if unchanged:
        return "already in place"
    for name, value in wanted.items():
        _set(name, value)
    return "applied"
