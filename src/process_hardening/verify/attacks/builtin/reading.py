"""What the attacks that read memory have in common."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from process_hardening.verify.lab.kernel import peek, places_to_read
from process_hardening.verify.model import Attempt, Target

_CHUNK = 1 << 20


def nothing_needed() -> None:
    """For attacks that can be tried everywhere."""


def read_all(target: Target, read: Callable[[int, int], bytes]) -> Attempt:
    """Read wherever a secret may be with read(address, length).

    Raises the OSError of the first read when no read succeeds.
    """
    overlap = max(map(len, target.needles.values()))
    places: list[str] = []
    first: OSError | None = None
    count = 0
    for start, length in places_to_read(target):
        tail = b""
        for offset in range(0, length, _CHUNK):
            try:
                data = read(start + offset, min(_CHUNK, length - offset))
            except OSError as error:
                first = first or error
                break
            count += len(data)
            places += target.found_in(tail + data)
            tail = data[-overlap:]
    if not count and first:
        raise first
    return Attempt(bool(places), f"read {count} bytes", places=tuple(dict.fromkeys(places)))


def peek_all(target: Target) -> Attempt:
    """Read a stopped tracee's memory: word by word where the secrets are told to be.

    When nothing is told, all of it is read, as debuggers do that: through its memory file.
    """
    if target.addresses:
        return read_all(target, lambda address, length: peek(target.pid, address, length))
    return read_memory_file(target)


def read_through(fd: int, target: Target) -> Attempt:
    """Read with a descriptor of a memory file where the secrets may be."""
    return read_all(target, lambda address, length: os.pread(fd, length, address))


def read_memory_file(target: Target) -> Attempt:
    """Read the memory file where the secrets may be."""
    fd = os.open(f"/proc/{target.pid}/mem", os.O_RDONLY)
    try:
        return read_through(fd, target)
    finally:
        os.close(fd)


def read_descriptor(fd: int) -> bytes:
    """The content of a regular file from its start, without moving its offset; at most 1 MiB."""
    try:
        return os.pread(fd, _CHUNK, 0)
    except OSError:
        return b""  # open for writing only


def descriptors(target: Target) -> Iterator[int]:
    """The target's descriptors to try: the one we were told of, else the first 64."""
    if target.descriptor is not None:
        yield target.descriptor
    else:
        yield from range(64)
