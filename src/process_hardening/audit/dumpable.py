"""Finds out whether another process is dumpable, from the best source that this kernel offers."""

from __future__ import annotations

import fcntl
import os
from struct import Struct

from process_hardening.record import Record

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from process_hardening.audit.user_namespace import OwnUserNamespace

# include/uapi/linux/pidfd.h: struct pidfd_info: mask, cgroupid, pid, tgid, ppid, four pairs of
# ids, exit_code, coredump_mask. The bits of mask request fields, and then show which were filled
# in; coredump_mask has existed since Linux 6.16.
_PIDFD_INFO = Struct("=QQ3I8IiI4x")
_PIDFD_GET_INFO = 3 << 30 | _PIDFD_INFO.size << 16 | 0xFF << 8 | 11
_PIDFD_INFO_CREDS = 1 << 1
_PIDFD_INFO_COREDUMP = 1 << 4
_PIDFD_COREDUMP_SKIP, _PIDFD_COREDUMP_USER, _PIDFD_COREDUMP_ROOT = 2, 4, 8
_DUMPABLE = {_PIDFD_COREDUMP_SKIP: 0, _PIDFD_COREDUMP_USER: 1, _PIDFD_COREDUMP_ROOT: 2}
_DUMPABLE_BITS = sum(_DUMPABLE)

PIDFD = "pidfd"
OWNER = "owner"
PROBE = "probe"


class PidfdInfo(Record):
    """The values that PIDFD_GET_INFO reports; None: not in this kernel."""

    ppid: int | None = None
    uid: int | None = None
    gid: int | None = None
    dumpable: int | None = None


def read_pidfd_info(pidfd: int) -> PidfdInfo:
    """Ask the kernel about the process of a pidfd. Raises nothing.

    A seccomp filter can fake success, but cannot fill in the buffer, and 0 is not a valid value.
    """
    buffer = bytearray(_PIDFD_INFO.size)
    buffer[0] = _PIDFD_INFO_CREDS | _PIDFD_INFO_COREDUMP
    try:
        fcntl.ioctl(pidfd, _PIDFD_GET_INFO, buffer)
    except OSError:
        return PidfdInfo()  # an older kernel, or the process has ended
    mask, _, _, _, ppid, _, _, uid, gid, *_, core = _PIDFD_INFO.unpack(buffer)
    has_ids = mask & _PIDFD_INFO_CREDS
    return PidfdInfo(
        ppid=ppid if has_ids else None,
        uid=uid if has_ids else None,
        gid=gid if has_ids else None,
        dumpable=_DUMPABLE.get(core & _DUMPABLE_BITS) if mask & _PIDFD_INFO_COREDUMP else None,
    )


class Flag(Record):
    """The dumpable flag: its value, its source, and whether it allows inspection.

    dumpable -- 0, 1, 2; source -- PIDFD, OWNER or PROBE; None: unknown
    """

    dumpable: int | None = None
    source: str | None = None
    inspectable: bool | None = None


def _flag_of(dumpable: int) -> Flag:
    return Flag(dumpable=dumpable, source=PIDFD, inspectable=dumpable == 1)


_BY_PIDFD = {value: _flag_of(value) for value in _DUMPABLE.values()}


class FlagReader:
    """Reads dumpable flags, and caches what is the same for all processes.

    suid_dumpable -- fs.suid_dumpable; None: unknown
    """

    def __init__(self, namespace: OwnUserNamespace, suid_dumpable: int | None) -> None:
        self._namespace = namespace
        self._suid_dumpable = suid_dumpable

    def observe(self, pidfd: int | None, folder: int) -> Flag | int:
        """Return the flag or, if the kernel does not report it, the owner of the process's files.

        folder -- a descriptor of /proc/PID
        """
        if pidfd is not None:
            dumpable = read_pidfd_info(pidfd).dumpable
            if dumpable is not None:
                return _BY_PIDFD[dumpable]
        return os.stat("status", dir_fd=folder).st_uid

    def decide(
        self, observed: Flag | int, pid: int, uid: int | None, folder: int, fields: dict[str, bytes]
    ) -> Flag:
        """Return the flag of a process: reported, or inferred from the owner of its files.

        observed -- the result of observe(); fields -- those of its /proc/PID/status

        The files of a process that is not dumpable belong to root (fs/proc/base.c:
        task_dump_owner()). If the process runs as root, this shows nothing, so a probe is tried.
        """
        if isinstance(observed, Flag):
            return observed
        if uid is None:
            return Flag()
        if observed != uid:
            return self._concluded(False, OWNER)
        # In a user namespace whose root has this uid, it owns the files, dumpable or not.
        if not self._namespace.has_as_root(uid, folder):
            return self._concluded(True, OWNER)
        return self._concluded(self._probe(pid, folder, fields), PROBE)

    def _concluded(self, inspectable: bool | None, source: str) -> Flag:
        if inspectable is None:
            return Flag()
        if inspectable:
            return Flag(dumpable=1, source=source, inspectable=True)
        # With fs.suid_dumpable=2, the flag could be 0 or 2.
        is_zero = self._suid_dumpable in (0, 1)
        return Flag(dumpable=0 if is_zero else None, source=source, inspectable=False)

    def _probe(self, pid: int, folder: int, fields: dict[str, bytes]) -> bool | None:
        from process_hardening.audit import probe

        inspectable = probe.is_inspectable(pid, fields)
        # The directory still exists, so the pid was not reused.
        os.stat("status", dir_fd=folder)
        is_ours = self._namespace.is_shared_with(folder)
        return None if inspectable is False and not is_ours else inspectable
