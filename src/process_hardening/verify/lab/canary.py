"""The canaries: random text that nobody can hold without having read it from the victim."""

from __future__ import annotations

import os

HEAP = "heap"
TEXT = "text"
STACK = "stack"
FILE = "file"
ENVIRONMENT = "environment"
GIVEN = "canary"

PLACES = {
    HEAP: "a bytes object",
    TEXT: "a str object",
    STACK: "a thread's stack",
    FILE: "an open file without a name",
    ENVIRONMENT: "an environment variable",
    GIVEN: "somewhere in the program (--canary)",
}
"""Where a victim holds a canary, and what that is."""

OURS = (HEAP, TEXT, STACK, FILE, ENVIRONMENT)
"""The places of our own victims."""

VARIABLE = "VERIFY_CANARY"
"""The environment variable that holds one."""

_TURN = 7


def new_seed() -> str:
    """What the canaries of one victim are made from."""
    return os.urandom(20).hex()


def canary(seed: str, place: str) -> bytes:
    """The canary that a victim with this seed holds in a place: the seed turned, after its name."""
    turn = _TURN * (1 + OURS.index(place))
    return f"{place}-{seed[turn:]}{seed[:turn]}".encode()


def canaries(seed: str) -> dict[str, bytes]:
    """All canaries of a victim of ours."""
    return {place: canary(seed, place) for place in OURS}
