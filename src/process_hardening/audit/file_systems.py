"""The file systems whose files can be read, by whom a read waits for: the only list of them.

A file system that a user serves (FUSE) is not among them: a read waits for the server, which can
answer a reader differently from a process that has mapped the file.

Each name is that of mountinfo, each number the f_type of statfs(2). Sources:
include/uapi/linux/magic.h, and the file systems' own files, where FS_USERNS_MOUNT marks those that
a user can mount.
"""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from typing import TypeAlias

    Types: TypeAlias = dict[str, int | None]

# On disk or in memory: a read waits for no process, whoever mounted it.
_IN_KERNEL: Types = {
    "bcachefs": 0xCA451A4E,
    "btrfs": 0x9123683E,
    "erofs": 0xE0F5E1E2,
    "ext2": 0xEF53,
    "ext3": 0xEF53,
    "ext4": 0xEF53,
    "f2fs": 0xF2F52010,
    "jfs": 0x3153464A,
    "ramfs": 0x858458F6,
    "rootfs": None,  # a ramfs or tmpfs
    "squashfs": 0x73717368,
    "tmpfs": 0x01021994,
    "xfs": 0x58465342,
    "zfs": 0x2FC12FC1,
}
# Users can mount it in namespaces of their own, on what they serve, and it is as good as that.
_STACKED: Types = {"overlay": 0x794C7630}
# Only root can mount them, and a read waits for a server.
_SERVED: Types = {
    "9p": 0x01021997,  # if the server says so; QEMU's gives that of its own file system
    "ceph": 0x00C36400,
    "cifs": 0xFF534D42,
    "nfs": 0x6969,
    "nfs4": 0x6969,
    "smb3": 0xFE534D42,
    "virtiofs": None,  # that of FUSE
}

STACKED = frozenset(_STACKED)
"""On these, nothing is known of a file unless the file system is mounted here as well.

Only root can mount it in our mount namespace, and knows what is below. That is also where the root
file systems of containers are mounted, seen from the host; and in a container, its own is.
"""

LOCAL = frozenset((*_IN_KERNEL, *_STACKED))
"""On these, only root of this machine can make a file that belongs to root.

Of a disk that was written elsewhere, whoever lets users mount it says the same; udisks mounts USB
sticks for the user in front of the screen. For STACKED, see there.
"""

READABLE = LOCAL | frozenset(_SERVED)
"""On these, a reader sees what is mapped, and consumes nothing. The read may wait."""

NEVER_WAITING = frozenset(_IN_KERNEL)
"""On these, a read never waits."""

NAMES = {
    f_type: name
    for table in (_SERVED, _STACKED, _IN_KERNEL)
    for name, f_type in table.items()
    if f_type is not None
}
"""A name for each f_type."""
