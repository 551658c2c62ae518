"""Finds out on which file system a file is that another process uses.

Only mounts that nobody but root can have made are believed, and f_type of statfs(2). In a namespace
of their own, users can mount an overlay on a file system that they serve (FUSE): it is as good as
that one, but its type does not show what is below. And a device number or a mount id belongs to
another file system as soon as the one that had it is gone, so the mounts are read while the file is
open.
"""

from __future__ import annotations

import os
import sys

from process_hardening.audit.file_systems import NAMES, STACKED
from process_hardening.audit.procfiles import read_file
from process_hardening.audit.program_files import (
    LONGEST_LIST,
    OwnMounts,
    only_root_mounts_for,
    parse_mount_id,
    parse_mounts,
)

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from typing import Literal, TypeAlias

    ByteOrder: TypeAlias = Literal["little", "big"]

_OURS = OwnMounts()


def find_file_system(path: str, fd: int) -> str | None:
    """Return the name of the file system of a file; None: unknown, or a user may serve it.

    path -- the path of /proc/PID, of the process that uses the file
    fd -- of the file, O_PATH is enough

    Of what is not mounted here, f_type decides: it does not tell virtiofs from FUSE, and 9p may
    give another one. May block, and raises OSError.
    """
    _OURS.refresh()
    mount = _read_mount_id(fd)
    if mount in _OURS.by_id:
        return _OURS.by_id[mount]
    device = _read_device(fd)
    if device not in _OURS.by_device:
        # A file on an overlay can have a device number that no mount has; its folders have that of
        # the overlay (ovl_map_dev_ino() in fs/overlayfs/inode.c).
        root = os.open(f"{path}/root", os.O_PATH | os.O_CLOEXEC)
        try:
            if _read_mount_id(root) == mount:
                device = _read_device(root)
        finally:
            os.close(root)
    if device in _OURS.by_device:
        return _OURS.by_device[device]
    name = _name_of_f_type(fd)
    return None if name in STACKED and not _is_mounted_by_root(path, mount) else name


def _is_mounted_by_root(path: str, mount: bytes) -> bool:
    folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        mounts = read_file(folder, "mountinfo", LONGEST_LIST) or b""
        return mount in parse_mounts(mounts) and only_root_mounts_for(folder)
    finally:
        os.close(folder)


def _read_device(fd: int) -> bytes:
    device = os.fstat(fd).st_dev
    return b"%d:%d" % (os.major(device), os.minor(device))


def _read_mount_id(fd: int) -> bytes:
    with open(f"/proc/self/fdinfo/{fd}", "rb") as file:
        return parse_mount_id(file.read())


def parse_f_type(statfs: bytes, machine: str, word: int, order: ByteOrder) -> int:
    """Return f_type, with which struct statfs begins: a long, but on s390x an unsigned int.

    machine -- as in os.uname(); word, order -- the size of a long there, and its byte order

    Sources: include/uapi/asm-generic/statfs.h, arch/s390/include/uapi/asm/statfs.h.
    """
    size = 4 if machine == "s390x" else word
    return int.from_bytes(statfs[:size], order) & 0xFFFFFFFF  # some are negative as a long


def _name_of_f_type(fd: int) -> str | None:
    import ctypes

    buffer = (ctypes.c_long * 64)()
    if ctypes.CDLL(None).fstatfs(fd, buffer):
        return None
    word = ctypes.sizeof(ctypes.c_long)
    return NAMES.get(parse_f_type(bytes(buffer), os.uname().machine, word, sys.byteorder))
