"""Where there is no room, the image is put elsewhere, or nothing is started: never by preload."""

from __future__ import annotations

import os
import subprocess

import pytest

import starts
import support

MEMORY = "(deleted)"  # the end of the path of a file in memory


@pytest.mark.parametrize(
    "call",
    ["fsopen", "fsconfig", "fsmount", "mkdirat", "clone", "socketpair", "setns", "unshare"],
)
def test_without_room_for_a_file_system_of_its_own_the_stand_in_is_in_memory(
    harden: str, show: str, call: str
) -> None:
    """Each step of making the place finds its table full."""
    shown = starts.show([*starts.refusing(f"{call}=ENOSPC"), harden, show])

    assert shown.value("image").endswith(MEMORY)
    assert (shown.value("dumpable"), shown.value("root owns")) == ("0", "1")


@pytest.mark.parametrize(
    ("calls", "method"),
    [
        (("memfd_create=ENOSPC", "fsopen=ENOSPC"), "auto"),
        (("memfd_create=ENOSPC", "mkdirat=ENOSPC"), "auto"),
        (("execveat=ENOSPC",), "auto"),
        (("sendfile=ENOSPC",), "copy"),
    ],
    ids=["descriptors", "folders", "exec", "contents"],
)
def test_without_room_anywhere_nothing_is_started(
    harden: str, show: str, calls: tuple[str, ...], method: str
) -> None:
    """Another process can use up the room, so it must not bring about a preload."""
    result = support.run_as_user([*starts.refusing(*calls), harden, "--method", method, show])

    assert "(ENOSPC)" in starts.refused(result)


def in_full_folders(room: str, *command: str) -> subprocess.CompletedProcess[str]:
    """As root, run a command as the user where no program can be in memory.

    room -- the size of /var/tmp, less a page; /dev/shm is full, and nobody can write to /tmp
    """
    support.require_root()
    user = ["setpriv", "--reuid", str(support.USER), "--regid", str(support.USER), "--clear-groups"]
    script = (
        "mount --bind /tmp /tmp && mount -o remount,bind,ro /tmp"
        " && mount -t tmpfs -o size=4k,mode=1777 none /dev/shm"
        f" && mount -t tmpfs -o size={room},mode=1777 none /var/tmp"
        " && head -c 4096 /dev/zero | tee /dev/shm/full > /var/tmp/full"
        ' && exec "$@"'
    )
    return support.run(
        [
            *("unshare", "-m", "sh", "-c", script, "sh", *user),
            *(*starts.refusing("memfd_create=EPERM"), *command),
        ]
    )


def test_a_full_temporary_folder_does_not_matter_where_another_has_room(
    harden: str, show: str
) -> None:
    """The helper's program is a few kilobytes."""
    shown = starts.Shown(in_full_folders("1m", harden, show).stdout)

    assert (shown.value("dumpable"), shown.value("image")) == ("0", os.path.realpath(show))


def test_full_temporary_folders_lead_to_one_line(harden: str, show: str) -> None:
    """Two file systems of one page, which is taken."""
    result = in_full_folders("4k", harden, show)

    assert "No space left on device (ENOSPC)" in starts.refused(result)


@pytest.mark.parametrize("limit", ["max_user_namespaces", "max_mnt_namespaces"])
def test_a_limit_of_namespaces_takes_the_programs_own_path_alone(
    harden: str, show: str, limit: str
) -> None:
    """The kernel answers ENOSPC. The limit is that of a user namespace of its own."""
    script = f'echo 0 > /proc/sys/user/{limit} && exec "$@"'
    shown = starts.show(["unshare", "-Ur", "sh", "-c", script, "sh", harden, show])

    assert (shown.value("dumpable"), shown.value("image")[-len(MEMORY) :]) == ("0", MEMORY)
