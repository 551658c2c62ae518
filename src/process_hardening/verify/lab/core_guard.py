"""Set kernel.core_pattern for the laboratory, and restore it whatever happens.

    python -m process_hardening.verify.lab.core_guard FILE-PATTERN PIPE-PATTERN FOLDER

This is the only part of verify that keeps root's privileges. It reads the lines "file", "pipe" or
"restore" from standard input, and answers each with "ok" or an error. When its input ends, for
whatever reason, it restores the pattern, removes FOLDER and exits. It also does so on SIGUSR1, and
if its parent has ended but the laboratory, which another user can stop, keeps the input open. It
has its own session, so signals from the terminal do not reach it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import signal
import sys
import time
from contextlib import suppress

from process_hardening.verify.lab.removal import remove_tree

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

# What the pattern makes of a core, and what restores it.
CORE_FILE = "file"
CORE_PIPE = "pipe"
RESTORE = "restore"
OK = "ok"
END = signal.SIGUSR1
PATTERN = "/proc/sys/kernel/core_pattern"
MAX_LENGTH = 127  # the kernel's CORENAME_MAX_SIZE, less the NUL
PIPED = "%u-%d/%p"
"""The file to which the kernel pipes a core: user, dump mode and pid, as in core(5).

Only the folder for the attacker's user and dump mode 1 exists, so the cores of other users and of
set-user-ID programs are not written.
"""
_LOCK_SECONDS = 30.0
_ORPHANED_SECONDS = 4  # the laboratory needs some time to stop its victims


def read_pattern() -> bytes:
    """Return the current pattern."""
    with open(PATTERN, "rb", buffering=0) as file:
        return file.read().rstrip(b"\n")


def write_pattern(pattern: bytes) -> None:
    """Set the pattern. Raises OSError."""
    with open(PATTERN, "wb", buffering=0) as file:
        file.write(pattern or b"\n")


class Setting:
    """kernel.core_pattern during a run: locked against other runs, restored at the end."""

    def __init__(self) -> None:
        self.file: BinaryIO | None = None
        self.before = b""
        self.ours: bytes | None = None

    def set(self, pattern: bytes) -> None:
        """Set the pattern. Raises OSError, for example if another run holds the lock too long."""
        if self.file is None:
            file = open(PATTERN, "rb", buffering=0)  # noqa: SIM115 -- the open file holds the lock
            deadline = time.monotonic() + _LOCK_SECONDS
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        file.close()
                        raise OSError(errno.EBUSY, "another program holds the lock") from None
                    time.sleep(0.05)
            self.file = file
            self.before = read_pattern()
        write_pattern(pattern)
        self.ours = pattern

    def restore(self) -> None:
        """Restore the pattern, unless another program has changed it since."""
        if self.file is None:
            return
        if self.ours is not None and read_pattern() == self.ours:
            write_pattern(self.before)
        self.ours = None
        self.file.close()
        self.file = None


def _read_requests() -> Iterator[str]:
    """Yield each request, until the input ends or our parent has been dead for a while."""
    parent = os.getppid()
    orphaned = 0
    while orphaned <= _ORPHANED_SECONDS:
        if select.select([0], [], [], 1.0)[0]:
            line = sys.stdin.buffer.readline()  # whoever asks waits for the answer
            if not line:
                return
            yield line.strip().decode()
        elif os.getppid() != parent:
            orphaned += 1


def _end(_number: int, _frame: object) -> None:
    raise EOFError


def main(file_pattern: str, pipe_pattern: str, folder: str) -> None:
    """Serve until standard input ends."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(END, _end)
    patterns = {CORE_FILE: os.fsencode(file_pattern), CORE_PIPE: os.fsencode(pipe_pattern)}
    setting = Setting()
    try:
        for wanted in _read_requests():
            try:
                if wanted in patterns:
                    setting.set(patterns[wanted])
                else:
                    setting.restore()
                answer = OK
            except OSError as error:
                answer = error.strerror or "failed"
            try:
                os.write(1, answer.encode() + b"\n")
            except BrokenPipeError:
                break
    except EOFError:
        pass
    finally:
        setting.restore()
        with suppress(OSError):
            remove_tree(folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
