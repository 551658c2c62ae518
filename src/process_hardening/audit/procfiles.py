"""Reading files and links below a /proc folder that is held open by a descriptor."""

from __future__ import annotations

import os

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_CLOEXEC

# As much as malloc() gives without asking the kernel each time (mallopt(3), M_MMAP_THRESHOLD).
_PIECE = 1 << 16


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


def read_file(folder: int, name: str) -> bytes | None:
    """The contents of a file; None when the kernel protects it. Raises OSError when it is gone."""
    fd = open_file(folder, name)
    if fd is None:
        return None
    try:
        data = os.read(fd, _PIECE)
        return data if len(data) < _PIECE else data + read_rest(fd)
    except PermissionError:
        return None
    finally:
        os.close(fd)


def read_rest(fd: int) -> bytes:
    """All that is left of a file, however short the pieces in which the kernel hands it out."""
    parts = []
    while data := os.read(fd, _PIECE):
        parts.append(data)
    return b"".join(parts)


def read_link(folder: int, name: str) -> str | None:
    """Where a link points; None when the kernel protects it. Raises OSError when it is gone."""
    try:
        return os.readlink(name, dir_fd=folder)
    except PermissionError:
        return None
