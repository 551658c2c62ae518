"""Removes folders that other processes may fill: shutil.rmtree() fails where they are deep."""

from __future__ import annotations

import errno
import os
import time
from contextlib import suppress

_REMOVE_SECONDS = 60.0  # a disk may need a millisecond for each folder
_FOLDER = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove_tree(folder: str) -> None:
    """Remove a folder and everything in it, however deep, if it exists.

    Whoever may write there can do so meanwhile. No link is followed. Raises OSError; TimeoutError
    if others add to the folder for too long.
    """
    deadline = time.monotonic() + _REMOVE_SECONDS
    try:
        top = os.open(folder, _FOLDER | os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        while names := os.listdir(top):
            for name in names:
                if time.monotonic() > deadline:
                    raise TimeoutError(errno.ETIMEDOUT, "other processes keep adding to it", folder)
                _remove_entry(name, top)
    finally:
        os.close(top)
    with suppress(FileNotFoundError):
        os.rmdir(folder)


def _remove_entry(name: str, top: int) -> None:
    """Remove an entry of an open folder. The folders in it are moved up, and are next."""
    with suppress(FileNotFoundError, NotADirectoryError):  # replaced: the caller tries again
        if not _delete(name, top):
            _move_up(name, top)
            with suppress(OSError):  # not empty, if somebody added to it: the caller tries again
                os.rmdir(name, dir_fd=top)


def _move_up(name: str, top: int) -> None:
    fd = os.open(name, _FOLDER | os.O_RDONLY, dir_fd=top)
    try:
        with suppress(PermissionError):  # another user's: only root can change it
            os.fchown(fd, os.geteuid(), -1)  # from now on, nobody can add to it
        for entry in os.listdir(fd):
            with suppress(FileNotFoundError, NotADirectoryError):
                if not _delete(entry, fd):
                    os.rename(entry, os.urandom(8).hex(), src_dir_fd=fd, dst_dir_fd=top)
    finally:
        os.close(fd)


def _delete(name: str, parent: int) -> bool:
    """Delete a file or an empty folder. Returns False for any other folder, made writable for us.

    Moving a folder changes its "..", so an ordinary user cannot move a read-only one.
    """
    try:
        os.unlink(name, dir_fd=parent)
        return True
    except IsADirectoryError:
        pass
    try:
        os.rmdir(name, dir_fd=parent)
        return True
    except OSError:  # probably not empty
        pass
    fd = os.open(name, _FOLDER | os.O_PATH, dir_fd=parent)  # it may be unreadable
    try:
        with suppress(PermissionError):  # another user's
            os.chmod(f"/proc/self/fd/{fd}", 0o700)
    finally:
        os.close(fd)
    return False
