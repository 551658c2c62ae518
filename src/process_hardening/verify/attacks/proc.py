"""Read what /proc/PID offers: memory, environment, memory map and open files."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable

from process_hardening.verify.attacks.reading import (
    PTRACE_ACCESS,
    SAME_USER,
    descriptors_to_try,
    find_nothing_missing,
    judge_files,
    read_descriptor,
    read_memory_file,
    writable_regions,
)
from process_hardening.verify.model import BUILT_IN, READS, Attack, Attempt, Target


def read_environment(target: Target) -> Attempt:
    """Read the environment and look for the secret in it."""
    with open(f"/proc/{target.pid}/environ", "rb") as file:
        data = file.read()
    places = target.places_in(data)
    return Attempt(bool(places), f"read {len(data)} bytes", places=places, empty=not data)


def read_map(target: Target) -> Attempt:
    """Read the memory map, which undoes address randomization.

    This counts as a leak if the map shows a region that contains a secret. If no address is known,
    any region counts.
    """
    with open(f"/proc/{target.pid}/maps", "rb") as file:
        found = list(writable_regions(file.read()))
    message = f"read {len(found)} regions"
    if not target.addresses:
        places = tuple(target.needles) if found else ()
        return Attempt(bool(found), message, places=places, empty=not found)
    places = tuple(
        place
        for place, address in target.addresses.items()
        if place in target.needles and any(start <= address < end for start, end in found)
    )
    return Attempt(bool(places), message, places=places)


def open_files(target: Target) -> Attempt:
    """Open each descriptor that is a regular file and look for the secrets in it."""
    places: list[str] = []
    count = 0
    os.stat(f"/proc/{target.pid}/fd")  # raises FileNotFoundError if the process has ended
    for number in descriptors_to_try(target):
        path = f"/proc/{target.pid}/fd/{number}"
        try:
            # Pipes and terminals must not be opened: reading would take data from the target.
            if not stat.S_ISREG(os.stat(path).st_mode):
                continue
            fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except FileNotFoundError:
            continue
        try:
            places += target.places_in(read_descriptor(fd))
            count += 1
        finally:
            os.close(fd)
    return judge_files(target, places, count, f"opened {count} files")


def _attack(
    name: str, summary: str, requires: str, command: str, run: Callable[[Target], Attempt]
) -> Attack:
    return Attack(
        name=name,
        kind=BUILT_IN,
        summary=summary,
        type="/proc",
        targets="any process",
        requires=requires,
        refusal="EACCES from open",
        effect=READS,
        command=command,
        find_missing=find_nothing_missing,
        run=run,
    )


ATTACKS = (
    _attack(
        "proc-mem",
        "read /proc/PID/mem",
        PTRACE_ACCESS,
        'open("/proc/PID/mem"); pread(ADDRESS)',
        read_memory_file,
    ),
    _attack(
        "proc-environ",
        "read /proc/PID/environ",
        SAME_USER,
        'open("/proc/PID/environ"); read()',
        read_environment,
    ),
    _attack(
        "proc-maps",
        "find the secrets' addresses in /proc/PID/maps",
        SAME_USER,
        'open("/proc/PID/maps"); read()',
        read_map,
    ),
    _attack(
        "proc-fd",
        "open an unnamed file through /proc/PID/fd",
        SAME_USER,
        'open("/proc/PID/fd/N"); pread()',
        open_files,
    ),
)
