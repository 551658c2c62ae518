"""Helpers for attacks that read memory, files and descriptors."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from process_hardening.verify.lab.canary import FILE
from process_hardening.verify.lab.kernel import peek
from process_hardening.verify.model import Attempt, DoesNotApplyError, Target

SAME_USER = "the same user"
PTRACE_ACCESS = "the same user; with Yama, ptrace_scope 0 or the target's consent"

_CHUNK = 1 << 20
_ANY_ADDRESS = 0x10000
"""Where to read if no address is known: the kernel checks permission before the address."""


def find_nothing_missing() -> None:
    """Report that nothing is missing, for attacks that need nothing."""


def writable_regions(maps: bytes) -> Iterator[tuple[int, int]]:
    """Return the writable regions in the text of /proc/PID/maps, as (start, end)."""
    for line in maps.splitlines():
        bounds, _, rest = line.partition(b" ")
        if rest.startswith(b"rw"):
            start, _, end = bounds.partition(b"-")
            yield int(start, 16), int(end, 16)


def spans_to_read(target: Target) -> list[tuple[int, int]]:
    """Return the memory to search, as (address, length): at known addresses, or else all of it."""
    if target.addresses:
        return [
            (target.addresses[place], len(needle))
            for place, needle in target.needles.items()
            if place in target.addresses
        ]
    try:
        with open(f"/proc/{target.pid}/maps", "rb") as file:
            return [(start, end - start) for start, end in writable_regions(file.read())]
    except OSError:
        return [(_ANY_ADDRESS, 64)]


def search_chunks(target: Target, chunks: Iterator[bytes]) -> tuple[tuple[str, ...], int]:
    """Return the places of the secrets found in consecutive chunks, and the chunks' total size."""
    overlap = max(map(len, target.needles.values()))
    places: list[str] = []
    size, tail = 0, b""
    for chunk in chunks:
        size += len(chunk)
        places += target.places_in(tail + chunk)
        tail = chunk[-overlap:]
    return tuple(dict.fromkeys(places)), size


def read_spans(target: Target, read: Callable[[int, int], bytes]) -> Attempt:
    """Call read(address, length) wherever a secret may be.

    Raises the OSError of the first read if no read succeeds.
    """
    places: list[str] = []
    errors: list[OSError] = []
    count = 0

    def read_span(start: int, length: int) -> Iterator[bytes]:
        for offset in range(0, length, _CHUNK):
            try:
                yield read(start + offset, min(_CHUNK, length - offset))
            except OSError as error:
                errors.append(error)
                return

    for start, length in spans_to_read(target):
        found, size = search_chunks(target, read_span(start, length))
        places += found
        count += size
    if not count and errors:
        raise errors[0]
    found = tuple(dict.fromkeys(places))
    return Attempt(bool(found), f"read {count} bytes", places=found, empty=not count)


def peek_spans(target: Target) -> Attempt:
    """Read a stopped tracee's memory, word by word if the addresses are known.

    Otherwise read all of it through the memory file, as debuggers do.
    """
    if target.addresses:
        return read_spans(target, lambda address, length: peek(target.pid, address, length))
    return read_memory_file(target)


def read_through(fd: int, target: Target) -> Attempt:
    """Read the memory where the secrets may be, through a descriptor of the memory file."""
    return read_spans(target, lambda address, length: os.pread(fd, length, address))


def read_memory_file(target: Target) -> Attempt:
    """Read the memory file where the secrets may be."""
    fd = os.open(f"/proc/{target.pid}/mem", os.O_RDONLY)
    try:
        return read_through(fd, target)
    finally:
        os.close(fd)


def read_descriptor(fd: int) -> bytes:
    """Return the content of a regular file, at most 1 MiB, without moving its offset."""
    try:
        return os.pread(fd, _CHUNK, 0)
    except OSError:
        return b""  # the descriptor is open for writing only


def is_users_program(target: Target) -> bool:
    """Return whether the target is a user's program, of which we know only one secret."""
    return target.victim is not None and FILE not in target.needles


def judge_files(target: Target, places: list[str], opened: int, message: str) -> Attempt:
    """Return the result of opening the target's files. message -- what was opened.

    Raises DoesNotApplyError if a user's program has no open file with its secret.
    """
    if opened and not places and is_users_program(target):
        raise DoesNotApplyError("the program has no open file with the canary")
    return Attempt(bool(places), message, places=tuple(places), empty=not opened)


def descriptors_to_try(target: Target) -> Iterator[int]:
    """Return the target's descriptors to try: the known one, or else the first 64."""
    if target.descriptor is not None:
        yield target.descriptor
    else:
        yield from range(64)
