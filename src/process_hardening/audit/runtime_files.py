"""Recognizes the runtime of a process by its name, its libraries and the symbols of its program.

Only a readable process, or root, shows more than its name: Node.js under another name, Electron and
a program with a JVM inside are then recognized too.
"""

from __future__ import annotations

import os
from errno import EAGAIN

from process_hardening.audit.mapped import LONGEST_MAPS, read_mapped
from process_hardening.audit.procfiles import read_file, read_link
from process_hardening.audit.program_files import ProgramOpener
from process_hardening.elf import DamagedElfError, exports
from process_hardening.runtimes import SYMBOLS, runtime_of, runtime_of_library, runtime_of_symbol

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Iterable

    from process_hardening.audit.mapped import Mapped
    from process_hardening.runtimes import Runtime

_MOST_REMEMBERED = 4096  # programs


class UnknownRuntimeError(Exception):
    """No runtime was found, but the program could not be read, and may be one."""


class RuntimeReader:
    """Recognizes the runtimes of processes. Caches programs, since many processes share them.

    opener -- opens the programs
    """

    def __init__(self, opener: ProgramOpener) -> None:
        self._opener = opener
        self._symbols: dict[tuple[int, ...], bytes | None] = {}  # of runtimes, by program

    def find(self, names: Iterable[str], process: Mapped | None) -> tuple[Runtime, str] | None:
        """Return the runtime of a process, and the name of a program with the same options.

        The name is '' if they are unknown: a program that loads the runtime as a library may take
        other options than the runtime.

        names -- of its program, as far as they are known; process -- all that it has mapped; None:
            unknown

        None also for what the kernel hides. Raises UnknownRuntimeError.
        """
        called = tuple(names)
        for name in called:
            named = runtime_of(name)
            if named:
                return named, name
        if process is None:
            raise UnknownRuntimeError
        try:
            found, is_program = self._find_in_files(process)
        except (FileNotFoundError, ProcessLookupError):  # it ended
            return None
        if found is None:
            return None
        known = (name for name in called if found.has_options_of(name))
        return found, found.programs[0] if is_program else next(known, "")

    def _find_in_files(self, process: Mapped) -> tuple[Runtime | None, bool]:
        """Return the runtime, and whether the program is its own, not one that loads it.

        Raises UnknownRuntimeError, and OSError if the process has ended.
        """
        folder = process.folder
        # Behind a stand-in, the program is mapped like a library.
        mapped = [f"map_files/{name}" for name in process.find_files(process.exe)]
        is_known = False
        for name in ("exe", *mapped):
            try:
                symbol = self._find_symbol(folder, name)
            except (OSError, DamagedElfError):
                continue  # such as a stand-in, which is in memory
            if symbol:
                return runtime_of_symbol(symbol), True
            is_known = True
        libraries = (os.fsdecode(path).rsplit("/", 1)[-1] for _, path in process.code)
        found = next(filter(None, map(runtime_of_library, libraries)), None)
        if not is_known and found is None:
            os.stat("status", dir_fd=folder)  # it still exists
            raise UnknownRuntimeError
        return found, False

    def _find_symbol(self, folder: int, name: str) -> bytes | None:
        """Return the symbol of a runtime that a program names; None also if the kernel hides it.

        Raises DamagedElfError, and OSError if it cannot be read, or on a file system that may not
        answer.
        """
        try:
            fd = self._opener.open(folder, name)
        except PermissionError:
            return None
        if fd is None:
            raise OSError(EAGAIN, "a read could block")
        try:
            file = os.fstat(fd)
            key = (file.st_dev, file.st_ino, file.st_size, file.st_mtime_ns)
            if key not in self._symbols:
                if len(self._symbols) > _MOST_REMEMBERED:
                    self._symbols.clear()
                self._symbols[key] = exports(fd, SYMBOLS)
            return self._symbols[key]
        finally:
            os.close(fd)


def runtime_of_process(pid: int) -> Runtime | None:
    """Return the runtime of a process; None also if it is unknown, or the process has ended."""
    opened: list[int] = []
    opener: ProgramOpener | None = None
    try:
        for path in ("/proc", f"/proc/{pid}"):
            opened.append(os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))
        proc, folder = opened
        opener = ProgramOpener(proc)
        first = (read_file(folder, "cmdline") or b"").split(b"\0", 1)[0]
        exe = read_link(folder, "exe")
        maps = read_file(folder, "maps", LONGEST_MAPS)
        mapped = None
        if exe is not None and maps is not None and len(maps) < LONGEST_MAPS:
            mapped = read_mapped(folder, exe, maps)
        words = (exe or "", os.fsdecode(first))
        found = RuntimeReader(opener).find((word.rsplit("/", 1)[-1] for word in words), mapped)
        return found[0] if found else None
    except (OSError, UnknownRuntimeError):
        return None
    finally:
        if opener is not None:
            opener.close()
        for fd in opened:
            os.close(fd)
