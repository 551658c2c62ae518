"""Recognizes the runtime of a process by its name, its libraries and the symbols of its program.

Only a readable process, or root, shows more than its name: Node.js under another name, Electron and
a program with a JVM inside are then recognized too.
"""

from __future__ import annotations

import os
import re

from process_hardening.audit.procfiles import read_file, read_link
from process_hardening.audit.program_files import ProgramOpener
from process_hardening.elf import exports
from process_hardening.errors import CannotProtectError
from process_hardening.runtimes import SYMBOLS, runtime_of, runtime_of_library, runtime_of_symbol

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Iterable

    from process_hardening.runtimes import Runtime

_LONGEST_MAPS = 1 << 20
_MOST_MAPPINGS = 4  # of the program; two with a stand-in
_CODE = re.compile(rb"(?m)^([^ \n]+) ..x. [^ \n]+ [^ \n]+ [^ \n]+ +(/[^\n]*)$")


def find_runtime(names: Iterable[str], folder: int) -> tuple[Runtime, str] | None:
    """Return the runtime of a process, and the name of a program with the same options.

    The name is '' if they are unknown: a program that loads the runtime as a library may take other
    options than the runtime.

    names -- of its program, as far as they are known; folder -- a descriptor of /proc/PID
    """
    called = tuple(names)
    for name in called:
        named = runtime_of(name)
        if named:
            return named, name
    try:
        found, is_program = _find_in_files(folder)
    except (OSError, CannotProtectError):  # it ended, or its program is damaged
        return None
    if found is None:
        return None
    known = (name for name in called if found.has_options_of(name))
    return found, found.programs[0] if is_program else next(known, "")


def runtime_of_process(pid: int) -> Runtime | None:
    """Return the runtime of a process; None also if it has ended."""
    try:
        folder = os.open(f"/proc/{pid}", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        first = (read_file(folder, "cmdline") or b"").split(b"\0", 1)[0]
        words = (read_link(folder, "exe") or "", os.fsdecode(first))
        found = find_runtime((word.rsplit("/", 1)[-1] for word in words), folder)
        return found[0] if found else None
    except OSError:
        return None
    finally:
        os.close(folder)


def _find_in_files(folder: int) -> tuple[Runtime | None, bool]:
    """Return the runtime, and whether the program is the runtime's own, not one that loads it."""
    exe = read_link(folder, "exe")
    maps = read_file(folder, "maps", _LONGEST_MAPS)
    if exe is None or maps is None:
        return None, False
    code = _CODE.findall(maps)
    # Behind a stand-in, the program is mapped like a library.
    program = [range_ for range_, path in code if os.fsdecode(path) == exe][:_MOST_MAPPINGS]
    for name in ("exe", *(f"map_files/{os.fsdecode(_unpad(range_))}" for range_ in program)):
        symbol = _find_symbol(folder, name)
        if symbol:
            return runtime_of_symbol(symbol), True
    libraries = (os.fsdecode(path).rsplit("/", 1)[-1] for _, path in code)
    return next(filter(None, map(runtime_of_library, libraries)), None), False


def _unpad(range_: bytes) -> bytes:
    start, end = range_.split(b"-")
    return b"%x-%x" % (int(start, 16), int(end, 16))


def _find_symbol(folder: int, name: str) -> bytes | None:
    """Return the symbol of a runtime that a program names, or None.

    Programs on file systems that may not answer are not read.
    """
    proc = os.open("..", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    try:
        fd = ProgramOpener(proc).open(folder, name)
    except PermissionError:
        return None
    finally:
        os.close(proc)
    if fd is None:
        return None
    try:
        return exports(fd, SYMBOLS)
    finally:
        os.close(fd)
