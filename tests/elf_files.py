"""ELF files with only what a reader of headers looks at (elf(5)); none of them runs."""

from __future__ import annotations

import struct
from collections.abc import Sequence

X86_64 = 62
AARCH64 = 183
PT_LOAD, PT_DYNAMIC, PT_INTERP = 1, 2, 3
DT_NULL, DT_NEEDED, DT_STRTAB, DT_STRSZ, DT_RPATH, DT_RUNPATH = 0, 1, 5, 10, 15, 29
ET_DYN = 3
BASE = 0x40000
"""The address the file is loaded at, so that its offsets are not its addresses."""

LOADER = "/lib64/ld-linux-x86-64.so.2"


def make_elf(
    machine: int = X86_64,
    bits: int = 64,
    order: str = "<",
    kind: int = ET_DYN,
    interpreter: str | None = LOADER,
    needed: Sequence[str] = (),
    paths: Sequence[tuple[int, str]] = (),
    before: Sequence[tuple[int, int]] = (),
    behind_strings: str = "",
) -> bytes:
    """Make a program that needs libraries; paths are pairs of DT_RPATH or DT_RUNPATH and a text.

    before -- entries of the dynamic section before all others
    behind_strings -- a text behind the end of the string table
    """
    word = "Q" if bits == 64 else "I"
    header_size, segment_size = (64, 56) if bits == 64 else (52, 32)
    loader = (interpreter or "").encode() + b"\0"
    rows = [*((DT_NEEDED, name) for name in needed), *paths]

    strings = b"\0"
    entries = list(before)
    for tag, text in rows:
        entries.append((tag, len(strings)))
        strings += text.encode() + b"\0"

    segment_count = 3 if interpreter else 2
    loader_at = header_size + segment_count * segment_size
    strings_at = loader_at + len(loader)
    entries += [(DT_STRTAB, BASE + strings_at), (DT_STRSZ, len(strings)), (DT_NULL, 0)]
    strings += behind_strings.encode()
    dynamic_at = strings_at + len(strings)
    dynamic = b"".join(struct.pack(order + 2 * word, *entry) for entry in entries)
    size = dynamic_at + len(dynamic)

    def segment(kind: int, offset: int, length: int) -> bytes:
        address = BASE + offset
        if bits == 64:
            return struct.pack(
                order + "IIQQQQQQ", kind, 4, offset, address, address, length, length, 8
            )
        return struct.pack(order + "IIIIIIII", kind, offset, address, address, length, length, 4, 4)

    segments = segment(PT_LOAD, 0, size) + segment(PT_DYNAMIC, dynamic_at, len(dynamic))
    if interpreter:
        segments += segment(PT_INTERP, loader_at, len(loader))
    identity = b"\x7fELF" + bytes([bits // 32, 1 if order == "<" else 2, 1]) + bytes(9)
    header = identity + struct.pack(
        order + "HHI" + 3 * word + "IHHHHHH",
        *(kind, machine, 1, BASE, header_size, 0, 0),
        *(header_size, segment_size, segment_count, 0, 0, 0),
    )
    return header + segments + loader + strings + dynamic


def replace_bytes(image: bytes, offset: int, replacement: bytes) -> bytes:
    """Return the file with some of its bytes replaced."""
    return image[:offset] + replacement + image[offset + len(replacement) :]
