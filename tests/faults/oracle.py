"""What an attacker finds in a process, and what the kernel says of it: not one line of ours."""

from __future__ import annotations

import ctypes
import fcntl
import os
import struct
from collections.abc import Callable
from pathlib import Path

_PIDFD_INFO = struct.Struct("=Q56xI4x")  # include/uapi/linux/pidfd.h
_PIDFD_GET_INFO = 3 << 30 | _PIDFD_INFO.size << 16 | 0xFF << 8 | 11
_DUMPABLE = {2: 0, 4: 1, 8: 2}
_SYS_CAPSET = {"x86_64": 126}.get(os.uname().machine, 91)
_NO_CAPABILITIES = struct.pack("=Ii", 0x20080522, 0), bytes(24)
# CAP_SYS_MODULE, _RAWIO, _ADMIN, _NICE and _PERFMON: what confine takes from root.
BYPASSING = 1 << 16 | 1 << 17 | 1 << 21 | 1 << 23 | 1 << 38

_libc = ctypes.CDLL(None, use_errno=True)


def _in_child(user: int, work: Callable[[], bytes]) -> bytes:
    """Do something as an unprivileged user, or as a root without capabilities; b"" if it fails."""
    source, sink = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
            _libc.syscall(_SYS_CAPSET, *map(ctypes.c_char_p, _NO_CAPABILITIES))
            os.write(sink, work())
        finally:
            os._exit(0)
    os.close(sink)
    with open(source, "rb") as file:
        found = file.read()
    os.waitpid(pid, 0)
    return found


def read_memory(user: int, pid: int, place: int, length: int) -> bytes:
    """What a process of a user reads of the memory of another one; b"" if it is refused."""

    def work() -> bytes:
        with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
            return os.pread(memory.fileno(), length, place)

    return _in_child(user, work)


def read_dumpable(pid: int) -> int:
    """The dumpable flag of a process; -1 if the kernel does not tell (before Linux 6.16)."""
    try:
        pidfd = os.pidfd_open(pid)
    except OSError:
        return -1
    info = bytearray(_PIDFD_INFO.pack(1 << 4, 0))
    try:
        fcntl.ioctl(pidfd, _PIDFD_GET_INFO, info)
    except OSError:
        return -1
    finally:
        os.close(pidfd)
    mask, coredump = _PIDFD_INFO.unpack(info)
    return _DUMPABLE.get(coredump, -1) if mask & 1 << 4 else -1


def read_environment(pid: int) -> bytes:
    """The initial environment of a process, as root reads it."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


def read_core_limit(pid: int) -> list[str]:
    """The core limit of a process: soft and hard."""
    for line in Path(f"/proc/{pid}/limits").read_text().splitlines():
        if line.startswith("Max core file size"):
            return line.split()[4:6]
    return []


def read_status(pid: int, name: str) -> str:
    """A line of /proc/PID/status."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return line.partition(":")[2].strip()
    return ""


def has_descriptor(pid: int, number: int) -> bool:
    """Whether a process has a descriptor open."""
    return os.path.lexists(f"/proc/{pid}/fd/{number}")


class Outside:
    """An unhardened process of a user, which a confined one must not reach; ends with the block."""

    def __init__(self, user: int) -> None:
        self.buffer = ctypes.create_string_buffer(b"not hardened" + bytes(32))
        self.place = ctypes.addressof(self.buffer)
        ready, done = os.pipe()
        self._waits, self._end = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
            _libc.prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE, which the change of user took away
            os.close(self._end)
            os.write(done, b"0")
            os.read(self._waits, 1)
            os._exit(0)
        os.close(done)
        os.read(ready, 1)
        os.close(ready)

    def close(self) -> None:
        """End it."""
        os.close(self._end)
        os.close(self._waits)
        os.waitpid(self.pid, 0)
