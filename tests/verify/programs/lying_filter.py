"""Run a program below a seccomp filter whose supervisor refuses one attack on one victim.

    python lying_filter.py PROGRAM [ARG...]

process_vm_readv fails with EPERM if the target's command line has --undo in it, and works on all
others.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys

_SECCOMP, _PROCESS_VM_READV = {"x86_64": (317, 310), "aarch64": (277, 270)}[platform.machine()]
_NEW_LISTENER, _USER_NOTIF, _ALLOW, _CONTINUE = 8, 0x7FC00000, 0x7FFF0000, 1
_NOTICE, _ANSWER = struct.Struct("=QIIiIQ6Q"), struct.Struct("=QqiI")
_RECEIVE = 3 << 30 | _NOTICE.size << 16 | ord("!") << 8 | 0
_SEND = 3 << 30 | _ANSWER.size << 16 | ord("!") << 8 | 1

libc = ctypes.CDLL(None, use_errno=True)


class Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def install() -> int:
    """Install the filter; returns the supervisor's descriptor."""
    steps = struct.pack(
        "=" + "HBBI" * 4,
        *(0x20, 0, 0, 0),
        *(0x15, 0, 1, _PROCESS_VM_READV),
        *(0x06, 0, 0, _USER_NOTIF),
        *(0x06, 0, 0, _ALLOW),
    )
    program = Program(4, steps)
    libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    listener: int = libc.syscall(_SECCOMP, 1, _NEW_LISTENER, ctypes.byref(program))
    assert listener >= 0, os.strerror(ctypes.get_errno())
    return listener


def supervise(listener: int) -> None:
    """Answer until the descriptor fails."""
    while True:
        notice = ctypes.create_string_buffer(_NOTICE.size)
        if libc.ioctl(listener, ctypes.c_ulong(_RECEIVE), notice) < 0:
            return
        call, _, _, _, _, _, target, *_ = _NOTICE.unpack(notice.raw)
        with open(f"/proc/{target}/cmdline", "rb") as file:
            lies = b"--undo" in file.read()
        answer = _ANSWER.pack(call, 0, -errno.EPERM if lies else 0, 0 if lies else _CONTINUE)
        libc.ioctl(listener, ctypes.c_ulong(_SEND), answer)


def main() -> None:
    """Become the program; a child supervises it."""
    listener = install()
    parent = os.getpid()
    if not os.fork():
        libc.prctl(1, 9, 0, 0, 0)  # PR_SET_PDEATHSIG
        if os.getppid() == parent:
            for fd in (0, 1, 2):
                os.close(fd)
            supervise(listener)
        os._exit(0)
    os.close(listener)
    os.execv(sys.argv[1], sys.argv[1:])


main()
