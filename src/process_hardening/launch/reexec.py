"""Starting this very program again as an execute-only image: pre_main_hardening(reexec=True).

Whether that is needed depends on how the process was started, which its program's file shows, and
not on whether it is dumpable now: an earlier harden(), the start-up hook and a library of
`run --children` change that, but leave what an attacker opened before.
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

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import FrameType
    from typing import NoReturn

    from process_hardening import Report
    from process_hardening.errors import ExitCode
    from process_hardening.policy import Policy

_MARKER = "PROCESS_HARDENING_AGAIN"
"""What the first start tells the second: PID:NAME:..., the process and what was removed from it.

The pid tells it from the marker of another process, which is ignored.
"""

_CANNOT = "cannot start again as an execute-only image"
_PAGE = "(docs/develop.md)"
_RUN = "start it with `process-hardening run -- PROGRAM`"
_APART = "test the program in a process of its own"
_DEBUGGER = "a debugger, which would be lost: debug it without reexec"
_PROMPT = f"a prompt, where it is typed in: call it in a program, or {_RUN}"
_HOSTS = {
    "_pytest": f"pytest: load the plugin process_hardening.pytest_plugin, or {_APART}",
    "unittest": f"unittest: {_APART}, or call its main() without reexec",
    "pdb": _DEBUGGER,
    "bdb": _DEBUGGER,
    "IPython": f"IPython or Jupyter: {_RUN}, or start the kernel so",
    "code": _PROMPT,
    "_pyrepl": _PROMPT,
}
"""By the name of a package or module that calls the program: what it is, and what to do."""


def _refuse(reason: str, code: ExitCode = INSPECTION_ERROR) -> NoReturn:
    raise HardeningError(0, f"{_CANNOT}: {reason}", "inspection", code)


def is_exposed() -> bool:
    """Whether another process of the same user can read this one now."""
    _, inspectable, *_ = _native.status()
    return inspectable == 1


def is_born_hardened() -> bool:
    """Whether this process runs a file that its caller may not read: an image of ours, or any."""
    return _native.STARTED != "ordinary"


def harden_and_start_again(
    policy: Policy | None, harden: Callable[[Policy | None, bool], Report]
) -> Report:
    """Harden this process; then start it again unless it was born hardened.

    harden -- takes the policy, and whether a failure ends the process

    Returns the Report when it is not started again. Raises HardeningError.
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
    return type(report)(**{**report.__dict__, "removed": removed})


def complete(removed: tuple[str, ...], exposed: bool, keep: Iterable[str]) -> tuple[str, ...]:
    """Start again unless this process was born hardened, and nothing was injected into it.

    removed -- the names of the variables that harden() removed
    exposed -- what is_exposed() returned before harden()
    keep -- the variables (or PREFIX*) that harden() left alone

    Returns the names that both starts removed. Raises HardeningError (exit code 5) when the program
    cannot be started again, or is exposed although it was.
    """
    if not IS_LINUX:
        return removed
    before = take_marker()
    if not is_born_hardened() or exposed or was_injected(keep):
        if before is not None:
            _refuse(
                "this process is the second start already, and was exposed all the same: a library"
                " was injected, a caller made it dumpable, or fs.suid_dumpable was changed"
            )
        start_again()
    return tuple(dict.fromkeys([*(before or ()), *removed]))


def take_marker() -> tuple[str, ...] | None:
    """The names of what the first start of this process removed; None if this is the first."""
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

    Raises HardeningError (exit code 5) when that cannot be done.
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
        # Of this call it is the inspection that failed, unless a tracer is why.
        code: ExitCode = TRACER_ERROR if error.exit_code == TRACER_ERROR else INSPECTION_ERROR
        _refuse(str(error).removesuffix(f"; exiting with status {error.exit_code}"), code)
    _refuse("the kernel did not map the program")


def _uncover_output(objection: str) -> None:
    """Let the last line of this process be seen where its host captures standard error."""
    frame: FrameType | None = sys._getframe()
    if type(sys.stderr).__module__.startswith("ipykernel."):
        print(f"{_CANNOT}: {objection} {_PAGE}", file=sys.stderr, flush=True)
        time.sleep(1)  # its threads send the line to the notebook
    while frame and "_pytest.capture" in sys.modules:
        config = getattr(frame.f_locals.get("item"), "config", None)
        if config:  # pytest's, while it runs a test
            config.pluginmanager.getplugin("capturemanager").suspend(in_=True)
            return
        frame = frame.f_back


def _objections() -> Iterator[str]:
    """Why starting the interpreter again would not start the same program again."""
    yield from _surroundings()
    threads = len(os.listdir("/proc/self/task"))
    if threads > 1:
        yield f"{threads - 1} threads run already, which would be lost: call it before they start"
    yield from _doubts_about_the_script()
    yield from _doubts_about_the_interpreter()


def _surroundings() -> Iterator[str]:
    """Programs that run this one within themselves, and would be started again with it."""
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
            f"{imported} calls it at import, and a library must not start its program again: call"
            " it in main()"
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
    """Reasons why the program's text cannot be read a second time."""
    main = sys.modules.get("__main__")
    path = getattr(main, "__file__", None)
    if getattr(main, "__spec__", None) is not None:
        return  # python -m, or a directory or archive with a __main__
    if path is None:
        if sys.argv[:1] != ["-c"]:
            yield f"the program is typed in or embedded, not a script, -m or -c; {_RUN}"
    elif not os.path.isfile(path):
        yield f"the program was read from {path}, which can be read only once; name a file"
    elif any(
        word in sys.orig_argv and os.path.realpath(word) != os.path.realpath(path)
        for word in sys.argv[:1]
    ):
        yield "the working directory is another since the start: call it before os.chdir()"


def _doubts_about_the_interpreter() -> Iterator[str]:
    """Reasons why sys.executable is not what runs here."""
    executable = sys.executable
    if getattr(sys, "frozen", False):
        yield f"a frozen program unpacks itself at its start; {_RUN}"
    if not executable or not sys.orig_argv:
        yield f"Python is embedded in another program; {_RUN}"
    ours = os.readlink("/proc/self/exe")
    os.stat(executable)  # raises FileNotFoundError when it was deleted or renamed
    # By its path: the file of a stand-in is another one.
    if ours != os.path.realpath(executable):
        yield f"Python is embedded in another program than {executable}; {_RUN}"
