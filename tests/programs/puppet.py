"""Hardens or confines itself, then does what launch/puppet.c does.

Usage: puppet.py plain|default|strict|reexec|confine
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys
from collections.abc import Callable

import process_hardening as ph


def can_read(pid: int, place: int) -> bool:
    """Whether the memory of another process can be read."""
    try:
        with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
            memory.seek(place)
            return len(memory.read(16)) == 16
    except OSError:
        return False


def can_limit(pid: int) -> bool:
    """Whether a limit of another process can be set."""
    try:
        resource.prlimit(pid, resource.RLIMIT_CORE, resource.prlimit(pid, resource.RLIMIT_CORE))
    except OSError:
        return False
    return True


def can_signal(pid: int) -> bool:
    """Whether a signal can be sent to another process."""
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def main() -> None:
    """Harden, then answer."""
    strict = ph.STRICT.replace(seal=True)
    ways: dict[str, Callable[[], object]] = {
        "plain": lambda: None,
        "default": lambda: ph.pre_main_hardening(),
        "strict": lambda: ph.pre_main_hardening(strict),
        "reexec": lambda: ph.pre_main_hardening(reexec=True),
        "confine": lambda: ph.confine(),
    }
    try:
        ways[sys.argv[1]]()
    except ph.ConfinementError as error:
        print(f"process-hardening: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    say = {True: "yes", False: "no"}
    held = ctypes.create_string_buffer(256)
    print("ready", os.getpid(), flush=True)
    for line in sys.stdin:
        word, *rest = line.split()
        numbers = [int(text) for text in rest if text.isdigit()]
        if word == "hold":
            held.value = rest[0].encode()
            print(ctypes.addressof(held), flush=True)
        elif word == "expose":
            print(ctypes.CDLL(None).prctl(4, 1, 0, 0, 0), flush=True)
        elif word == "read":
            print(say[can_read(*numbers)], flush=True)
        elif word == "limit":
            print(say[can_limit(*numbers)], flush=True)
        elif word == "signal":
            print(say[can_signal(*numbers)], flush=True)


main()
