"""Reading files and links below a /proc folder that is held open by a descriptor."""

from __future__ import annotations

import os

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_CLOEXEC

# As much as malloc() gives without asking the kernel each time (mallopt(3), M_MMAP_THRESHOLD).
_PIECE = 1 << 16

NO_LIMIT = 1 << 62

PATIENCE = 0.05
"""How many seconds a thread or process that reads for us may sleep before it is left behind.

Reading waits for locks of the process. One that is stuck while it holds them, on a file system
that does not answer, blocks everybody who looks at it (mmap_lock, mm/mmap.c).
"""

ORDINARY_FILE_SYSTEMS = frozenset(
    {
        *(0xEF53, 0x58465342, 0x9123683E, 0xF2F52010, 0xCA451A4E, 0x2FC12FC1),  # disks: ext to ZFS
        *(0x01021994, 0x858458F6),  # tmpfs, ramfs
        *(0x794C7630, 0x73717368, 0xE0F5E1E2),  # of containers: overlayfs, squashfs, EROFS
    }
)
"""f_type of the file systems on which reading a file neither blocks nor uses anything up.

Source: include/uapi/linux/magic.h, and the file systems' own.
"""


def read_file_system(fd: int) -> int | None:
    """The f_type of the file system that a file is on, or None (statfs(2))."""
    import ctypes

    buffer = (ctypes.c_long * 64)()  # struct statfs begins with f_type, a long
    if ctypes.CDLL(None).fstatfs(fd, buffer):
        return None
    return int(buffer[0]) & 0xFFFFFFFF


def open_file(folder: int, name: str) -> int | None:
    """A descriptor of a file; None when the kernel protects it. Raises OSError when it is gone."""
    try:
        return os.open(name, _FILE, dir_fd=folder)
    except PermissionError:
        return None


def read_file(folder: int, name: str, most: int = NO_LIMIT) -> bytes | None:
    """The contents of a file; None when the kernel protects it. Raises OSError when it is gone.

    most -- how many bytes to read, more or less a piece; what is longer was not read to its end
    """
    fd = open_file(folder, name)
    if fd is None:
        return None
    try:
        data = os.read(fd, _PIECE)
        return data if len(data) < _PIECE else data + read_rest(fd, most - len(data))
    except PermissionError:
        return None
    finally:
        os.close(fd)


def read_rest(fd: int, most: int = NO_LIMIT) -> bytes:
    """What is left of a file, however short the pieces in which the kernel hands it out.

    most -- as in read_file()
    """
    parts = []
    while most > 0 and (data := os.read(fd, _PIECE)):
        parts.append(data)
        most -= len(data)
    return b"".join(parts)


def read_link(folder: int, name: str) -> str | None:
    """Where a link points; None when the kernel protects it. Raises OSError when it is gone."""
    try:
        return os.readlink(name, dir_fd=folder)
    except PermissionError:
        return None


def is_asleep(path: str) -> bool:
    """Whether a thread or process waits for something else than a processor.

    path -- of its stat in /proc. One that is gone counts as asleep.
    """
    try:
        with open(path, "rb") as file:
            text = file.read()
    except OSError:
        return True
    return text.rpartition(b") ")[2][:1] != b"R"


def read_switches(path: str) -> bytes:
    """How often a thread or process gave up its processor, as the text of its status in /proc.

    b"" when it is gone.
    """
    try:
        with open(path, "rb") as file:
            text = file.read()
    except OSError:
        return b""
    return text[text.find(b"\nvoluntary_ctxt_switches:") :]
