"""Opens the programs of other processes, unless that could block.

On a file system that a user serves (FUSE), every read waits for the server. Opening a file with
O_PATH does not wait, and the mount of that descriptor shows whether a read would.
"""

from __future__ import annotations

import os
import select
from functools import cached_property

from process_hardening.audit.file_systems import NEVER_WAITING, READABLE
from process_hardening.audit.procfiles import read_file, read_rest

LONGEST_LIST = 1 << 20
"""How many bytes to read of the mounts of another process."""


def parse_mount_id(text: bytes) -> bytes:
    """Return the mount id in /proc/PID/fdinfo/FD; b"" if there is none (proc(5))."""
    return text.partition(b"mnt_id:")[2].split(b"\n", 1)[0].strip()


def parse_mounts(text: bytes) -> dict[bytes, tuple[bytes, str]]:
    """Parse /proc/PID/mountinfo into {mount id: (device as MAJOR:MINOR, type)}; proc(5)."""
    mounts = {}
    for line in text.split(b"\n"):
        before, dash, after = line.partition(b" - ")
        words = before.split(b" ", 3)
        if dash and len(words) > 3:
            mounts[words[0]] = (words[2], after.split(b" ", 1)[0].decode("ascii", "replace"))
    return mounts


_NS_GET_USERNS = 0xB701  # ioctl_nsfs(2)
_MFD_NOEXEC_SEAL = 8  # with vm.memfd_noexec=2, the kernel demands it


def only_root_mounts_for(folder: int) -> bool:
    """Return whether only root of our user namespace can mount in a process's mount namespace.

    That is so in most containers. Call it after reading the mounts of the process: an ordinary
    process cannot come back to a mount namespace that it has left. Raises OSError.

    folder -- a descriptor of /proc/PID
    """
    import fcntl

    namespace = os.open("ns/mnt", os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
    try:
        owner = fcntl.ioctl(namespace, _NS_GET_USERNS)
    except OSError:  # a user namespace that is not below ours, or a kernel without namespaces
        return False
    finally:
        os.close(namespace)
    try:
        return os.path.samestat(os.fstat(owner), os.stat("/proc/self/ns/user"))
    finally:
        os.close(owner)


class OwnMounts:
    """The types of the file systems that are mounted here, by mount id and by device.

    The kernel uses the numbers of a file system again as soon as it is gone, so refresh() while the
    file in question is open. Reading the list costs milliseconds on a machine with thousands of
    mounts, so it is read again only if the kernel says that it has changed
    (proc_pid_mountinfo(5), mounts_poll() in fs/proc_namespace.c).

    root -- a descriptor of /proc; None: that of /proc itself
    """

    def __init__(self, root: int | None = None) -> None:
        self._root = root
        self._fd = -1
        self._poll = select.poll()
        self.by_id: dict[bytes, str] = {}
        self.by_device: dict[bytes, str] = {}

    def refresh(self) -> None:
        """Read the list if it has changed. Raises OSError."""
        if self._fd < 0:
            name = "/proc/self/mountinfo" if self._root is None else "self/mountinfo"
            self._fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._root)
            self._poll.register(self._fd, select.POLLPRI)
        elif not self._poll.poll(0):
            return
        os.lseek(self._fd, 0, os.SEEK_SET)
        mounts = parse_mounts(read_rest(self._fd))
        self.by_id = {mount: kind for mount, (_, kind) in mounts.items()}
        self.by_device = dict(mounts.values())

    def close(self) -> None:
        """Close the list."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class ProgramOpener:
    """Opens the programs of processes.

    root -- a descriptor of /proc
    """

    def __init__(self, root: int) -> None:
        self._root = root
        self._mounts = OwnMounts(root)

    def close(self) -> None:
        """Close the list of mounts."""
        self._mounts.close()

    def open(self, folder: int, name: str = "exe") -> int | None:
        """Open the program that a process runs; None if that could block.

        folder -- a descriptor of /proc/PID; name -- a link in it. Raises OSError.
        """
        fd = os.open(name, os.O_PATH | os.O_CLOEXEC, dir_fd=folder)
        try:
            if not self._asks_nobody(fd, folder):
                return None
            flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
            return os.open(f"self/fd/{fd}", flags, dir_fd=self._root)
        finally:
            os.close(fd)

    def _read_mount(self, fd: int) -> bytes:
        """Return the mount id of an open file. Unlike fstat(2), this asks no file system."""
        return parse_mount_id(read_file(self._root, f"self/fdinfo/{fd}") or b"")

    @cached_property
    def _mount_of_memory(self) -> bytes | None:
        """The mount id of files in memory (memfd_create(2)), which no list of mounts has.

        None if this Python was built for a glibc without memfd_create(), before 2.27.
        """
        if not hasattr(os, "memfd_create"):
            return None
        for flags in (_MFD_NOEXEC_SEAL | os.MFD_CLOEXEC, os.MFD_CLOEXEC):
            try:
                fd = os.memfd_create("", flags)
            except OSError:  # Linux before 6.3 does not know the first flag
                continue
            try:
                return self._read_mount(fd)
            finally:
                os.close(fd)
        return None

    def _asks_nobody(self, fd: int, folder: int) -> bool:
        mount = self._read_mount(fd)
        self._mounts.refresh()
        if mount in self._mounts.by_id:
            return self._mounts.by_id[mount] in READABLE
        if mount == self._mount_of_memory:
            return True
        theirs = parse_mounts(read_file(folder, "mountinfo", LONGEST_LIST) or b"")
        device, kind = theirs.get(mount, (b"", ""))
        if kind in NEVER_WAITING or kind not in READABLE:
            return kind in NEVER_WAITING
        # A device that is mounted here too is not private to the process.
        return device in self._mounts.by_device or only_root_mounts_for(folder)
