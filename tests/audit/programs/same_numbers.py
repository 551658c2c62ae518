"""Mounts a tmpfs, and then FUSE in its place, which gets the same numbers; as root.

Usage: same_numbers.py FOLDER, in a mount namespace of its own. Prints, as JSON, for
each the device number, the mount id, what find_file_system() says, and whether a file was opened.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from stopped_files import Server, mount  # type: ignore[import-not-found]

from process_hardening.audit.mounts import find_file_system
from process_hardening.audit.program_files import ProgramOpener, parse_mount_id

PROC = os.open("/proc", os.O_PATH)
SELF = os.open("/proc/self", os.O_PATH)
OPENER = ProgramOpener(PROC)


def look(folder: str) -> tuple[int, str, str | None, bool]:
    """Return the device number, the mount id, and what is made of them."""
    opened = OPENER.open(SELF, f"root{folder}/file")
    if opened is not None:
        os.close(opened)
    fd = os.open(folder, os.O_PATH)
    try:
        mount_id = parse_mount_id(Path(f"/proc/self/fdinfo/{fd}").read_bytes()).decode()
        kind = find_file_system("/proc/self", fd)
        return os.fstat(fd).st_dev, mount_id, kind, opened is not None
    finally:
        os.close(fd)


def main() -> None:
    """Mount one after the other."""
    (folder,) = sys.argv[1:]
    subprocess.run(["mount", "-t", "tmpfs", "none", folder], check=True)
    Path(folder, "file").touch()
    first = look(folder)
    subprocess.run(["umount", folder], check=True)
    fuse = mount(folder)
    control, end = os.pipe()
    if not os.fork():
        os.close(1)
        os.close(end)
        Server(fuse, b"").serve(control)
        os._exit(0)
    print(json.dumps([first, look(folder)]))


main()
