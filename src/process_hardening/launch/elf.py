"""What the start of an ELF file says of the program in it (elf(5))."""

from __future__ import annotations

import os
import struct
from struct import Struct, calcsize, unpack_from

from process_hardening.errors import CannotProtectError

# e_machine of the machines that Python can name in os.uname().machine.
MACHINES = {
    "x86_64": 62,
    "i686": 3,
    "i386": 3,
    "aarch64": 183,
    "armv7l": 40,
    "armv8l": 40,
    "riscv64": 243,
    "s390x": 22,
    "ppc64le": 21,
    "loongarch64": 258,
}
# 32-bit programs that a 64-bit kernel runs as its own.
_ALSO_RUNS = {62: (3,), 183: (40,)}

_PT_LOAD, _PT_DYNAMIC, _PT_INTERP = 1, 2, 3
_DT_NEEDED, _DT_STRTAB, _DT_RPATH, _DT_RUNPATH = 1, 5, 15, 29
_ET_EXEC, _ET_DYN = 2, 3


class Image:
    """The facts of an ELF program.

    machine -- its e_machine; bits -- 32 or 64
    interpreter -- the path of its dynamic loader, or None for a static program
    needs_origin -- whether it finds libraries relative to its own file ($ORIGIN)
    """

    __slots__ = ("bits", "interpreter", "machine", "needs_origin")

    def __init__(
        self, machine: int, bits: int, interpreter: str | None, needs_origin: bool
    ) -> None:
        self.machine = machine
        self.bits = bits
        self.interpreter = interpreter
        self.needs_origin = needs_origin

    def same_kind(self, other: Image) -> bool:
        """Whether a library of the other's kind can be loaded into this program."""
        return (self.machine, self.bits) == (other.machine, other.bits)

    def runs_on(self, machine: str) -> bool:
        """Whether a kernel that names its machine so (uname -m) may run this; unknown ones may."""
        native = MACHINES.get(machine)
        return native is None or self.machine in (native, *_ALSO_RUNS.get(native, ()))


def _string_at(data: bytes, offset: int) -> str:
    end = data.find(b"\0", offset)
    if offset < 0 or end < 0:
        raise struct.error("string outside the file")
    return os.fsdecode(data[offset:end])


def _needs_origin(path: str, tags: dict[int, list[int]], data: bytes, strings: int) -> bool:
    def texts(tag: int) -> list[str]:
        return [_string_at(data, strings + offset) for offset in tags.get(tag, [])]

    def from_origin(tag: int) -> list[str]:
        folders = [folder for text in texts(tag) for folder in text.split(":")]
        return [folder for folder in folders if "$ORIGIN" in folder or "${ORIGIN}" in folder]

    # RPATH is in force for whatever the program loads later, too (ld.so(8)).
    if from_origin(_DT_RPATH):
        return True
    here = os.path.dirname(os.path.realpath(path))
    return any(
        os.path.exists(
            os.path.join(folder.replace("${ORIGIN}", here).replace("$ORIGIN", here), library)
        )
        for folder in from_origin(_DT_RUNPATH)
        for library in texts(_DT_NEEDED)
    )


def _parse(data: bytes, path: str) -> Image:
    bits = {1: 32, 2: 64}[data[4]]
    order = {1: "<", 2: ">"}[data[5]]
    word = "Q" if bits == 64 else "I"
    kind, machine = unpack_from(order + "HH", data, 16)
    if kind not in (_ET_EXEC, _ET_DYN):
        raise struct.error("neither executable nor position-independent")
    (table,) = unpack_from(order + word, data, 24 + calcsize(word))
    size, count = unpack_from(order + "HH", data, 24 + 3 * calcsize(word) + 6)

    # 64 bit: type flags offset vaddr paddr filesz; 32 bit: type offset vaddr paddr filesz.
    header = Struct(order + ("IIQQQQ" if bits == 64 else "IIIII"))
    segments = []
    for index in range(count):
        fields = header.unpack_from(data, table + index * size)
        segments.append((fields[0], *fields[2 if bits == 64 else 1 :]))

    interpreter = None
    tags: dict[int, list[int]] = {}
    for type_, offset, _address, _, length in segments:
        if type_ == _PT_INTERP:
            interpreter = _string_at(data, offset)
        elif type_ == _PT_DYNAMIC:
            pair = Struct(order + 2 * word)
            for at in range(offset, offset + length - pair.size + 1, pair.size):
                tag, value = pair.unpack_from(data, at)
                if not tag:
                    break
                tags.setdefault(tag, []).append(value)

    needs_origin = False
    for type_, offset, address, _, length in segments:
        strings = tags.get(_DT_STRTAB, [-1])[0] - address
        if type_ == _PT_LOAD and 0 <= strings < length:
            needs_origin = _needs_origin(path, tags, data, offset + strings)
    return Image(machine, bits, interpreter, needs_origin)


def read_image(fd: int, path: str) -> Image | None:
    """Read the facts from a file, whose descriptor must be at its first byte and is left there.

    path is where the file lies, for $ORIGIN and messages. Returns None when it is no ELF file;
    raises CannotProtectError when it is a damaged one.
    """
    import mmap

    if os.pread(fd, 4, 0) != b"\x7fELF":
        return None
    try:
        with mmap.mmap(fd, 0, prot=mmap.PROT_READ) as data:
            return _parse(data, path)  # type: ignore[arg-type]  # a mmap slices and finds as bytes do
    except (struct.error, KeyError, IndexError, ValueError, OverflowError) as error:
        raise CannotProtectError(f"{path}: damaged ELF file ({error}): reinstall it") from None
