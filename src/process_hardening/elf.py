"""Reads facts about a program or library from its ELF file (elf(5)).

Files may be damaged or hostile: every read is bounded, and every defect raises the same exception.
"""

from __future__ import annotations

import os
import struct
from struct import Struct

from process_hardening.errors import CannotProtectError
from process_hardening.record import Record

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Segment = tuple[int, int, int, int]  # type, offset in the file, address, size
    Tags = dict[int, list[int]]

_PT_LOAD, _PT_DYNAMIC, _PT_INTERP = 1, 2, 3
DT_NEEDED, DT_STRTAB, _DT_STRSZ, _DT_RPATH, DT_DEBUG, _DT_RUNPATH = 1, 5, 10, 15, 21, 29
_TAGS = frozenset((DT_NEEDED, DT_STRTAB, _DT_STRSZ, _DT_RPATH, DT_DEBUG, _DT_RUNPATH))
"""The tags of the dynamic section that are read."""

_ET_EXEC, _ET_DYN = 2, 3

# The kernel's own limit on the size of the program headers (load_elf_phdrs() in fs/binfmt_elf.c).
_LARGEST_SEGMENT_TABLE = 1 << 16
# Our own limits: a hundred times what real programs need.
LARGEST_DYNAMIC_SECTION = 1 << 16  # bytes; as in native/exec/elf_file.c
_MOST_NAMES = 1024
_LONGEST_STRING = 1 << 16
_LARGEST_STRING_TABLE = 1 << 26  # that of Node.js has 5 MB
_PIECE = 256  # longer than most paths


class DamagedElfError(CannotProtectError):
    """The file starts like an ELF file but cannot run."""


class Image(Record):
    """Facts about an ELF program or library.

    machine -- its e_machine; bits -- 32 or 64; entry -- the address of its first instruction
    interpreter -- the path of its dynamic loader, or None for a static program
    dynamic -- the address of its dynamic section, 0 for none
    needed -- the names of the libraries that it needs
    rpath, runpath -- the directories where its loader looks for them
    path -- where the file is, for $ORIGIN
    """

    machine: int
    bits: int
    entry: int = 0
    interpreter: str | None = None
    dynamic: int = 0
    needed: tuple[str, ...] = ()
    rpath: tuple[str, ...] = ()
    runpath: tuple[str, ...] = ()
    path: str = ""

    @property
    def needs_origin(self) -> bool:
        """Whether the program finds libraries relative to its own file ($ORIGIN)."""
        # RPATH also applies to everything that the program loads later (ld.so(8)).
        if any(_names_origin(folder) for folder in self.rpath):
            return True
        here = os.path.dirname(os.path.realpath(self.path))
        return any(
            os.path.exists(os.path.join(expand_origin(folder, here), library))
            for folder in self.runpath
            if _names_origin(folder)
            for library in self.needed
        )


def expand_origin(folder: str, here: str) -> str:
    """Return a folder of RPATH or RUNPATH as the loader reads it for a program in another folder.

    here -- the folder of the program
    """
    return folder.replace("${ORIGIN}", here).replace("$ORIGIN", here)


def _names_origin(folder: str) -> bool:
    return "$ORIGIN" in folder or "${ORIGIN}" in folder


class _File:
    """An ELF file, read piece by piece: mapping it would take longer than all other steps."""

    def __init__(self, fd: int) -> None:
        """Raises ValueError for an unknown word size or byte order, and OSError."""
        start = os.pread(fd, 6, 0)
        if len(start) < 6 or start[4] not in (1, 2) or start[5] not in (1, 2):
            raise ValueError("neither 32 nor 64 bits, or an unknown byte order")
        self._fd = fd
        self._size = os.fstat(fd).st_size
        self.wide = start[4] == 2
        self.order = "<" if start[5] == 1 else ">"

    def layout(self, wide: str, narrow: str) -> Struct:
        return Struct(self.order + (wide if self.wide else narrow))

    def read(self, offset: int, length: int) -> bytes:
        if offset + length > self._size:
            raise ValueError("it ends too early")
        return self.read_most(offset, length)

    def read_most(self, offset: int, most: int) -> bytes:
        """Read these bytes, or as many of them as the file has."""
        return os.pread(self._fd, most, offset)

    def unpack(self, layout: Struct, offset: int) -> tuple[int, ...]:
        return layout.unpack(self.read(offset, layout.size))

    def string(self, offset: int) -> str:
        length = _PIECE
        while offset < self._size and length <= _LONGEST_STRING:
            text, end, _ = os.pread(self._fd, length, offset).partition(b"\0")
            if end:
                return os.fsdecode(text)
            if offset + length >= self._size:
                break
            length *= _PIECE
        raise ValueError("a string is not terminated")


def _read_segments(file: _File) -> list[Segment]:
    word = file.layout("Q", "I")
    pair = file.layout("HH", "HH")
    (table,) = file.unpack(word, 24 + word.size)
    size, count = file.unpack(pair, 24 + 3 * word.size + 6)
    # 64 bit: type flags offset vaddr paddr filesz memsz align;
    # 32 bit: type offset vaddr paddr filesz memsz flags align.
    header = file.layout("IIQQQQQQ", "IIIIIIII")
    if size != header.size or size * count > _LARGEST_SEGMENT_TABLE:
        raise ValueError("its program headers have the wrong size")
    rows = header.iter_unpack(file.read(table, size * count))
    first = 2 if file.wide else 1
    return [(row[0], row[first], row[first + 1], row[first + 3]) for row in rows]


def parse_tags(section: bytes, word: Struct) -> tuple[int, Tags]:
    """Return the number of entries of a dynamic section, and the values of those that we need.

    section -- begins with it; word -- the layout of a tag or value

    Maps each tag to its values, in order. Raises ValueError if the end of the section is not there.
    """
    count = len(section) // word.size
    words = struct.unpack_from(f"{word.format[:1]}{count}{word.format[1:]}", section)
    names, values = words[:-1:2], words[1::2]
    try:
        end = names.index(0)
    except ValueError:
        raise ValueError("its dynamic section has no end") from None
    tags: Tags = {}
    for tag, value in [one for one in zip(names[:end], values) if one[0] in _TAGS]:  # noqa: B905
        tags.setdefault(tag, []).append(value)
    return end, tags


def last_value(tags: Tags, tag: int, default: int) -> int:
    """Return the value of a tag that a dynamic section should have only once.

    Of several, the last counts, as in glibc's elf_get_dynamic_info() and musl's decode_dyn().
    """
    return tags.get(tag, [default])[-1]


def _read_tags(file: _File, segments: list[Segment]) -> tuple[int, Tags]:
    """Return the address of the dynamic section and its tags; (0, {}) if there is none.

    Of several segments, the last counts. A loader reads the section at its address, not at its
    offset in the file, and up to DT_NULL, whatever the size of the segment (glibc's elf/rtld.c and
    elf/dl-load.c, musl's ldso/dynlink.c).
    """
    addresses = [address for kind, _, address, _ in segments if kind == _PT_DYNAMIC]
    if not addresses:
        return 0, {}
    place = _place_of(addresses[-1], segments)
    if place < 0:
        raise ValueError("its dynamic section is not in the file")
    section = file.read_most(place, LARGEST_DYNAMIC_SECTION)
    _, tags = parse_tags(section, file.layout("Q", "I"))
    return addresses[-1], tags


def _string_reader(file: _File, segments: list[Segment], tags: Tags) -> Callable[[int], list[str]]:
    """Return a function that maps a tag to the strings of its entries."""
    table = _place_of(last_value(tags, DT_STRTAB, -1), segments)

    def strings(tag: int) -> list[str]:
        places = tags.get(tag, [])
        if places and table < 0:
            raise ValueError("it has no string table")
        if len(places) > _MOST_NAMES:
            raise ValueError("it names too many libraries")
        return [file.string(table + place) for place in places]

    return strings


def _is_elf(fd: int) -> bool:
    return os.pread(fd, 4, 0) == b"\x7fELF"


def _parse(fd: int, path: str) -> Image:
    file = _File(fd)
    kind, machine = file.unpack(file.layout("HH", "HH"), 16)
    if kind not in (_ET_EXEC, _ET_DYN):
        raise ValueError("neither executable nor position-independent")
    (entry,) = file.unpack(file.layout("Q", "I"), 24)

    segments = _read_segments(file)
    # The first interpreter counts, as in exec.
    places = [offset for type_, offset, _, _ in segments if type_ == _PT_INTERP]
    interpreter = file.string(places[0]) if places else None
    dynamic, tags = _read_tags(file, segments)
    strings = _string_reader(file, segments, tags)
    # RUNPATH replaces RPATH, in glibc and in musl.
    runpath = strings(_DT_RUNPATH)[-1:]
    rpath = [] if runpath else strings(_DT_RPATH)[-1:]
    return Image(
        machine=machine,
        bits=64 if file.wide else 32,
        entry=entry,
        interpreter=interpreter,
        dynamic=dynamic,
        needed=tuple(strings(DT_NEEDED)),
        rpath=_folders(rpath),
        runpath=_folders(runpath),
        path=path,
    )


def exports(fd: int, symbols: Sequence[bytes]) -> bytes | None:
    """Return the first of these symbols that an ELF file names in its dynamic symbols.

    fd -- a descriptor of the file

    Returns None if there is none, or if the file is not ELF. Raises DamagedElfError for a damaged
    file, and OSError.
    """
    if not _is_elf(fd):
        return None
    try:
        file = _File(fd)
        segments = _read_segments(file)
        _, tags = _read_tags(file, segments)
        table = _place_of(last_value(tags, DT_STRTAB, -1), segments)
        size = last_value(tags, _DT_STRSZ, 0)
        if not tags:  # it is static
            return None
        if table < 0 or size > _LARGEST_STRING_TABLE:
            raise ValueError("its string table is not in the file, or too large")
        names = file.read(table, size)
    except (struct.error, ValueError, OverflowError) as error:
        raise DamagedElfError(f"damaged ELF file ({error})") from None
    return next((name for name in symbols if b"\0%b\0" % name in names), None)


def _place_of(address: int, segments: list[Segment]) -> int:
    """Return the offset in the file of an address; -1 if it is not in the file.

    Each segment is mapped over those before it.
    """
    for kind, offset, start, length in reversed(segments):
        if kind == _PT_LOAD and start <= address < start + length:
            return offset + address - start
    return -1


def _folders(texts: list[str]) -> tuple[str, ...]:
    folders = tuple(folder for text in texts for folder in text.split(":"))
    if len(folders) > _MOST_NAMES:
        raise ValueError("it names too many directories")
    return folders


def read_image(fd: int, path: str) -> Image | None:
    """Read an ELF file; return None if the file is not ELF.

    fd -- a descriptor of the file; its position does not change
    path -- where the file is, for $ORIGIN and for messages

    Raises DamagedElfError for a damaged file, and OSError.
    """
    if not _is_elf(fd):
        return None
    try:
        return _parse(fd, path)
    except (struct.error, ValueError, OverflowError) as error:
        raise DamagedElfError(f"{path}: damaged ELF file ({error}): reinstall it") from None
