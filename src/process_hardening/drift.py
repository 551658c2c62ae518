"""Hardening that lasts: check the process again and repair what has changed."""

from __future__ import annotations

import importlib
import os
import sys
import threading

from process_hardening import Report, _debug_window, _native, harden, pre_main_hardening
from process_hardening.environment import PRELOAD_ENTRY, clean_mappings, encode
from process_hardening.errors import ENVIRONMENT_ERROR, HardeningError, InjectorRefusedError
from process_hardening.policy import DEFAULT, STEPS, Policy
from process_hardening.record import Record
from process_hardening.state import status
from process_hardening.variables import (
    DIAGNOSTIC,
    INJECTOR,
    STRICT_VARIABLES,
    is_loader_variable,
    kind_of,
)

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Literal

    from typing_extensions import Self

    from process_hardening.errors import FailedStep

    OnDrift = Literal["reapply", "exit"] | Callable[["Drift"], Any]

REAPPLY: Literal["reapply"] = "reapply"
EXIT: Literal["exit"] = "exit"


class _Turn:
    """Lets either a watch check the process or a debug window open: the watch would shut it."""

    def __init__(self) -> None:
        self.renew()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.renew)

    def renew(self) -> None:
        """Replace the lock, which another thread may have held when this process was forked."""
        # Reentrant: a signal handler may open a window while its thread is opening one.
        self.lock = threading.RLock()


turn = _Turn()


class Drift(Record):
    """What recheck() found and repaired; false if nothing had changed.

    steps -- the steps of the policy that were no longer applied; 'children': children that are
        started would not have been hardened
    tracer_pid -- the process that is attached now; 0: none; None: unknown on this system
    report -- the Report of the call that applied these steps again
    """

    steps: tuple[FailedStep, ...]
    tracer_pid: int | None
    report: Report

    def __bool__(self) -> bool:
        return bool(self.steps)


def _drift_of(report: Report) -> Drift:
    names: tuple[FailedStep, ...] = (*STEPS, "children")
    steps: tuple[FailedStep, ...] = tuple(
        name for name in names if getattr(report, name) == "applied"
    )
    return Drift(steps=steps, tracer_pid=status().tracer_pid, report=report)


def _check(policy: object, on_drift: object = REAPPLY) -> None:
    if not isinstance(policy, Policy):
        raise TypeError(f"policy must be a process_hardening.Policy, not {type(policy)!r}")
    if on_drift not in (REAPPLY, EXIT) and not callable(on_drift):
        raise ValueError(f"on_drift must be 'reapply', 'exit' or callable, not {on_drift!r}")


def _raise(error: HardeningError) -> None:
    raise error


def _act(drift: Drift, on_drift: OnDrift) -> Drift:
    if drift and on_drift == EXIT:
        reason = f"no longer in force: {', '.join(drift.steps)}"
        first = drift.steps[0]
        exit_code = ENVIRONMENT_ERROR if first == "children" else _native.STEPS[first]
        error = HardeningError(0, reason, first, exit_code)
        _native.call_or_exit(_raise, (error,), {})
    if drift and callable(on_drift):
        on_drift(drift)
    return drift


def recheck(policy: Policy = DEFAULT, *, on_drift: OnDrift = REAPPLY) -> Drift:
    """Check with the kernel whether this process is still hardened, and repair it if not.

    Call it after anything that may undo hardening: a change of user or group ids (the kernel resets
    the dumpable flag to fs.suid_dumpable, prctl(2)), loading a crash handler, or load_dotenv().

    policy -- the steps that should be applied
    on_drift -- what to do after a repair: 'reapply': nothing more; 'exit': exit with the exit code
        of the first step; or a function, which is called with the Drift

    The steps are applied again before the function is called. Returns a Drift, which is false if
    nothing had changed. Raises HardeningError if a step cannot be applied again, or, with exit
    code 6, if the policy refuses an attached tracer. Raises TypeError and ValueError for invalid
    arguments, and whatever the function raises.
    """
    _check(policy, on_drift)
    return _act(_drift_of(harden(policy)), on_drift)


class Watch:
    """A daemon thread that rechecks this process periodically; returned by watch()."""

    def __init__(self, interval: float, policy: Policy, on_drift: OnDrift) -> None:
        self._interval = interval
        self._policy = policy
        self._on_drift: OnDrift = on_drift
        self._start()

    def _start(self) -> None:
        self._stopped = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(self._stopped,), name="process-hardening watch", daemon=True
        )
        self._thread.start()

    def _run(self, stopped: threading.Event) -> None:
        while not stopped.wait(self._interval):
            with turn.lock:
                if _debug_window.is_open():
                    continue
                report = pre_main_hardening(self._policy)
            try:
                _act(_drift_of(report), self._on_drift)
            except BaseException:  # on_drift raised, or the state could not be read: keep watching
                raised = threading.ExceptHookArgs((*sys.exc_info(), threading.current_thread()))
                try:
                    threading.excepthook(raised)
                except BaseException:  # the program's own hook: report to Python's instead
                    threading.__excepthook__(raised)

    def _go_on(self) -> None:
        """Restart the thread in a forked child, which has only the thread that forked."""
        if not self._stopped.is_set():
            self._start()

    @property
    def is_running(self) -> bool:
        """Return whether the process is still being checked."""
        return not self._stopped.is_set() and self._thread.is_alive()

    def stop(self) -> None:
        """Stop watching, and wait for a running check to finish."""
        self._stopped.set()
        _watches.discard(self)
        if self._thread is not threading.current_thread():
            self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


_watches: set[Watch] = set()


def _restart_all() -> None:
    for one in tuple(_watches):
        one._go_on()


def watch(interval: float = 1.0, policy: Policy = DEFAULT, *, on_drift: OnDrift = REAPPLY) -> Watch:
    """Call recheck() periodically in a daemon thread.

    interval -- in seconds, at least 0.01; a change is noticed only at the next check
    policy, on_drift -- as in recheck(); a function is called in the thread, and its exceptions go
        to threading.excepthook

    If a step cannot be applied again, the process exits with the step's exit code. Forked children
    watch themselves too. Watches pause while a debug window is open. Returns a Watch; stop it with
    stop() or by using it in a `with` statement. Raises TypeError and ValueError.
    """
    _check(policy, on_drift)
    if not isinstance(interval, (int, float)) or not 0.01 <= interval <= threading.TIMEOUT_MAX:
        raise ValueError(f"interval must be at least 0.01 seconds, not {interval!r}")
    _register_once()
    _import_what_checks_need()
    one = Watch(interval, policy, on_drift)
    _watches.add(one)
    return one


def _import_what_checks_need() -> None:
    """Import a module early: another process could later lower the descriptor limit, prlimit(2)."""
    try:
        importlib.import_module("process_hardening._confine")
    except ImportError:
        return  # missing on this system, or in an interpreter with its own GIL


_is_registered = False


def _register_once() -> None:
    global _is_registered
    if not _is_registered and hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_restart_all)
        _is_registered = True


def rescrub(policy: Policy = DEFAULT) -> tuple[str, ...]:
    """Remove loader variables from the environment again, for example after load_dotenv().

    Some variables are removed only if they were added after the start: those that run code in
    children (BASH_ENV, NODE_OPTIONS, GIT_SSH_COMMAND), those that decide what children load
    (PYTHONPATH), and the bypass variable. child_env() does not restore variables that were added
    later.

    policy -- its clear and keep fields apply. Returns the names of the removed variables. Raises
    HardeningError, and TypeError if policy is not a Policy.
    """
    _check(policy)
    only: dict[str, Any] = {**dict.fromkeys(STEPS, False), "environment": True}
    report = harden(policy.replace(**only, refuse_tracer=False))
    if report.environment == "skipped":
        return ()
    late = _remove_late(policy)
    return tuple(dict.fromkeys((*report.removed, *map(os.fsdecode, late))))


def _remove_late(policy: Policy) -> list[bytes]:
    """Remove variables that were added after the start, and return their names."""
    suspects = [name for name, kind in STRICT_VARIABLES.items() if kind != DIAGNOSTIC]
    # Hardened children would obey the bypass variable.
    suspects += [name for name in (_native.BYPASS_VARIABLE, policy.bypass_variable) if name]
    remove, keep = encode(suspects), encode(policy.keep)
    # These are names, not patterns: a file can set a variable whose name contains "*".
    late = _native.matching(_native.added(remove), remove, keep)
    for name in late:
        os.unsetenv(name)
    clean_mappings(remove, keep, late)
    return late


_is_guarded = False


def _refuse_injectors(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "os.putenv":
        return
    name, value = (os.fsdecode(word) for word in arguments[:2])
    if not is_loader_variable(name) or kind_of(name) != INJECTOR:
        return
    if os.fsencode(f"{name}={value}") != PRELOAD_ENTRY:
        raise InjectorRefusedError(
            f"refusing to set {name}: the loader may inject code with it; set it for one program"
            " with env="
        )


def guard_environment() -> None:
    """From now on, refuse to set loader variables that may inject code.

    These are LD_PRELOAD, LD_AUDIT and all others of the loader (LD_*, DYLD_*) that are not known to
    be search paths or diagnostics. Variables that other programs read, such as BASH_ENV and
    PYTHONPATH, can be set: rescrub() removes them.

    os.environ["LD_PRELOAD"] = ..., os.putenv() and their callers, such as load_dotenv(), raise
    InjectorRefusedError and change nothing. This is an audit hook (PEP 578): it cannot be removed
    and sees every audit event of the interpreter. It does not stop C code that calls setenv(3):
    recheck() detects that.
    """
    global _is_guarded
    if not _is_guarded:
        sys.addaudithook(_refuse_injectors)
        _is_guarded = True
