"""Attack each thread of the parent, and print a line for each attack: its name and what it got.

Usage: attack_parent.py ADDRESS SIZE, where the secret is. It changes nothing in the parent.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from pathlib import Path

ATTACH, DETACH = 16, 17  # ptrace(2)
WAIT_ALL = 0x40000000  # __WALL: threads too
TGKILL = {"x86_64": 234, "aarch64": 131}[os.uname().machine]
PIDFD_OPEN, PIDFD_GETFD = 434, 438
OF_THREAD = os.O_EXCL  # PIDFD_THREAD

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
parent = os.getppid()
address, size = map(int, sys.argv[1:])


class Range(ctypes.Structure):
    """A struct iovec."""

    _fields_ = (("start", ctypes.c_void_p), ("size", ctypes.c_size_t))


def check(result: int) -> int:
    """Raise what a call of libc failed with."""
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def open_memory(thread: int) -> bytes:
    """Read the secret from the thread's mem."""
    with open(f"/proc/{parent}/task/{thread}/mem", "rb", buffering=0) as file:
        return os.pread(file.fileno(), size, address)


def read_environment(thread: int) -> bytes:
    """Read the thread's environ."""
    return Path(f"/proc/{parent}/task/{thread}/environ").read_bytes()


def read_by_call(thread: int) -> bytes:
    """Read the secret by process_vm_readv."""
    buffer = ctypes.create_string_buffer(size)
    ours, theirs = Range(ctypes.addressof(buffer), size), Range(address, size)
    check(libc.process_vm_readv(thread, ctypes.byref(ours), 1, ctypes.byref(theirs), 1, 0))
    return buffer.raw


def attach(thread: int) -> bytes:
    """Trace the thread and let go of it."""
    check(libc.ptrace(ATTACH, thread, None, None))
    os.waitpid(thread, WAIT_ALL)
    check(libc.ptrace(DETACH, thread, None, None))
    return b"done"


def take_descriptor(thread: int) -> bytes:
    """Take a copy of its standard output."""
    handle = check(libc.syscall(PIDFD_OPEN, thread, OF_THREAD))
    check(libc.syscall(PIDFD_GETFD, handle, 1, 0))
    return b"done"


def send_signal(thread: int) -> bytes:
    """Find out whether a signal could be sent."""
    check(libc.syscall(TGKILL, parent, thread, 0))
    return b"done"


ATTACKS: dict[str, Callable[[int], bytes]] = {
    "mem": open_memory,
    "environ": read_environment,
    "process_vm_readv": read_by_call,
    "ptrace": attach,
    "pidfd_getfd": take_descriptor,
    "tgkill": send_signal,
}

for name in sorted(os.listdir(f"/proc/{parent}/task")):
    for attack, make in ATTACKS.items():
        try:
            got = make(int(name)).replace(b"\0", b" ").decode()
        except OSError as error:
            got = f"errno {error.errno}"
        print(attack, got, flush=True)
