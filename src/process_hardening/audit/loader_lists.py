"""Reads the list of libraries that the dynamic loader of a process keeps for debuggers."""

from __future__ import annotations

import os
import sys
from struct import Struct

from process_hardening.audit.procfs import parse_auxv
from process_hardening.elf import (
    DT_DEBUG,
    DT_NEEDED,
    DT_STRTAB,
    LARGEST_DYNAMIC_SECTION,
    last_value,
    parse_tags,
)

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from typing import TypeAlias

    from process_hardening.elf import Tags

    # Address of its dynamic section, and name, in loading order.
    Library: TypeAlias = tuple[int, bytes]
    Lists: TypeAlias = list[list[Library]]
    # Position in the program's own list, and the names that the library needs.
    Start: TypeAlias = list[tuple[int, list[bytes]]]

_AT_ENTRY = 9

# Limits on what a hostile process can make us read. The first two are on the whole list: 2,000
# libraries that need 25 each, and have as many other entries, do not reach them, or 700 that need
# 40 each, as Chromium can be built.
_MOST_READS = 10_000
_MOST_WORK = 340_000  # each about as much as to parse a word: 0.1 microseconds
_WORK_OF_NAME = 4
_BYTES_OF_WORK = 32  # of a name
_BYTES_OF_SECTION = 128  # the same of what may be a dynamic section
_MOST_NAMES = 4096  # different ones that are needed: each is of a library that is loaded
_LONGEST_NAME = 4096  # PATH_MAX
_LONGEST_BASE_NAME = 255  # NAME_MAX
_LONGEST_VECTOR = 1 << 16
_LONGEST_LINK_MAP = 2048
_SIZES_OF_SECTION = (1024, 8192, LARGEST_DYNAMIC_SECTION)  # the first is enough for most


class UnreadableListError(Exception):
    """The loader's list is not as link.h describes it, or could not be read."""


class _Memory:
    """The parts of a process's memory where its loader keeps its list."""

    def __init__(self, fd: int, bits: int) -> None:
        self._fd = fd
        self._reads_left = _MOST_READS
        self._work_left = _MOST_WORK
        self._names: dict[bytes, bytes] = {}
        self.word = Struct("=Q" if bits == 64 else "=I")

    def bytes_at(self, address: int, size: int) -> bytes:
        self._reads_left -= 1
        if self._reads_left < 0:
            raise UnreadableListError
        try:
            return os.pread(self._fd, size, address)
        except (OSError, OverflowError):
            raise UnreadableListError from None

    def word_at(self, address: int) -> int:
        (word,) = self.words_at(address, 1)
        return word

    def words_at(self, address: int, count: int) -> list[int]:
        size = count * self.word.size
        self._count_work(count)
        raw = self.bytes_at(address, size)
        if len(raw) < size:
            raise UnreadableListError
        return [word for (word,) in self.word.iter_unpack(raw)]

    def name_at(self, address: int) -> bytes:
        for size in (256, _LONGEST_NAME):
            name, nul, _ = self.bytes_at(address, size).partition(b"\0")
            if nul:
                return self._check_name(name)
        raise UnreadableListError

    def tags_at(self, address: int) -> Tags:
        for size in _SIZES_OF_SECTION:
            self._count_work(size // _BYTES_OF_SECTION)
            try:
                entries, tags = parse_tags(self.bytes_at(address, size), self.word)
            except ValueError:  # it is longer
                continue
            self._count_work(entries // 2)
            return tags
        raise UnreadableListError

    def needed_at(self, dynamic: int, moved_by: int) -> list[bytes]:
        """Return the base names that a library needs, in any order, from its dynamic section."""
        tags = self.tags_at(dynamic)
        table = last_value(tags, DT_STRTAB, 0)
        if table < moved_by:  # glibc has replaced the address in the file, musl has not
            table += moved_by
        found = []
        length, start, block = 0, 0, b""
        for place in sorted(tags.get(DT_NEEDED, ())):  # so that one read is for many
            end = block.find(b"\0", place - start)
            if end < 0:
                start, block = place, self.bytes_at(table + place, _LONGEST_NAME)
                end = block.find(b"\0")
            if end < 0:
                raise UnreadableListError
            name = block[place - start : end]
            length += len(name)
            if b"/" in name:
                name = name.rpartition(b"/")[2]
            if len(name) > _LONGEST_BASE_NAME:
                raise UnreadableListError
            found.append(self._names.setdefault(name, name))
        self._count_work(_WORK_OF_NAME * len(found) + length // _BYTES_OF_WORK)
        if len(self._names) > _MOST_NAMES:
            raise UnreadableListError
        return found

    def _count_work(self, work: int) -> None:
        self._work_left -= work
        if self._work_left < 0:
            raise UnreadableListError

    def _check_name(self, name: bytes) -> bytes:
        self._count_work(_WORK_OF_NAME + len(name) // _BYTES_OF_WORK)
        if len(name) > _LONGEST_BASE_NAME and b"/" not in name[-_LONGEST_BASE_NAME - 1 :]:
            raise UnreadableListError
        return name


class _LinkMap:
    """A struct link_map: where it is, l_addr, l_name and l_ld."""

    __slots__ = ("at", "dynamic", "moved_by", "name")

    def __init__(self, at: int, moved_by: int, name: bytes, dynamic: int) -> None:
        self.at = at
        self.moved_by = moved_by
        self.name = name
        self.dynamic = dynamic


def _list_at(memory: _Memory, first: int) -> list[_LinkMap]:
    """Follow a list of struct link_map: l_addr, l_name, l_ld, l_next, l_prev."""
    libraries: list[_LinkMap] = []
    at = first
    while at:
        moved_by, name, dynamic, following = memory.words_at(at, 4)
        text = memory.name_at(name) if name else b""
        libraries.append(_LinkMap(at, moved_by, text, dynamic))
        at = following
    return libraries


def _find_search_list(memory: _Memory, libraries: list[_LinkMap]) -> list[int] | None:
    """Return the positions of what the loader loaded before the program began, in search order.

    Whatever the program itself loads with RTLD_GLOBAL follows them. None: not a list of glibc,
    whose link_map has, at an offset that depends on the version, the address of an array and its
    length: r_list and r_nlist of l_searchlist (include/link.h). The array begins with the program.
    """
    size = memory.word.size
    position = {library.at: number for number, library in enumerate(libraries)}
    first = libraries[0].at
    raw = memory.bytes_at(first, _LONGEST_LINK_MAP)
    for at in range(5 * size, len(raw) - 2 * size + 1, size):
        count = int.from_bytes(raw[at + size : at + size + 4], sys.byteorder)
        if not 0 < count <= len(libraries):
            continue
        try:
            (array,) = memory.word.unpack_from(raw, at)
            if memory.word_at(array) != first:
                continue
            found = [position.get(word) for word in memory.words_at(array, count)]
        except UnreadableListError:
            continue
        if None not in found:
            return [number for number in found if number is not None]
    return None


def read_lists(
    path: str, bits: int, entry: int, dynamic: int, base: int | None = None
) -> tuple[Lists, Start]:
    """Return the loader's lists, one per namespace, the program's own first.

    Also returns the libraries of the first list that were loaded before the program began, in
    search order, with what they need. If this order is not known, these are all libraries.

    path -- the path of /proc/PID; bits, entry, dynamic -- as in Image
    base -- the program's load offset; None: the kernel mapped the program, so compute the offset
        from auxv

    Raises UnreadableListError, and OSError if reading is not permitted. Blocks if a page comes
    from a file on a file system that a user serves (FUSE).
    """
    with open(f"{path}/auxv", "rb") as file:
        vector = parse_auxv(file.read(_LONGEST_VECTOR), bits)
    fd = os.open(f"{path}/mem", os.O_RDONLY | os.O_CLOEXEC)
    try:
        memory = _Memory(fd, bits)
        size = memory.word.size
        moved_by = vector.get(_AT_ENTRY, 0) - entry if base is None else base
        tags = memory.tags_at(moved_by + dynamic)
        at = last_value(tags, DT_DEBUG, 0)
        lists: list[list[_LinkMap]] = []
        # struct r_debug: int r_version, r_map, r_brk, r_state, r_ldbase. Since glibc 2.35, r_next
        # follows if r_version is 2, which means that there is more than one namespace.
        while at:
            version = int.from_bytes(memory.bytes_at(at, 4), sys.byteorder)
            lists.append(_list_at(memory, memory.word_at(at + size)))
            at = memory.word_at(at + 5 * size) if version > 1 else 0
        if not lists or not lists[0]:
            raise UnreadableListError
        order = _find_search_list(memory, lists[0])
        start = []
        for number in range(len(lists[0])) if order is None else order:
            one = lists[0][number]
            needed = memory.needed_at(one.dynamic, one.moved_by) if one.dynamic else []
            start.append((number, needed))
    finally:
        os.close(fd)
    return [[(one.dynamic, one.name) for one in each] for each in lists], start
