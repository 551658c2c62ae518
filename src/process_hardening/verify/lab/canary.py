"""Canaries: random text that can only come from the memory of the victim."""

from __future__ import annotations

import os

# The places in which a victim holds a canary.
HEAP = "heap"  # a bytes object
TEXT = "text"  # a str object
STACK = "stack"  # a thread's stack
FILE = "file"  # an unnamed open file
ENVIRONMENT = "environment"
BY_USER = "canary"  # wherever a user's program keeps it (--canary)

OURS = (HEAP, TEXT, STACK, FILE, ENVIRONMENT)
"""The places of the canaries in built-in victims."""

VARIABLE = "VERIFY_CANARY"
"""The environment variable that contains a canary."""

_ROTATION = 7


def new_seed() -> str:
    """Return a random seed for the canaries of one victim."""
    return os.urandom(20).hex()


def make_canary(seed: str, place: str) -> bytes:
    """Return the canary of a place: the place's name and the rotated seed."""
    rotation = _ROTATION * (1 + OURS.index(place))
    return f"{place}-{seed[rotation:]}{seed[:rotation]}".encode()


def open_file_canary(seed: str, folder: str) -> int:
    """Write the canary FILE into a file of folder, delete its name and return a descriptor.

    os.memfd_create() would need no folder, but a Python built for an old glibc does not have it.
    """
    path = os.path.join(folder, f"{FILE}.{os.getpid()}")
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    os.unlink(path)
    os.write(fd, make_canary(seed, FILE))
    return fd


def make_canaries(seed: str) -> dict[str, bytes]:
    """Return all canaries of a built-in victim."""
    return {place: make_canary(seed, place) for place in OURS}
