"""Reads files and links below a /proc directory that is held open by a descriptor."""

from __future__ import annotations

import os

from process_hardening.errors import CommandError

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    _T = TypeVar("_T")

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_CLOEXEC

# malloc() allocates this much without a system call (mallopt(3), M_MMAP_THRESHOLD).
_PIECE = 1 << 16

NO_LIMIT = 1 << 62

PATIENCE = 0.05
"""How many seconds a thread or process that reads for us may sleep before it is abandoned.

A read waits for locks of the process that is read. If that process holds such a lock while it waits
for a file system that does not answer, it blocks everyone who reads it (mmap_lock, mm/mmap.c).
"""


def list_pids(proc: str = "/proc") -> dict[int, int]:
    """Return the pids that /proc shows us, with the inode numbers of their folders.

    A new process with the pid of an earlier one has another inode. The kernel may also give a
    running process a new one, when memory is short. Raises CommandError if there is no /proc.
    """
    try:
        with os.scandir(proc) as entries:
            return {int(one.name): one.inode() for one in entries if one.name.isdecimal()}
    except OSError as error:
        raise CommandError(f"{proc}: {error.strerror}") from None


def open_file(folder: int, name: str) -> int | None:
    """Open a file; None if the kernel protects it. Raises OSError if it no longer exists."""
    try:
        return os.open(name, _FILE, dir_fd=folder)
    except PermissionError:
        return None


def read_file(folder: int, name: str, most: int = NO_LIMIT) -> bytes | None:
    """Read a file; None if the kernel protects it. Raises OSError if it no longer exists.

    most -- stop after this many bytes, or up to a chunk later; a longer result is incomplete
    """
    fd = open_file(folder, name)
    if fd is None:
        return None
    try:
        return read_rest(fd, most)
    except PermissionError:
        return None
    finally:
        os.close(fd)


def read_rest(fd: int, most: int = NO_LIMIT) -> bytes:
    """Read the rest of a file. The kernel returns lists, such as maps, in chunks of up to a page.

    most -- as in read_file()
    """
    parts = []
    while most > 0 and (data := os.read(fd, _PIECE)):
        parts.append(data)
        most -= len(data)
    return b"".join(parts)


def read_link(folder: int, name: str) -> str | None:
    """Read a link; None if the kernel protects it. Raises OSError if it no longer exists."""
    try:
        return os.readlink(name, dir_fd=folder)
    except PermissionError:
        return None


def read_cwd(folder: int) -> str | None:
    """Return the working directory; None if it is hidden, deleted, or its path is too long."""
    try:
        found = os.readlink("cwd", dir_fd=folder)
    except OSError:
        return None
    return None if found.endswith(" (deleted)") else found


class Attempts:
    """Reads files of a process that is still running, each of which may be unreadable.

    Such as a link to a program in a folder that was moved to where its path is too long.

    hidden -- the names of what the kernel protects; problem -- what else failed, and why
    """

    def __init__(self) -> None:
        self.hidden: set[str] = set()
        self.problem: str | None = None

    def read(self, read: Callable[..., _T | None], name: str, *arguments: object) -> _T | None:
        """Return what a function returns for these arguments; None also if it fails.

        name -- of the file in /proc/PID. Raises OSError if the process no longer exists.
        """
        try:
            found = read(*arguments)
        except (FileNotFoundError, ProcessLookupError):
            raise
        except OSError as error:
            self.problem = f"its {name} in /proc cannot be read: {error.strerror}"
            return None
        if found is None:
            self.hidden.add(name)
        return found


def is_asleep(path: str) -> bool:
    """Return whether a thread or process is waiting for anything other than a CPU.

    path -- the path of its stat file in /proc. If it has ended, it counts as asleep.
    """
    try:
        with open(path, "rb") as file:
            text = file.read()
    except OSError:
        return True
    return text.rpartition(b") ")[2][:1] != b"R"


def read_switches(path: str) -> bytes:
    """Return how often a thread or process has given up the CPU, as text from its /proc status.

    Returns b"" if it has ended.
    """
    try:
        with open(path, "rb") as file:
            text = file.read()
    except OSError:
        return b""
    return text[text.find(b"\nvoluntary_ctxt_switches:") :]
