"""Reads the list of libraries that the dynamic loader of a process keeps for debuggers."""

from __future__ import annotations

import os
import sys
from struct import Struct

from process_hardening.audit.procfs import parse_auxv
from process_hardening.elf import parse_tags

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from typing import TypeAlias

    # The address and the requested name of a library; lists are in loading order.
    Library: TypeAlias = tuple[int, bytes]
    Lists: TypeAlias = list[list[Library]]

_DT_DEBUG = 21
_AT_ENTRY = 9

# Limits on what a hostile process can make us read.
_MOST_LIBRARIES = 4096
_MOST_NAMESPACES = 64
_LONGEST_TABLE = 1 << 16
_LONGEST_NAME = 4096


class UnreadableListError(Exception):
    """The loader's list is not as link.h describes it, or could not be read."""


class _Memory:
    """The parts of a process's memory where its loader keeps its list."""

    def __init__(self, fd: int, bits: int) -> None:
        self._fd = fd
        self.word = Struct("=Q" if bits == 64 else "=I")

    def bytes_at(self, address: int, size: int) -> bytes:
        try:
            return os.pread(self._fd, size, address)
        except (OSError, OverflowError):
            raise UnreadableListError from None

    def word_at(self, address: int) -> int:
        raw = self.bytes_at(address, self.word.size)
        if len(raw) < self.word.size:
            raise UnreadableListError
        return int(self.word.unpack(raw)[0])

    def name_at(self, address: int) -> bytes:
        for size in (256, _LONGEST_NAME):
            name, nul, _ = self.bytes_at(address, size).partition(b"\0")
            if nul:
                return name
        raise UnreadableListError


def _list_at(memory: _Memory, first: int, most: int) -> list[Library]:
    """Read a linked list of struct link_map, which has l_addr, l_name, l_ld, l_next and l_prev."""
    size = memory.word.size
    libraries: list[Library] = []
    at = first
    while at:
        if len(libraries) >= most:
            raise UnreadableListError
        raw = memory.bytes_at(at, 4 * size)
        if len(raw) < 4 * size:
            raise UnreadableListError
        address, name, _, following = (int(word[0]) for word in memory.word.iter_unpack(raw))
        libraries.append((address, memory.name_at(name) if name else b""))
        at = following
    return libraries


def read_lists(path: str, bits: int, entry: int, dynamic: int, base: int | None = None) -> Lists:
    """Return the loader's lists, one per namespace, the program's own first.

    path -- the path of /proc/PID; bits, entry, dynamic -- as in Image
    base -- the program's load offset; None: the kernel mapped the program, so compute the offset
        from auxv

    Raises UnreadableListError, and OSError if reading is not permitted. Blocks if a page comes
    from a file on a file system that a user serves (FUSE).
    """
    with open(f"{path}/auxv", "rb") as file:
        vector = parse_auxv(file.read(_LONGEST_TABLE), bits)
    fd = os.open(f"{path}/mem", os.O_RDONLY | os.O_CLOEXEC)
    try:
        memory = _Memory(fd, bits)
        size = memory.word.size
        moved_by = vector.get(_AT_ENTRY, 0) - entry if base is None else base
        pairs = memory.bytes_at(moved_by + dynamic, _LONGEST_TABLE)
        tags = parse_tags(pairs, Struct("=QQ" if size == 8 else "=II"))
        at = tags.get(_DT_DEBUG, [0])[0]
        lists: Lists = []
        left = _MOST_LIBRARIES
        # struct r_debug: int r_version, r_map, r_brk, r_state, r_ldbase. Since glibc 2.35, r_next
        # follows if r_version is 2, which means that there is more than one namespace.
        while at and len(lists) < _MOST_NAMESPACES:
            version = int.from_bytes(memory.bytes_at(at, 4), sys.byteorder)
            lists.append(_list_at(memory, memory.word_at(at + size), left))
            left -= len(lists[-1])
            at = memory.word_at(at + 5 * size) if version > 1 else 0
    finally:
        os.close(fd)
    if not lists:
        raise UnreadableListError
    return lists
