"""The posture of one process, read from /proc and from its pidfd."""

from __future__ import annotations

import fcntl
import os
import select
import struct

import process_hardening
from process_hardening.errors import CommandError
from process_hardening.hardening import UNKNOWN, verdict_of
from process_hardening.posture.procfs import (
    parse_core_limit,
    parse_environ,
    parse_number,
    parse_status,
)
from process_hardening.variables import is_loader_variable

# include/uapi/linux/pidfd.h: struct pidfd_info with coredump_mask, asked for and told by a
# bit of its mask; since Linux 6.16.
_PIDFD_INFO = struct.Struct("=Q56xI4x")
_PIDFD_GET_INFO = 3 << 30 | _PIDFD_INFO.size << 16 | 0xFF << 8 | 11
_PIDFD_INFO_COREDUMP = 1 << 4
_PIDFD_COREDUMP_SKIP, _PIDFD_COREDUMP_USER, _PIDFD_COREDUMP_ROOT = 2, 4, 8
_DUMPABLE = {_PIDFD_COREDUMP_SKIP: 0, _PIDFD_COREDUMP_USER: 1, _PIDFD_COREDUMP_ROOT: 2}


class NoSuchProcessError(CommandError):
    """There is no process with that pid."""

    def __init__(self, pid: int) -> None:
        super().__init__(f"{pid}: no such process")


class Posture:
    """What the kernel says of one process; None: protected from us, or unknown.

    dumpable -- 0, 1 or 2; dumpable_source -- 'pidfd', 'owner' (of /proc/PID/status) or None
    core_limit -- (soft, hard) in bytes; tracer_pid -- 0: none
    loader_variables -- names in its initial environment
    has_memory -- whether it has any: kernel threads and zombies do not
    verdict -- 'hardened', 'partial', 'exposed' or 'unknown'
    """

    __slots__ = (
        "core_limit",
        "dumpable",
        "dumpable_source",
        "has_memory",
        "loader_variables",
        "name",
        "no_new_privs",
        "pid",
        "seccomp",
        "tracer_pid",
        "uid",
        "verdict",
    )

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.name = ""
        self.uid: int | None = None
        self.dumpable: int | None = None
        self.dumpable_source: str | None = None
        self.core_limit: tuple[int, int] | None = None
        self.no_new_privs: bool | None = None
        self.seccomp: int | None = None
        self.tracer_pid: int | None = None
        self.loader_variables: tuple[str, ...] | None = None
        self.has_memory = True
        self.verdict = UNKNOWN

    @property
    def inspectable(self) -> bool | None:
        """Whether another process of the same user may read its memory."""
        return None if self.dumpable is None else self.dumpable == 1


def _read(folder: int, name: str) -> bytes | None:
    """A file of a /proc/PID folder; None when it is protected. Raises ProcessLookupError."""
    try:
        fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
    except PermissionError:
        return None
    try:
        parts = []
        while part := os.read(fd, 1 << 20):
            parts.append(part)
        return b"".join(parts)
    except PermissionError:
        return None
    finally:
        os.close(fd)


def _dumpable_by_pidfd(pidfd: int) -> int | None:
    buffer = bytearray(_PIDFD_INFO.pack(_PIDFD_INFO_COREDUMP, 0))
    try:
        fcntl.ioctl(pidfd, _PIDFD_GET_INFO, buffer)
    except OSError:
        return None
    mask, coredump = _PIDFD_INFO.unpack(buffer)
    return _DUMPABLE.get(coredump) if mask & _PIDFD_INFO_COREDUMP else None


def _dumpable_by_owner(folder: int, uid: int | None) -> int | None:
    """Root owns the files of a non-dumpable process; of root's own processes that tells nothing."""
    owner = os.stat("status", dir_fd=folder).st_uid
    if not uid:
        return None
    return 1 if owner == uid else 0


def read_posture(pid: int) -> Posture:
    """Read the posture of a process. Raises NoSuchProcessError."""
    try:
        pidfd = os.pidfd_open(pid)
    except OSError:
        raise NoSuchProcessError(pid) from None
    try:
        folder = os.open(f"/proc/{pid}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        os.close(pidfd)
        if os.path.isdir("/proc/self"):
            raise NoSuchProcessError(pid) from None
        raise CommandError(f"/proc: {error.strerror}: mount it to read the posture") from None
    try:
        posture = _read_posture(pid, pidfd, folder)
    except (FileNotFoundError, ProcessLookupError):
        raise NoSuchProcessError(pid) from None
    finally:
        os.close(folder)
        os.close(pidfd)
    return posture


def _read_posture(pid: int, pidfd: int, folder: int) -> Posture:
    posture = Posture(pid)
    status = parse_status(_read(folder, "status") or b"")
    posture.name = status.get("Name", b"").decode("utf-8", "surrogateescape")
    posture.uid = parse_number(status, "Uid", 1)  # the effective one
    posture.tracer_pid = parse_number(status, "TracerPid")
    posture.seccomp = parse_number(status, "Seccomp")
    no_new_privs = parse_number(status, "NoNewPrivs")
    posture.no_new_privs = None if no_new_privs is None else bool(no_new_privs)
    posture.has_memory = "VmSize" in status

    posture.dumpable, posture.dumpable_source = _dumpable_by_pidfd(pidfd), "pidfd"
    if posture.dumpable is None:
        posture.dumpable, posture.dumpable_source = _dumpable_by_owner(folder, posture.uid), "owner"
    if posture.dumpable is None:
        posture.dumpable_source = None

    limits = _read(folder, "limits")
    posture.core_limit = parse_core_limit(limits) if limits else None
    try:
        environ = _read(folder, "environ")
    except ProcessLookupError:
        environ = None  # what has no memory, as a zombie, has no environment
    if environ is not None:
        names = parse_environ(environ, leave_out=process_hardening._preload_entry)
        posture.loader_variables = tuple(name for name in names if is_loader_variable(name))

    # A pid that ended meanwhile may be another process now; the pidfd tells.
    if select.select([pidfd], [], [], 0)[0]:
        posture.has_memory = False
    if posture.has_memory:
        posture.verdict = verdict_of(
            posture.inspectable, posture.core_limit, posture.tracer_pid, posture.loader_variables
        )
    return posture
