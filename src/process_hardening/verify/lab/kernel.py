"""System calls through ctypes. Each function raises OSError with the name of the call."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import signal
import struct
import sys

from process_hardening.audit.dumpable import read_pidfd_info

PTRACE_PEEKDATA = 2
PTRACE_POKEDATA = 5
PTRACE_ATTACH = 16
PTRACE_DETACH = 17
PTRACE_SEIZE = 0x4206
PTRACE_INTERRUPT = 0x4207

_WALL = 0x40000000  # __WALL of waitpid(2): wait for threads too
_PR_SET_PDEATHSIG, _PR_CAPBSET_DROP, _PR_SET_CHILD_SUBREAPER = 1, 24, 36
# The same on every architecture. A Python built with old headers has no os.pidfd_open().
_PIDFD_OPEN, _PIDFD_GETFD = 434, 438
_PERF_FLAG_FD_CLOEXEC = 1 << 3

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.restype = ctypes.c_long
_libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
_libc.syscall.restype = ctypes.c_long


class _Iovec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


def make_error(call: str) -> OSError:
    """Return the error of the last failed call."""
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number), call)


def ptrace(request: int, name: str, pid: int, address: int = 0, data: int = 0) -> int:
    """Make a ptrace request. name -- the name of the request, for errors."""
    ctypes.set_errno(0)
    result: int = _libc.ptrace(request, pid, address, data)
    if result == -1 and ctypes.get_errno():
        raise make_error(f"ptrace({name})")
    return result


def wait_for_stop(pid: int) -> None:
    """Wait until a tracee has stopped."""
    os.waitpid(pid, _WALL)


def peek(pid: int, address: int, length: int) -> bytes:
    """Read a stopped tracee's memory word by word."""
    size = ctypes.sizeof(ctypes.c_long)
    data = b""
    while len(data) < length:
        word = ptrace(PTRACE_PEEKDATA, "PTRACE_PEEKDATA", pid, address + len(data))
        data += word.to_bytes(size, sys.byteorder, signed=True)
    return data[:length]


def poke(pid: int, address: int, data: bytes) -> None:
    """Write whole words into a stopped tracee's memory."""
    size = ctypes.sizeof(ctypes.c_long)
    for offset in range(0, len(data), size):
        word = int.from_bytes(data[offset : offset + size], sys.byteorder)
        ptrace(PTRACE_POKEDATA, "PTRACE_POKEDATA", pid, address + offset, word)


def detach(pid: int) -> None:
    """Let a stopped tracee continue, without a signal."""
    ptrace(PTRACE_DETACH, "PTRACE_DETACH", pid)


def _process_vm(name: str, pid: int, buffer: ctypes.Array[ctypes.c_char], address: int) -> int:
    local = _Iovec(ctypes.addressof(buffer), len(buffer))
    remote = _Iovec(address, len(buffer))
    call = getattr(_libc, name)
    call.restype = ctypes.c_ssize_t
    done: int = call(
        pid,
        ctypes.byref(local),
        ctypes.c_ulong(1),
        ctypes.byref(remote),
        ctypes.c_ulong(1),
        ctypes.c_ulong(0),
    )
    if done < 0:
        raise make_error(name)
    return done


def process_vm_readv(pid: int, address: int, length: int) -> bytes:
    """Read another process's memory. The result is shorter if only its first part can be read."""
    buffer = ctypes.create_string_buffer(length)
    done = _process_vm("process_vm_readv", pid, buffer, address)
    return buffer.raw[:done]


def process_vm_writev(pid: int, address: int, data: bytes) -> None:
    """Write into another process's memory."""
    _process_vm("process_vm_writev", pid, ctypes.create_string_buffer(data, len(data)), address)


def pidfd_open(pid: int) -> int:
    """Return a descriptor that refers to a process."""
    fd: int = _libc.syscall(ctypes.c_long(_PIDFD_OPEN), pid, 0)
    if fd < 0:
        raise make_error("pidfd_open")
    return fd


def pidfd_getfd(pidfd: int, descriptor: int) -> int:
    """Duplicate another process's descriptor into this process."""
    fd: int = _libc.syscall(ctypes.c_long(_PIDFD_GETFD), pidfd, descriptor, 0)
    if fd < 0:
        raise make_error("pidfd_getfd")
    return fd


_PERF_EVENT_OPEN = {
    "x86_64": 298,
    "i686": 336,
    "aarch64": 241,
    "riscv64": 241,
    "armv7l": 364,
    "ppc64le": 319,
    "s390x": 331,
}


def perf_event_number() -> int | None:
    """Return the system call number of perf_event_open(2) here, or None if it is unknown."""
    return _PERF_EVENT_OPEN.get(platform.machine())


def perf_event_open(attributes: bytes, pid: int, cpu: int) -> int:
    """Return a descriptor that samples one thread on one CPU, or on all if cpu is -1."""
    number = perf_event_number()
    fd: int = _libc.syscall(
        ctypes.c_long(number or 0), attributes, pid, cpu, -1, ctypes.c_ulong(_PERF_FLAG_FD_CLOEXEC)
    )
    if fd < 0:
        raise make_error("perf_event_open")
    return fd


def is_dumpable(pid: int) -> bool | None:
    """Return whether a process can be read by other processes of its user; None: unknown.

    A seccomp filter can fake the success of a system call, but cannot fill in its result. Both
    calls made here return their result in a buffer that has a different value before the call.
    """
    try:
        pidfd = pidfd_open(pid)
    except OSError:
        return None
    try:
        dumpable = read_pidfd_info(pidfd).dumpable
    finally:
        os.close(pidfd)
    return _belongs_to_user(pid) if dumpable is None else dumpable == 1


def _belongs_to_user(pid: int) -> bool | None:
    """Return whether a process's user owns its /proc files: if so, it is dumpable (proc(5))."""
    buffer = (ctypes.c_uint32 * 64)(*[0xFFFFFFFF] * 64)  # stx_uid is the sixth number (statx(2))
    path = f"/proc/{pid}/status".encode()
    try:
        failed = _libc.statx(-1, path, 0, ctypes.c_uint(_STATX_UID), buffer)
    except AttributeError:
        return None
    if failed or buffer[_AT_UID] == 0xFFFFFFFF or not os.geteuid():
        return None
    return bool(buffer[_AT_UID] == os.geteuid())


_STATX_UID, _AT_UID = 8, 5

_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP = 4, 38, 22
_FSOPEN = 430  # the same on every architecture
_PRCTL = {"x86_64": 157, "i686": 172, "aarch64": 167, "riscv64": 167, "armv7l": 172, "s390x": 172}

# linux/filter.h, linux/seccomp.h
_LOAD, _IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_ANSWER, _ALLOW = 0x00050000, 0x7FFF0000
_NUMBER, _FIRST_ARGUMENT = 0, 16 if sys.byteorder == "little" else 20


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def _answer_call(number: int, error: int, first_argument: int | None = None) -> None:
    """From now on, make a system call of this process fail, or return 0 without executing.

    first_argument -- affects only calls with this first argument; None: all calls
    """
    code = [(_RETURN, 0, 0, _ANSWER | error), (_RETURN, 0, 0, _ALLOW)]
    conditions = [(_NUMBER, number)]
    if first_argument is not None:
        conditions.append((_FIRST_ARGUMENT, first_argument))
    for at, value in reversed(conditions):
        code = [(_LOAD, 0, 0, at), (_IF_EQUAL, 0, len(code) - 1, value), *code]
    program = _Program(len(code), b"".join(struct.pack("=HBBI", *line) for line in code))
    one, zero = ctypes.c_ulong(1), ctypes.c_ulong(0)
    if _libc.prctl(_PR_SET_NO_NEW_PRIVS, one, zero, zero, zero):
        raise make_error("prctl(PR_SET_NO_NEW_PRIVS)")
    if _libc.prctl(_PR_SET_SECCOMP, ctypes.c_ulong(2), ctypes.byref(program), zero, zero):
        raise make_error("prctl(PR_SET_SECCOMP)")


def refuse_fsopen() -> None:
    """Keep this process, and any program it executes, from making file systems. Raises OSError."""
    _answer_call(_FSOPEN, errno.ENOSYS)


def stay_dumpable() -> None:
    """Keep this process, and any program it executes, readable whatever it does. Raises OSError."""
    _answer_call(_PRCTL[platform.machine()], 0, _PR_SET_DUMPABLE)


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent exits."""
    _libc.prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL), 0, 0, 0)


def adopt_orphans() -> None:
    """Become the parent of orphaned descendants."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(1), 0, 0, 0)


# The capabilities (capability.h) that Docker leaves to root in a container: no CAP_SYS_PTRACE.
CONTAINER_CAPABILITIES = frozenset({0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31})
_CAPABILITY_VERSION_3 = 0x20080522


def keep_capabilities(kept: frozenset[int]) -> None:
    """Drop all capabilities but these, for this process and its descendants."""
    for capability in range(64):
        # This fails with EINVAL after the last capability that the kernel supports.
        if capability not in kept:
            _libc.prctl(_PR_CAPBSET_DROP, ctypes.c_ulong(capability), 0, 0, 0)
    mask = sum(1 << capability for capability in kept)
    low, high = mask & 0xFFFFFFFF, mask >> 32
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    current = (ctypes.c_uint32 * 6)()
    if _libc.capget(header, current):
        raise make_error("capget")
    data = (ctypes.c_uint32 * 6)(
        current[0] & low, current[1] & low, 0, current[3] & high, current[4] & high, 0
    )
    if _libc.capset(header, data):
        raise make_error("capset")
