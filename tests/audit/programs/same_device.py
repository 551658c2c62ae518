"""Mounts a tmpfs, and then FUSE in its place, which gets the same device number; as root.

Usage: same_device.py FOLDER, in a mount namespace of its own. Prints, as JSON, both numbers and
what find_file_system() says of each.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

from stopped_files import Server, mount  # type: ignore[import-not-found]

from process_hardening.audit.mounts import find_file_system


def look(folder: str) -> tuple[int, str | None]:
    """The device number, and what is said of it."""
    fd = os.open(folder, os.O_PATH)
    try:
        return os.fstat(fd).st_dev, find_file_system("/proc/self", fd)
    finally:
        os.close(fd)


def main() -> None:
    """Mount one after the other."""
    (folder,) = sys.argv[1:]
    subprocess.run(["mount", "-t", "tmpfs", "none", folder], check=True)
    first, kind = look(folder)
    subprocess.run(["umount", folder], check=True)
    fuse = mount(folder)
    control, end = os.pipe()
    if not os.fork():
        os.close(1)
        os.close(end)
        Server(fuse, b"").serve(control)
        os._exit(0)
    second, other = look(folder)
    print(json.dumps([[first, second], kind, other]))


main()
