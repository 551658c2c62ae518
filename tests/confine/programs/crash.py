"""Make another process leave a core, as a process of its user that wants its memory.

Usage: crash.py WAY PID, where WAY is a name in WAYS. Ends with 1 and an error's line when refused.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import resource
import signal
import socket
import struct
import sys
from collections.abc import Callable
from typing import NoReturn

F_SETOWN_EX, F_OWNER_TID = 15, 0  # asm-generic/fcntl.h
FIOSETOWN, SIOCSPGRP = 0x8901, 0x8902  # asm-generic/sockios.h

libc = ctypes.CDLL(None, use_errno=True)


def set_limit(pid: int, which: int, soft: int) -> None:
    """Set a soft limit; resource.prlimit() says ValueError for EPERM."""
    _, hard = resource.prlimit(pid, which)
    limit = struct.pack("@qq", soft, hard)
    if libc.prlimit64(pid, which, limit, None):
        raise OSError(ctypes.get_errno(), "prlimit refused")


def send_signal(pid: int) -> None:
    """Send it a signal that dumps core."""
    os.kill(pid, signal.SIGSEGV)


def queue_signal(pid: int) -> None:
    """Send it one by way of a pidfd."""
    signal.pidfd_send_signal(os.pidfd_open(pid), signal.SIGSEGV)


def signal_group(pid: int) -> None:
    """Send one to its process group."""
    os.killpg(os.getpgid(pid), signal.SIGSEGV)


def limit_processor_time(pid: int) -> None:
    """Have the kernel send SIGXCPU: at once, or before Linux 5.4 once it has used a second."""
    set_limit(pid, resource.RLIMIT_CPU, 0)


def limit_file_size(pid: int) -> None:
    """Have the kernel send SIGXFSZ, once it writes behind a megabyte."""
    set_limit(pid, resource.RLIMIT_FSIZE, 1 << 20)


def signal_owner(owner: int) -> None:
    """Have a socket send SIGSEGV to its owner."""
    ours, theirs = socket.socketpair()
    fcntl.fcntl(ours, fcntl.F_SETOWN, owner)
    fcntl.fcntl(ours, fcntl.F_SETSIG, signal.SIGSEGV)
    fcntl.fcntl(ours, fcntl.F_SETFL, os.O_ASYNC)
    theirs.send(b"x")


def set_owner(end: socket.socket, pid: int) -> None:
    """Make a process the owner of a socket."""
    fcntl.fcntl(end, fcntl.F_SETOWN, pid)


def set_owning_thread(end: socket.socket, pid: int) -> None:
    """Make one thread the owner."""
    fcntl.fcntl(end, F_SETOWN_EX, struct.pack("@ii", F_OWNER_TID, pid))


def call_ioctl(request: int) -> Callable[[socket.socket, int], None]:
    """The same by a request of ioctl(2)."""
    return lambda end, pid: (fcntl.ioctl(end, request, struct.pack("@i", pid)), None)[1]


def send_io(own: Callable[[socket.socket, int], None], pid: int) -> None:
    """Have a socket send SIGIO to its owner, whom that ends without a core."""
    ours, theirs = socket.socketpair()
    own(ours, pid)
    fcntl.fcntl(ours, fcntl.F_SETFL, os.O_ASYNC)
    theirs.send(b"x")


WAYS: dict[str, Callable[[int], None]] = {
    "signal": send_signal,
    "pidfd": queue_signal,
    "group": signal_group,
    "processor time": limit_processor_time,
    "file size": limit_file_size,
    "descriptor": signal_owner,
    "descriptor of a group": lambda pid: signal_owner(-os.getpgid(pid)),
    "F_SETOWN": lambda pid: send_io(set_owner, pid),
    "F_SETOWN of a group": lambda pid: send_io(set_owner, -os.getpgid(pid)),
    "F_SETOWN_EX": lambda pid: send_io(set_owning_thread, pid),
    "FIOSETOWN": lambda pid: send_io(call_ioctl(FIOSETOWN), pid),
    "SIOCSPGRP": lambda pid: send_io(call_ioctl(SIOCSPGRP), pid),
}


def main() -> NoReturn:
    """Raise the core limit as far as that goes, then crash it."""
    way, pid = sys.argv[1], int(sys.argv[2])
    try:
        set_limit(pid, resource.RLIMIT_CORE, resource.prlimit(pid, resource.RLIMIT_CORE)[1])
    except OSError as error:
        print(error)
    try:
        WAYS[way](pid)
    except OSError as error:
        sys.exit(str(error))
    sys.exit(0)


if __name__ == "__main__":
    main()
