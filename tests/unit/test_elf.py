"""Reading ELF files, the damaged and the hostile ones above all."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import elf_files
import support
from elf_files import (
    AARCH64,
    BASE,
    DT_RPATH,
    DT_RUNPATH,
    DT_STRSZ,
    DT_STRTAB,
    LOADER,
    PT_DYNAMIC,
    PT_LOAD,
    X86_64,
    replace_bytes,
)
from process_hardening.elf import (
    LARGEST_DYNAMIC_SECTION,
    DamagedElfError,
    Image,
    exports,
    read_image,
)

BITS = (64, 32)
# Where fields of the 64-bit header and of its first program header lie.
E_PHOFF, E_PHENTSIZE, E_PHNUM = 32, 54, 56
FIRST_SEGMENT = 64


@pytest.fixture
def read(tmp_path: Path) -> Any:
    """Reads an image from a file with the given bytes."""

    def read_bytes(content: bytes) -> Image | None:
        path = tmp_path / "program"
        path.write_bytes(content)
        fd = os.open(path, os.O_RDONLY)
        try:
            return read_image(fd, str(path))
        finally:
            os.close(fd)

    return read_bytes


def image_or_refusal(read: Any, content: bytes) -> Image | None:
    """Read it; the only exception that may come out is the one that becomes a line for the user."""
    image = None
    with contextlib.suppress(DamagedElfError):
        image = read(content)
    assert image is None or isinstance(image, Image)
    return image


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bits", [64, 32])
@pytest.mark.parametrize("machine", [X86_64, AARCH64, 3, 40, 0xFFFF])
@pytest.mark.parametrize("interpreter", [LOADER, "/lib/ld-musl.so", None])
def test_the_facts_of_a_program(
    read: Any, order: str, bits: int, machine: int, interpreter: str | None
) -> None:
    """Machine, width and loader, in both byte orders."""
    image = read(elf_files.make_elf(machine, bits, order, interpreter=interpreter))
    assert (image.machine, image.bits, image.interpreter) == (machine, bits, interpreter)
    assert not image.needs_origin


def test_a_loader_may_have_any_bytes_in_its_name(read: Any) -> None:
    """As in every path, what is not UTF-8 is escaped."""
    image = read(elf_files.make_elf().replace(LOADER.encode(), b"/\xff".ljust(len(LOADER), b"x")))
    assert os.fsencode(image.interpreter).startswith(b"/\xffxx")


@pytest.mark.parametrize(
    ("tag", "folders", "expected"),
    [
        (DT_RPATH, "$ORIGIN", True),
        (DT_RPATH, "/usr/lib:${ORIGIN}/../nowhere", True),
        (DT_RPATH, "/usr/lib", False),
        (DT_RUNPATH, "$ORIGIN/lib", True),
        (DT_RUNPATH, "/usr/lib:${ORIGIN}/lib", True),
        (DT_RUNPATH, "/usr/lib:$ORIGIN/lib:/opt", True),
        (DT_RUNPATH, "$ORIGIN/nowhere", False),
        (DT_RUNPATH, "$ORIGIN", False),
        (DT_RUNPATH, "lib:/usr/lib:", False),
    ],
)
@pytest.mark.parametrize("bits", BITS)
def test_needing_its_own_folder(
    read: Any, tmp_path: Path, bits: int, tag: int, folders: str, expected: bool
) -> None:
    """RPATH counts always; RUNPATH when a library that is needed lies there."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "libown.so").touch()
    needed = ["libc.so.6", "libown.so"]
    content = elf_files.make_elf(bits=bits, needed=needed, paths=[(tag, folders)])
    assert read(content).needs_origin is expected


@pytest.mark.parametrize("content", [b"", b"\x7f", b"\x7fEL", b"#!/bin/sh\n", b"\0" * 4096])
def test_what_is_no_elf_file(read: Any, content: bytes) -> None:
    """Not an error: it may be a script."""
    assert read(content) is None


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("order", ["<", ">"])
def test_cut_short_at_every_length(read: Any, bits: int, order: str) -> None:
    """Below four bytes it is no ELF file, below its tables a damaged one."""
    content = elf_files.make_elf(
        bits=bits, order=order, needed=["a.so"], paths=[(DT_RUNPATH, "$ORIGIN")]
    )
    for length in range(len(content)):
        image = image_or_refusal(read, content[:length])
        assert image is None or length >= content.index(b"a.so")
    assert image_or_refusal(read, content)


@pytest.mark.parametrize(
    ("offset", "replacement"),
    [(4, b"\0"), (4, b"\3"), (4, b"\xff"), (5, b"\0"), (5, b"\3"), (5, b"\xff")]
    + [(16, struct.pack("<H", kind)) for kind in (0, 1, 4, 0xFFFF)],
)
def test_what_no_program_can_be(read: Any, offset: int, replacement: bytes) -> None:
    """No such width, byte order or type: relocatable objects and cores among them."""
    with pytest.raises(DamagedElfError, match=r"damaged ELF file .*: reinstall it$"):
        read(replace_bytes(elf_files.make_elf(), offset, replacement))


def with_segment(content: bytes, kind: int, offset: int, length: int) -> bytes:
    """The file with another offset and size in the program header of a kind."""
    for number in range(3):
        at = FIRST_SEGMENT + 56 * number
        if struct.unpack_from("<I", content, at)[0] == kind:
            content = replace_bytes(content, at + 8, struct.pack("<Q", offset))
            return replace_bytes(content, at + 32, struct.pack("<QQ", length, length))
    raise AssertionError(f"no segment of type {kind}")


@pytest.mark.parametrize(
    ("offset", "replacement", "reason"),
    [
        (E_PHENTSIZE, struct.pack("<H", 55), "program headers have the wrong size"),
        (E_PHENTSIZE, struct.pack("<HH", 56, 0xFFFF), "program headers have the wrong size"),
        (E_PHOFF, struct.pack("<Q", 2**63), "it ends too early"),
        (E_PHOFF, struct.pack("<Q", 2**64 - 1), "it ends too early"),
    ],
)
def test_program_headers_that_lead_out_of_the_file(
    read: Any, offset: int, replacement: bytes, reason: str
) -> None:
    """Offsets, sizes and counts are believed only as far as the file and the kernel go."""
    with pytest.raises(DamagedElfError, match=reason):
        read(replace_bytes(elf_files.make_elf(), offset, replacement))


@pytest.mark.parametrize(
    ("kind", "offset", "length", "reason"),
    [
        (elf_files.PT_LOAD, 1 << 20, 1 << 40, "dynamic section has no end"),
        (elf_files.PT_LOAD, 1 << 50, 1 << 20, "dynamic section has no end"),
        (elf_files.PT_LOAD, 0, 1, "dynamic section is not in the file"),
        (elf_files.PT_INTERP, 1 << 39, 8, "a string is not terminated"),
        (elf_files.PT_INTERP, 1 << 50, 8, "a string is not terminated"),
    ],
)
def test_a_sparse_file_of_a_tebibyte(
    tmp_path: Path, kind: int, offset: int, length: int, reason: str
) -> None:
    """It is refused after a few small reads, however much of it a segment claims."""
    path = tmp_path / "program"
    content = elf_files.make_elf(needed=["a.so"], paths=[(DT_RUNPATH, "$ORIGIN")])
    path.write_bytes(with_segment(content, kind, offset, length))
    if offset in (1 << 20, 1 << 39):  # a section or a string that goes on for ever
        with path.open("r+b") as file:
            file.seek(offset)
            file.write(b"x" * (1 << 17))
    os.truncate(path, 1 << 40)
    with path.open("rb") as file, pytest.raises(DamagedElfError, match=reason):
        read_image(file.fileno(), str(path))


def test_more_names_than_any_program_has(read: Any) -> None:
    """Libraries and folders are counted before the file system is asked about them."""
    with pytest.raises(DamagedElfError, match="too many libraries"):
        read(elf_files.make_elf(needed=["a.so"] * 1025))
    with pytest.raises(DamagedElfError, match="too many directories"):
        read(elf_files.make_elf(paths=[(DT_RUNPATH, "$ORIGIN:" * 1024)]))


def test_what_a_program_needs(read: Any) -> None:
    """Libraries and folders as it names them, and the addresses that its process has them at."""
    image = read(
        elf_files.make_elf(
            needed=["a.so", "/b.so"], paths=[(DT_RUNPATH, "/x:$ORIGIN"), (DT_RPATH, "/y")]
        )
    )
    assert image.needed == ("a.so", "/b.so")
    assert image.runpath == ("/x", "$ORIGIN")
    assert image.rpath == ()  # RUNPATH replaces it
    assert image.entry == BASE
    assert image.dynamic > BASE


@pytest.mark.parametrize("tag", [DT_RPATH, DT_RUNPATH])
@pytest.mark.parametrize("bits", BITS)
def test_the_last_of_repeated_tags_counts(tmp_path: Path, bits: int, tag: int) -> None:
    path = tmp_path / "program"
    decoys = [(DT_STRTAB, BASE), (DT_STRSZ, 1), (tag, 1), (DT_STRTAB, 0)]
    paths = [(tag, "/first"), (tag, "/last")]
    path.write_bytes(elf_files.make_elf(bits=bits, needed=["a.so"], paths=paths, before=decoys))
    with path.open("rb") as file:
        image = read_image(file.fileno(), str(path))
        assert exports(file.fileno(), [b"b.so", b"a.so"]) == b"a.so"
    assert image
    assert (image.needed, image.rpath + image.runpath) == (("a.so",), ("/last",))


def add_string_table(content: bytes, old: bytes, new: bytes) -> bytes:
    """The program spare_table.c with a second DT_STRTAB, in which a name is replaced."""
    (table,) = struct.unpack_from("<Q", content, E_PHOFF)
    (count,) = struct.unpack_from("<H", content, E_PHNUM)
    segments = list(struct.iter_unpack("<IIQQQQQQ", content[table : table + 56 * count]))
    loaded = [(row[2], row[3], row[5]) for row in segments if row[0] == PT_LOAD]
    at = next(row[2] for row in segments if row[0] == PT_DYNAMIC)
    tags = {}
    while (entry := struct.unpack_from("<QQ", content, at)) != (0, 0):
        tags[entry[0]] = entry[1]
        at += 16
    offset = next(o - a for o, a, length in loaded if 0 <= tags[DT_STRTAB] - a < length)
    strings = content[offset + tags[DT_STRTAB] :][: tags[DT_STRSZ]].replace(old, new)
    spare = content.index(b"SPARE")
    address = next(spare - o + a for o, a, length in loaded if 0 <= spare - o < length)
    content = replace_bytes(content, spare, strings)
    return replace_bytes(content, at, struct.pack("<QQ", DT_STRTAB, address))


@pytest.mark.parametrize("cc", ["cc", "musl-gcc"])
def test_the_loader_takes_the_last_string_table_too(tmp_path: Path, cc: str) -> None:
    """A real program needs another library after a second table was added."""
    build = support.Compiler(Path(__file__).parent / "programs", tmp_path)
    library = build("spare_table.c", "-shared", "-fPIC", "-Wl,-soname,one.so", name="1", cc=cc)
    flags = ("-Wl,--no-as-needed,--spare-dynamic-tags=4", str(library))
    path = build("spare_table.c", *flags, cc=cc)

    def names_of_libraries() -> tuple[bool, bool]:
        listing = {"LD_TRACE_LOADED_OBJECTS": "1"}
        done = subprocess.run([path], env=listing, capture_output=True, text=True, check=False)
        return "one.so" in done.stdout + done.stderr, "two.so" in done.stdout + done.stderr

    assert names_of_libraries() == (True, False)
    path.write_bytes(add_string_table(path.read_bytes(), b"one.so", b"two.so"))
    assert names_of_libraries() == (False, True)
    with path.open("rb") as file:
        image = read_image(file.fileno(), str(path))
    assert image
    assert "two.so" in image.needed
    assert "one.so" not in image.needed


def test_the_dynamic_section_is_where_it_is_loaded(read: Any) -> None:
    """A loader knows its address, and reads up to its end: not the segment's offset and size."""
    content = elf_files.make_elf(needed=["a.so"])
    assert read(with_segment(content, PT_DYNAMIC, 0, 0)) == read(content)


@pytest.mark.parametrize(
    "path", [sys.executable, shutil.which("sh"), shutil.which("node"), "/proc/self/exe"]
)
def test_real_programs(path: str | None) -> None:
    """They name their loader; the descriptor stays at its first byte."""
    if path is None:
        pytest.skip("not installed here")
    fd = os.open(path, os.O_RDONLY)
    try:
        image = read_image(fd, path)
        assert os.lseek(fd, 0, os.SEEK_CUR) == 0
    finally:
        os.close(fd)
    assert image
    assert image.interpreter
    assert Path(image.interpreter).exists()
    assert not image.needs_origin


def test_the_longest_dynamic_section_is_the_same_in_c() -> None:
    """What one of them reads to its end, the other does not call damaged."""
    code = (Path(__file__).parents[2] / "native" / "exec" / "elf_file.c").read_text()
    (shift,) = re.findall(r"#define LARGEST_DYNAMIC_SECTION \(1 << (\d+)\)", code)
    assert 1 << int(shift) == LARGEST_DYNAMIC_SECTION
