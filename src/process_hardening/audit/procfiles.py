"""Reading files and links below a /proc folder that is held open by a descriptor."""

from __future__ import annotations

import os

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_CLOEXEC

# As much as malloc() gives without asking the kernel each time (mallopt(3), M_MMAP_THRESHOLD).
_PIECE = 1 << 16


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
