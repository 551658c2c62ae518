"""Removes folders that other processes may fill: shutil.rmtree() fails where they are deep."""

from __future__ import annotations

import errno
import os
import time
from contextlib import suppress

_REMOVE_SECONDS = 60.0  # a disk may need a millisecond for each folder


def remove_tree(folder: str) -> None:
    """Remove a folder and everything in it, however deep, if it exists.

    Whoever may write there can do so meanwhile. No link is followed. Raises OSError; TimeoutError
    if others add to the folder for too long.
    """
    deadline = time.monotonic() + _REMOVE_SECONDS
    try:
        top = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
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
    with suppress(FileNotFoundError):
        try:
            os.unlink(name, dir_fd=top)
        except IsADirectoryError:
            _move_up(name, top)
            with suppress(OSError):  # not empty, if somebody added to it: the caller tries again
                os.rmdir(name, dir_fd=top)


def _move_up(name: str, top: int) -> None:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(name, flags, dir_fd=top)
    try:
        with suppress(PermissionError):  # another user's: only root can change it
            os.fchmod(fd, 0o700)
            os.fchown(fd, os.geteuid(), -1)  # from now on, nobody can add to it
        for entry in os.listdir(fd):
            with suppress(FileNotFoundError):
                try:
                    os.unlink(entry, dir_fd=fd)
                except IsADirectoryError:
                    os.rename(entry, os.urandom(8).hex(), src_dir_fd=fd, dst_dir_fd=top)
    finally:
        os.close(fd)
