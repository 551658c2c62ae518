"""The system calls of the attacks, through ctypes. Each raises OSError with the call's name."""

from __future__ import annotations

import ctypes
import os
import platform
import signal
from collections.abc import Iterator

from process_hardening.verify.model import Target

PTRACE_PEEKDATA = 2
PTRACE_ATTACH = 16
PTRACE_DETACH = 17
PTRACE_SEIZE = 0x4206
PTRACE_INTERRUPT = 0x4207

_PIDFD_GETFD = 438  # the same on every architecture

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.restype = ctypes.c_long
_libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
_libc.syscall.restype = ctypes.c_long


class _Iovec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


def refusal(call: str) -> OSError:
    """The error of the call that failed last, to be raised."""
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number), call)


def ptrace(request: int, name: str, pid: int, address: int = 0, data: int = 0) -> int:
    """Make a request; name is what an error calls it."""
    ctypes.set_errno(0)
    result: int = _libc.ptrace(request, pid, address, data)
    if result == -1 and ctypes.get_errno():
        raise refusal(f"ptrace({name})")
    return result


def wait_for_stop(pid: int) -> None:
    """Wait until a tracee has stopped."""
    os.waitpid(pid, 0x40000000)  # __WALL


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
    """Let a stopped tracee go on, without a signal."""
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
        raise refusal(name)
    return done


def process_vm_readv(pid: int, address: int, length: int) -> bytes:
    """What could be read of another process's memory."""
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
        raise refusal("pidfd_getfd")
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
    """The number of perf_event_open(2) on this machine, if known."""
    return _PERF_EVENT_OPEN.get(platform.machine())


def perf_event_open(attributes: bytes, pid: int) -> int:
    """Watch one thread on any processor."""
    number = perf_event_number()
    fd: int = _libc.syscall(
        ctypes.c_long(number or 0), attributes, pid, -1, -1, ctypes.c_ulong(1 << 3)
    )
    if fd < 0:
        raise refusal("perf_event_open")
    return fd


def regions(maps: bytes) -> Iterator[tuple[int, int]]:
    """The regions that can be written, as (start, end), in the text of /proc/PID/maps."""
    for line in maps.splitlines():
        bounds, _, rest = line.partition(b" ")
        if rest.startswith(b"rw"):
            start, _, end = bounds.partition(b"-")
            yield int(start, 16), int(end, 16)


ANY_ADDRESS = 0x10000
"""Where to read when nothing is known: a right is checked before an address."""


def places_to_read(target: Target) -> list[tuple[int, int]]:
    """Where to look in the target's memory, as (address, length): where it told us, else all."""
    if target.addresses:
        return [
            (target.addresses[place], len(needle))
            for place, needle in target.needles.items()
            if place in target.addresses
        ]
    try:
        with open(f"/proc/{target.pid}/maps", "rb") as file:
            return [(start, end - start) for start, end in regions(file.read())]
    except OSError:
        return [(ANY_ADDRESS, 64)]


def die_with_parent() -> None:
    """Be killed when the parent ends."""
    _libc.prctl(1, ctypes.c_ulong(signal.SIGKILL), 0, 0, 0)


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ended (PR_SET_CHILD_SUBREAPER)."""
    _libc.prctl(36, ctypes.c_ulong(1), 0, 0, 0)


# capability.h: what Docker leaves to root in a container; CAP_SYS_PTRACE is not among it.
CONTAINER_CAPABILITIES = frozenset({0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31})
_CAPABILITY_VERSION_3 = 0x20080522


def keep_capabilities(kept: frozenset[int]) -> None:
    """Give up all other capabilities, for this process and what it will start."""
    for capability in range(64):
        # EINVAL beyond the last that the kernel knows.
        if capability not in kept:
            _libc.prctl(24, ctypes.c_ulong(capability), 0, 0, 0)  # PR_CAPBSET_DROP
    mask = sum(1 << capability for capability in kept)
    low, high = mask & 0xFFFFFFFF, mask >> 32
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    current = (ctypes.c_uint32 * 6)()
    if _libc.capget(header, current):
        raise refusal("capget")
    data = (ctypes.c_uint32 * 6)(
        current[0] & low, current[1] & low, 0, current[3] & high, current[4] & high, 0
    )
    if _libc.capset(header, data):
        raise refusal("capset")
