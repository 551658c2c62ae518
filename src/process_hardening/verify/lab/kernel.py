"""System calls through ctypes. Each raises OSError with the name of the call."""

from __future__ import annotations

import ctypes
import os
import platform
import signal

PTRACE_PEEKDATA = 2
PTRACE_ATTACH = 16
PTRACE_DETACH = 17
PTRACE_SEIZE = 0x4206
PTRACE_INTERRUPT = 0x4207

_WALL = 0x40000000  # __WALL of waitpid(2): threads too
_PR_SET_PDEATHSIG, _PR_CAPBSET_DROP, _PR_SET_CHILD_SUBREAPER = 1, 24, 36
_PIDFD_GETFD = 438  # the same on every architecture
_PERF_FLAG_FD_CLOEXEC = 1 << 3

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.restype = ctypes.c_long
_libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
_libc.syscall.restype = ctypes.c_long


class _Iovec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


def make_error(call: str) -> OSError:
    """The error of the call that failed last."""
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number), call)


def ptrace(request: int, name: str, pid: int, address: int = 0, data: int = 0) -> int:
    """Make a request. name -- the request's name, for an error."""
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
        data += word.to_bytes(size, "little" if _LITTLE else "big", signed=True)
    return data[:length]


_LITTLE = ctypes.c_int.from_buffer_copy(b"\1\0\0\0").value == 1


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
    """The part of another process's memory that can be read."""
    buffer = ctypes.create_string_buffer(length)
    done = _process_vm("process_vm_readv", pid, buffer, address)
    return buffer.raw[:done]


def process_vm_writev(pid: int, address: int, data: bytes) -> None:
    """Write into another process's memory."""
    _process_vm("process_vm_writev", pid, ctypes.create_string_buffer(data, len(data)), address)


def pidfd_getfd(pidfd: int, descriptor: int) -> int:
    """Our own descriptor of the same open file."""
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
    """The number of perf_event_open(2) on this machine, or None when it is unknown."""
    return _PERF_EVENT_OPEN.get(platform.machine())


def perf_event_open(attributes: bytes, pid: int) -> int:
    """A descriptor that samples one thread on any processor."""
    number = perf_event_number()
    fd: int = _libc.syscall(
        ctypes.c_long(number or 0), attributes, pid, -1, -1, ctypes.c_ulong(_PERF_FLAG_FD_CLOEXEC)
    )
    if fd < 0:
        raise make_error("perf_event_open")
    return fd


def die_with_parent() -> None:
    """Be killed when the parent ends."""
    _libc.prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL), 0, 0, 0)


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ended."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(1), 0, 0, 0)


# capability.h: what Docker leaves to root in a container; CAP_SYS_PTRACE is not among it.
CONTAINER_CAPABILITIES = frozenset({0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31})
_CAPABILITY_VERSION_3 = 0x20080522


def keep_capabilities(kept: frozenset[int]) -> None:
    """Drop all other capabilities, for this process and what it starts."""
    for capability in range(64):
        # EINVAL beyond the last that the kernel knows.
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
