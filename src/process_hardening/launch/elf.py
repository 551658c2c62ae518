"""What the start of an ELF file says of the program in it (elf(5))."""

from __future__ import annotations

import os
import struct
from struct import Struct

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
_PIECE = 256  # longer than most paths


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


class _File:
    """An ELF file, read piece by piece: mapping it costs as much as the rest of the plan."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._size = os.fstat(fd).st_size

    def read(self, offset: int, length: int) -> bytes:
        if offset + length > self._size:
            raise struct.error("it ends too early")
        return os.pread(self._fd, length, offset)

    def unpack(self, layout: Struct, offset: int) -> tuple[int, ...]:
        return layout.unpack(self.read(offset, layout.size))

    def string(self, offset: int) -> str:
        length = _PIECE
        while offset < self._size:
            text, end, _ = os.pread(self._fd, length, offset).partition(b"\0")
            if end:
                return os.fsdecode(text)
            if offset + length >= self._size:
                break
            length *= _PIECE
        raise struct.error("string outside the file")


def _needs_origin(path: str, tags: dict[int, list[int]], file: _File, strings: int) -> bool:
    def texts(tag: int) -> list[str]:
        return [file.string(strings + offset) for offset in tags.get(tag, [])]

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


def _parse(file: _File, path: str) -> Image:
    start = file.read(0, 6)
    bits = {1: 32, 2: 64}[start[4]]
    order = {1: "<", 2: ">"}[start[5]]
    word = Struct(order + ("Q" if bits == 64 else "I"))
    pair = Struct(order + "HH")
    kind, machine = file.unpack(pair, 16)
    if kind not in (_ET_EXEC, _ET_DYN):
        raise struct.error("neither executable nor position-independent")
    (table,) = file.unpack(word, 24 + word.size)
    size, count = file.unpack(pair, 24 + 3 * word.size + 6)

    # 64 bit: type flags offset vaddr paddr filesz; 32 bit: type offset vaddr paddr filesz.
    header = Struct(order + ("IIQQQQ" if bits == 64 else "IIIII"))
    segments = []
    for index in range(count):
        fields = file.unpack(header, table + index * size)
        segments.append((fields[0], *fields[2 if bits == 64 else 1 :]))

    interpreter = None
    tags: dict[int, list[int]] = {}
    for type_, offset, _address, _, length in segments:
        if type_ == _PT_INTERP:
            interpreter = file.string(offset)
        elif type_ == _PT_DYNAMIC:
            entry = Struct(order + ("QQ" if bits == 64 else "II"))
            for tag, value in entry.iter_unpack(
                file.read(offset, length // entry.size * entry.size)
            ):
                if not tag:
                    break
                tags.setdefault(tag, []).append(value)

    needs_origin = False
    for type_, offset, address, _, length in segments:
        strings = tags.get(_DT_STRTAB, [-1])[0] - address
        if type_ == _PT_LOAD and 0 <= strings < length:
            needs_origin = _needs_origin(path, tags, file, offset + strings)
    return Image(machine, bits, interpreter, needs_origin)


def read_image(fd: int, path: str) -> Image | None:
    """Read the facts from a file, whose descriptor must be at its first byte and is left there.

    path is where the file lies, for $ORIGIN and messages. Returns None when it is no ELF file;
    raises CannotProtectError when it is a damaged one.
    """
    if os.pread(fd, 4, 0) != b"\x7fELF":
        return None
    try:
        return _parse(_File(fd), path)
    except (struct.error, KeyError, ValueError, OverflowError) as error:
        raise CannotProtectError(f"{path}: damaged ELF file ({error}): reinstall it") from None
