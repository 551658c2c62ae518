"""Reads the threads of a process, which can end and start others meanwhile."""

from __future__ import annotations

import os

from process_hardening.audit.procfs import parse_asked, parse_number

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_THREADS = 1000
"""A limit on what a hostile process can make us read; docs/audit.md lists its cost."""


class TooManyThreadsError(Exception):
    """The process has too many threads, or starts them faster than they can be read."""


def walk_threads(path: str) -> Iterator[str]:
    """Yield the name of each thread, including those that start in the meantime.

    A thread can start another and end before its turn, and whoever traces it then traces the other
    one (PTRACE_O_TRACECLONE). At the end, every thread that still runs has been yielded.

    path -- the path of /proc/PID/task

    Raises TooManyThreadsError, and OSError if the process has ended.
    """
    seen: set[str] = set()
    while new := [name for name in os.listdir(path) if name not in seen]:
        seen.update(new)
        if len(seen) > MOST_THREADS:
            raise TooManyThreadsError
        yield from new


def find_tracer(path: str) -> int | None:
    """Return the tracer of any thread of a process; 0: none; None: unknown.

    The status of the process covers only its first thread.

    path -- the path of /proc/PID/task. Raises ValueError, and OSError if the process has ended.
    """
    tracer: int | None = 0
    try:
        for name in walk_threads(path):
            try:
                with open(f"{path}/{name}/status", "rb", buffering=0) as file:
                    fields = parse_asked(file.read())
            except PermissionError:
                tracer = None
                continue
            except (FileNotFoundError, ProcessLookupError):
                continue
            found = parse_number(fields, "TracerPid")
            if found:
                return found
            tracer = None if found is None else tracer
    except TooManyThreadsError:
        return None
    return tracer
