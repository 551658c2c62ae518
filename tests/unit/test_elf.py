"""Reading ELF files, the damaged and the hostile ones above all."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import struct
import sys
from pathlib import Path
from typing import Any

import pytest

import elf_files
from elf_files import AARCH64, DT_RPATH, DT_RUNPATH, LOADER, X86_64, with_bytes
from process_hardening.errors import CannotProtectError
from process_hardening.launch.elf import Image, read_image

BITS = (64, 32)
SEED = 20251127
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
    with contextlib.suppress(CannotProtectError):
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
    image = read(elf_files.make(machine, bits, order, interpreter=interpreter))
    assert (image.machine, image.bits, image.interpreter) == (machine, bits, interpreter)
    assert not image.needs_origin


def test_a_loader_may_have_any_bytes_in_its_name(read: Any) -> None:
    """As in every path, what is not UTF-8 is escaped."""
    image = read(elf_files.make().replace(LOADER.encode(), b"/\xff".ljust(len(LOADER), b"x")))
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
    content = elf_files.make(bits=bits, needed=needed, paths=[(tag, folders)])
    assert read(content).needs_origin is expected


@pytest.mark.parametrize("content", [b"", b"\x7f", b"\x7fEL", b"#!/bin/sh\n", b"\0" * 4096])
def test_what_is_no_elf_file(read: Any, content: bytes) -> None:
    """Not an error: it may be a script."""
    assert read(content) is None


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("order", ["<", ">"])
def test_cut_short_at_every_length(read: Any, bits: int, order: str) -> None:
    """Below four bytes it is no ELF file, below its tables a damaged one."""
    content = elf_files.make(
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
    with pytest.raises(CannotProtectError, match=r"damaged ELF file .*: reinstall it$"):
        read(with_bytes(elf_files.make(), offset, replacement))


@pytest.mark.parametrize("value", [0, 1, 0x7F, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1])
@pytest.mark.parametrize(
    "offset",
    # phoff; offset, vaddr and filesz of each of the three segments
    [E_PHOFF] + [FIRST_SEGMENT + 56 * i + at for i in range(3) for at in (8, 16, 32)],
)
def test_numbers_that_lead_out_of_the_file(read: Any, offset: int, value: int) -> None:
    """Offsets and sizes are believed only as far as the file goes."""
    content = elf_files.make(needed=["a.so"], paths=[(DT_RUNPATH, "$ORIGIN")])
    image_or_refusal(read, with_bytes(content, offset, struct.pack("<Q", value)))


@pytest.mark.parametrize("size", [0, 1, 56, 0xFFFF])
@pytest.mark.parametrize("count", [0, 1, 0xFFFF])
def test_more_segments_than_the_file_has(read: Any, size: int, count: int) -> None:
    """A count is no reason to read on, nor to wait."""
    content = with_bytes(elf_files.make(), E_PHENTSIZE, struct.pack("<HH", size, count))
    image_or_refusal(read, content)


@pytest.mark.parametrize("value", [1, 2**31, 2**63, 2**64 - 1])
def test_strings_that_lead_out_of_the_file(read: Any, value: int) -> None:
    """The same for what the dynamic section points to."""
    content = elf_files.make(needed=["a.so"], paths=[(DT_RUNPATH, "$ORIGIN")])
    entries = content.index(struct.pack("<QQ", elf_files.DT_NEEDED, 1))
    for number in range(3):  # NEEDED, RUNPATH, STRTAB
        at = entries + 16 * number + 8
        image_or_refusal(read, with_bytes(content, at, struct.pack("<Q", value)))


@pytest.mark.parametrize("bits", BITS)
def test_random_damage(read: Any, bits: int) -> None:
    """Any bytes anywhere: an image or a refusal, never another exception."""
    generator = random.Random(SEED + bits)  # noqa: S311  # the same damage in every run
    content = elf_files.make(
        bits=bits, needed=["a.so", "b.so"], paths=[(DT_RUNPATH, "$ORIGIN:/x"), (DT_RPATH, "/y")]
    )
    outcomes = set()
    for _ in range(3000):
        damaged = bytearray(content)
        for _ in range(generator.randint(1, 4)):
            damaged[generator.randrange(4, len(damaged))] = generator.choice(
                [0, 1, 0x7F, 0x80, 0xFF, generator.randrange(256)]
            )
        outcomes.add(type(image_or_refusal(read, bytes(damaged))))
    assert outcomes == {Image, type(None)}


@pytest.mark.parametrize(
    "path", [sys.executable, shutil.which("sh"), shutil.which("node"), "/proc/self/exe"]
)
def test_real_programs(path: str | None) -> None:
    """Programs of this machine are its own; the descriptor stays at its first byte."""
    if path is None:
        pytest.skip("not installed here")
    fd = os.open(path, os.O_RDONLY)
    try:
        image = read_image(fd, path)
        assert os.lseek(fd, 0, os.SEEK_CUR) == 0
    finally:
        os.close(fd)
    assert image
    assert image.runs_on(os.uname().machine)
    assert image.interpreter
    assert Path(image.interpreter).exists()
    assert not image.needs_origin


@pytest.mark.parametrize(
    ("program", "kernel", "expected"),
    [
        (X86_64, "x86_64", True),
        (3, "x86_64", True),
        (X86_64, "i686", False),
        (AARCH64, "x86_64", False),
        (AARCH64, "aarch64", True),
        (40, "aarch64", True),
        (AARCH64, "armv7l", False),
        (243, "riscv64", True),
        (243, "x86_64", False),
        (0x1234, "a machine of the future", True),
    ],
)
def test_which_kernel_runs_it(program: int, kernel: str, expected: bool) -> None:
    """A 64-bit kernel runs its 32-bit programs; of unknown machines nothing is claimed."""
    assert Image(program, 64, None, needs_origin=False).runs_on(kernel) is expected


def test_a_library_goes_into_its_own_kind_only() -> None:
    """Machine and width must agree; the loader does not matter."""
    library = Image(X86_64, 64, None, needs_origin=False)
    assert Image(X86_64, 64, LOADER, needs_origin=True).same_kind(library)
    assert not Image(X86_64, 32, LOADER, needs_origin=False).same_kind(library)
    assert not Image(AARCH64, 64, LOADER, needs_origin=False).same_kind(library)
