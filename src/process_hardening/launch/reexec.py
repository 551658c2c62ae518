"""Starting this very program again as an execute-only image: pre_main_hardening(reexec=True)."""

from __future__ import annotations

import os
import sys

from process_hardening.elf import read_image
from process_hardening.environment import hand_over
from process_hardening.errors import INSPECTION_ERROR, CannotProtectError, HardeningError
from process_hardening.launch.execute import execute_only, overlay
from process_hardening.launch.plan import Host, why_not_execute_only
from process_hardening.launch.program import Program, open_executable
from process_hardening.system import IS_LINUX

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    from typing import NoReturn

_RUN = "`process-hardening run -- PROGRAM` does it from outside"


def _refuse(reason: str) -> NoReturn:
    raise HardeningError(
        0, f"cannot start again as an execute-only image: {reason}", "inspection", INSPECTION_ERROR
    )


def _check_script() -> None:
    """Refuse when the program's text cannot be read a second time."""
    main = sys.modules.get("__main__")
    path = getattr(main, "__file__", None)
    if getattr(main, "__spec__", None) is not None:
        return  # python -m, or a directory or archive with a __main__
    if path is None:
        if sys.argv[:1] != ["-c"]:
            _refuse("the program is typed in or embedded, not a script, -m or -c")
    elif not os.path.isfile(path):
        _refuse(f"the program was read from {path}, which can be read only once; name a file")
    elif any(
        word in sys.orig_argv and os.path.realpath(word) != os.path.realpath(path)
        for word in sys.argv[:1]
    ):
        _refuse("the working directory is another since the start: call it before os.chdir()")


def _interpreter() -> str:
    """The path of this interpreter, when starting it starts the same program again."""
    executable = sys.executable
    if getattr(sys, "frozen", False):
        _refuse("a frozen program reads its own file, which must not be readable")
    if not executable or not sys.orig_argv:
        _refuse(f"Python is embedded in another program; {_RUN}")
    try:
        ours = os.stat("/proc/self/exe")
        named = os.stat(executable)
    except OSError as error:
        _refuse(f"{error.filename}: {error.strerror}")
    if (ours.st_dev, ours.st_ino) != (named.st_dev, named.st_ino):
        _refuse(f"Python is embedded in another program than {executable}; {_RUN}")
    return executable


def is_image() -> bool:
    """Whether this process is an execute-only image. Raises HardeningError."""
    try:
        return os.readlink("/proc/self/exe").startswith("/memfd:")
    except OSError as error:
        _refuse(f"/proc/self/exe: {error.strerror}")


def start_again() -> None:
    """Become an execute-only image of the same interpreter with the same arguments.

    Returns only on systems that have no such thing. Raises HardeningError (exit code 5) when it
    cannot be done, and when this process is such an image already: it would be exposed for ever.
    """
    if not IS_LINUX:
        return
    host = Host.read()
    if is_image():
        _refuse(
            "this process is one already, and was exposed all the same;"
            f" fs.suid_dumpable is {host.suid_dumpable}, a library was injected or a caller"
            " changed it"
        )
    _check_script()
    executable = _interpreter()
    try:
        fd = open_executable(executable)
        image = read_image(fd, executable)
        if image is None:
            _refuse(f"{executable}: it is no ELF file")
        reason = why_not_execute_only(image, host)
        if reason:
            _refuse(f"{executable}: {reason}")
        # sys.executable leads to the same prefix whatever the working directory and PATH are now.
        argv0 = sys.orig_argv[0] if os.path.isabs(sys.orig_argv[0]) else executable
        entries = [name + b"=" + value for name, value in os.environb.items()]
        argv = [argv0, *sys.orig_argv[1:]]
        again = Program(path=executable, fd=fd, image=image, argv=argv, env={})
        execute_only(again, overlay(entries, hand_over()))
    except CannotProtectError as error:
        _refuse(str(error))
