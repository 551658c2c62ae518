"""Re-executes this program as an execute-only image: pre_main_hardening(reexec=True).

Whether this is needed depends on how the process was started, not on whether it is dumpable now.
The mode of the program file shows how the process was started. An earlier harden(), the start-up
hook and the library of `run --children` make a process non-dumpable, but cannot revoke a descriptor
that an attacker has already opened.
"""

from __future__ import annotations

import os
import sys
import time

from process_hardening import _native
from process_hardening.environment import (
    bypass_of,
    clean_mappings,
    hand_over,
    removed_names,
    was_injected,
    wipe_variable,
)
from process_hardening.errors import INSPECTION_ERROR, TRACER_ERROR, CommandError, HardeningError
from process_hardening.launch import become_execute_only
from process_hardening.system import IS_LINUX

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import FrameType
    from typing import NoReturn

    from process_hardening import Report
    from process_hardening.errors import ExitCode
    from process_hardening.policy import Policy

_MARKER = "PROCESS_HARDENING_AGAIN"
"""The variable that the first start passes to the second: PID:NAME:..., with the names of the
variables that the first start removed. A value with the pid of another process is ignored.
"""

_CANNOT = "cannot re-execute as an execute-only image"
_PAGE = "(docs/develop.md)"
_RUN = "start it with `process-hardening run -- PROGRAM`"
_APART = "test the program in a separate process"
_DEBUGGER = "a debugger, which would be lost: debug it without reexec"
_PROMPT = f"an interactive prompt: call pre_main_hardening() in a program, or {_RUN}"
_HOSTS = {
    "_pytest": f"pytest: load the plugin process_hardening.pytest_plugin, or {_APART}",
    "unittest": f"unittest: {_APART}, or call its main() without reexec",
    "pdb": _DEBUGGER,
    "bdb": _DEBUGGER,
    "IPython": f"IPython or Jupyter: {_RUN}, or start the kernel that way",
    "code": _PROMPT,
    "_pyrepl": _PROMPT,
}
"""Maps each package or module that may be running the program to its name and a remedy."""


def _refuse(reason: str, code: ExitCode = INSPECTION_ERROR) -> NoReturn:
    raise HardeningError(0, f"{_CANNOT}: {reason}", "inspection", code)


def is_exposed() -> bool:
    """Return whether another process of the same user can read this one now."""
    _, inspectable, *_ = _native.status()
    return inspectable == 1


def is_born_hardened() -> bool:
    """Return whether this process runs a file that its caller cannot read."""
    return _native.STARTED != "ordinary"


def harden_and_start_again(
    policy: Policy | None, harden: Callable[[Policy | None, bool], Report]
) -> Report:
    """Harden this process, then re-execute it unless it was born hardened.

    harden -- a function of the policy and of whether to exit on failure

    Returns the Report if it does not re-execute. Raises HardeningError.
    """
    exposed = is_exposed()
    report = harden(policy, True)
    if report.bypassed:
        return report
    try:
        removed = complete(report.removed, exposed, getattr(policy, "keep", ()))
    except HardeningError as error:
        error.bypass_variable = bypass_of(policy)
        raise
    fields = {**report.__dict__, "removed": removed}
    if removed and report.environment == "already in place":
        fields["environment"] = "applied"  # by the first start
    return type(report)(**fields)


def complete(removed: tuple[str, ...], exposed: bool, keep: Iterable[str]) -> tuple[str, ...]:
    """Re-execute unless this process was born hardened and nothing was injected into it.

    removed -- the names of the variables that harden() removed
    exposed -- what is_exposed() returned before harden()
    keep -- the variables (or PREFIX*) that harden() kept

    Returns the names of all variables that either start removed. Raises HardeningError (exit code
    5) if the program cannot be re-executed, or is still exposed after that.
    """
    if not IS_LINUX:
        return removed
    before = take_marker()
    if not is_born_hardened() or exposed or was_injected(keep):
        if before is not None:
            _refuse(
                "this process was already re-executed and is still exposed: a library"
                " was injected, a caller made it dumpable, or fs.suid_dumpable was changed"
            )
        start_again()
    return tuple(dict.fromkeys([*(before or ()), *removed]))


def take_marker() -> tuple[str, ...] | None:
    """Return the variables that the first start removed; None if this is the first start."""
    value = os.environ.get(_MARKER)
    if value is None:
        return None
    name = _MARKER.encode()
    wipe_variable(name)
    clean_mappings((name,), ())
    pid, *names = value.split(":")
    return tuple(names) if pid == str(os.getpid()) else None


def start_again() -> NoReturn:
    """Become an execute-only image of the same interpreter with the same arguments.

    Raises HardeningError (exit code 5) if that fails.
    """
    try:
        objection = next(_objections(), None)
    except OSError as error:
        objection = f"{error.filename}: {error.strerror}"
    if objection:
        _uncover_output(objection)
        _refuse(f"{objection} {_PAGE}")
    marker = ":".join([_MARKER + "=" + str(os.getpid()), *removed_names()])
    entries = [name + b"=" + value for name, value in os.environb.items()]
    aside = hand_over()
    replaced = {entry.partition(b"=")[0] for entry in aside}
    entries = [entry for entry in entries if entry.partition(b"=")[0] not in replaced]
    argv = [sys.executable, *sys.orig_argv[1:]]
    try:
        become_execute_only(argv, [*entries, *aside, os.fsencode(marker)])
    except CommandError as error:
        # Any failure except an attached tracer counts as a failure of the inspection step.
        code: ExitCode = TRACER_ERROR if error.exit_code == TRACER_ERROR else INSPECTION_ERROR
        _refuse(str(error).removesuffix(f"; exiting with status {error.exit_code}"), code)
    _refuse("the kernel did not map the program")


def _uncover_output(objection: str) -> None:
    """Show the error even if a program that hosts this one captures standard error.

    Each host keeps the output in its own way and loses it when this process exits: no way fits all.
    """
    frame: FrameType | None = sys._getframe()
    if type(sys.stderr).__module__.startswith("ipykernel."):
        print(f"{_CANNOT}: {objection} {_PAGE}", file=sys.stderr, flush=True)
        time.sleep(1)  # its threads send the line to the notebook
    while frame and "_pytest.capture" in sys.modules:
        config = getattr(frame.f_locals.get("item"), "config", None)
        if config:  # true while pytest runs a test
            config.pluginmanager.getplugin("capturemanager").suspend(in_=True)
            return
        frame = frame.f_back


def _objections() -> Iterator[str]:
    """Yield reasons why re-executing the interpreter would not restart the same program."""
    yield from _surroundings()
    threads = len(os.listdir("/proc/self/task"))
    if threads > 1:
        yield f"{threads} threads are running and would be lost: harden before starting others"
    yield from _doubts_about_the_script()
    yield from _doubts_about_the_interpreter()


def _surroundings() -> Iterator[str]:
    """Yield reasons why a host of this program, such as pytest, would be restarted with it."""
    frame: FrameType | None = sys._getframe()
    callers, inner, imported = set(), "", ""
    while frame:
        caller = str(frame.f_globals.get("__name__"))
        if not frame.f_code.co_filename.startswith("<frozen importlib."):
            inner = caller
        elif not imported:
            imported = inner
        callers.add(caller.partition(".")[0])
        frame = frame.f_back
    for name in [name for name in _HOSTS if name in callers]:
        yield f"it runs inside {_HOSTS[name]}"
    if imported:
        yield (
            f"{imported} calls pre_main_hardening() at import, and a library must not restart its"
            " program: call it in main()"
        )
    bdb, tracer = sys.modules.get("bdb"), getattr(sys.gettrace(), "__self__", None)
    monitoring = getattr(sys, "monitoring", None)
    if (
        (bdb and isinstance(tracer, bdb.Bdb))
        or "pydevd" in sys.modules
        or (monitoring and monitoring.get_tool(monitoring.DEBUGGER_ID))
    ):
        yield f"it runs inside {_HOSTS['bdb']}"
    if hasattr(sys, "ps1"):
        yield f"it runs inside {_HOSTS['code']}"


def _doubts_about_the_script() -> Iterator[str]:
    """Yield reasons why the program's source cannot be read a second time."""
    main = sys.modules.get("__main__")
    path = getattr(main, "__file__", None)
    if getattr(main, "__spec__", None) is not None:
        return  # python -m, or a directory or archive with a __main__
    if path is None:
        if sys.argv[:1] != ["-c"]:
            yield f"the program is typed in or embedded, not a script, -m or -c; {_RUN}"
    elif not os.path.isfile(path):
        yield f"the program was read from {path}, which can be read only once; use a file"
    elif any(
        word in sys.orig_argv and os.path.realpath(word) != os.path.realpath(path)
        for word in sys.argv[:1]
    ):
        yield "the working directory has changed since the start: harden before os.chdir()"


def _doubts_about_the_interpreter() -> Iterator[str]:
    """Yield reasons why sys.executable is not the running program."""
    executable = sys.executable
    if getattr(sys, "frozen", False):
        yield f"a frozen program unpacks itself at start-up; {_RUN}"
    if not executable or not sys.orig_argv:
        yield f"Python is embedded in another program; {_RUN}"
    ours = os.readlink("/proc/self/exe")
    os.stat(executable)  # raises FileNotFoundError if it was deleted or renamed
    # Compared by path, because a stand-in is a different file.
    if ours != os.path.realpath(executable):
        yield f"Python is embedded in a program other than {executable}; {_RUN}"
