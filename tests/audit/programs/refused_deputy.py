"""Ask a deputy that cannot be started; print how many descriptors each attempt leaves open."""

from __future__ import annotations

import os
import resource

from process_hardening.audit.deputy import Deputy, NoAnswerError


def count_open() -> int:
    """The number of our descriptors."""
    return len(os.listdir("/proc/self/fd"))


def ask(limit: int, most: int) -> None:
    """Ask below a limit, which keeps it from answering; print how many descriptors are left."""
    folder = os.open("/proc/self", os.O_RDONLY)
    before = count_open()
    soft, hard = resource.getrlimit(limit)
    resource.setrlimit(limit, (most, hard))
    try:
        Deputy().identify(folder, ["/"])
        print("it was answered")
    except NoAnswerError:
        resource.setrlimit(limit, (soft, hard))
        print(count_open() - before)
    os.close(folder)


def main() -> None:
    """Ask with room for up to three of four descriptors, then with room for no process."""
    next_free = os.dup(0)
    os.close(next_free)
    for more in range(1, 5):
        ask(resource.RLIMIT_NOFILE, next_free + more)
    ask(resource.RLIMIT_NPROC, 0)


if __name__ == "__main__":
    main()
