"""Why a group of processes is readable, by whom, and where a secret was found."""

from __future__ import annotations

from process_hardening.record import Record

TRACED = "traced"
INJECTED = "injected"
OTHER_COPY = "other_copy"
ARGUMENTS = "arguments"
LOST = "lost"
OPENS_ITSELF = "opens_itself"
READABLE = "readable"
READABLE_BY_ROOT = "readable_by_root"
PARTIAL = "partial"
UNKNOWN = "unknown"
HARDENED = "hardened"

REASONS = {
    TRACED: "a debugger is attached to it",
    INJECTED: "it runs a library that was injected",
    OTHER_COPY: "it runs another version of process-hardening, or a library with its name",
    ARGUMENTS: "every user can see its arguments",
    LOST: "its parent is hardened, but it is not",
    OPENS_ITSELF: "it is hardened, but its runtime discloses its memory to any program of its user",
    READABLE: "any program of its user can read it",
    READABLE_BY_ROOT: "any root process can read it, even in a container",
    PARTIAL: "its memory is protected, but a crash or its environment leaks data",
    UNKNOWN: "it is unknown whether it can be read",
    HARDENED: "no program of its user can read it",
}
"""All reasons, worst first, and their descriptions."""

_ORDER = {reason: position for position, reason in enumerate(REASONS)}


def order_of(reason: str) -> int:
    """Return the position of a key of REASONS: lower is worse."""
    return _ORDER[reason]


SAME_USER = "same_user"
EVERY_USER = "every_user"
CRASH = "crash"
ROOT = "root"

READERS = {
    SAME_USER: "programs of the same user",
    EVERY_USER: "every user",
    CRASH: "crashes",
    ROOT: "root in containers",
}
"""The kinds of readers who can get a secret, and their descriptions."""

IN_ENVIRONMENT = "environment"
IN_ARGUMENTS = "arguments"
IN_MEMORY = "memory"

PLACES = (IN_ENVIRONMENT, IN_ARGUMENTS, IN_MEMORY)


class Secret(Record):
    """A secret that processes hold: its name, never its value.

    where -- IN_ENVIRONMENT, IN_ARGUMENTS, or IN_MEMORY for programs whose purpose is to hold it
    """

    name: str
    where: str
