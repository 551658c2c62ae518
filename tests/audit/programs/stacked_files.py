"""Mounts an overlay on a file system of FUSE, and goes on in the background to serve that; as root.

Usage: stacked_files.py FOLDER FILE, in a mount namespace of its own. FOLDER then has a file with
the name and the content of FILE, until standard input ends.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

from stopped_files import Server, mount  # type: ignore[import-not-found]


def main() -> None:
    """Serve in a child, and mount the overlay."""
    folder, path = sys.argv[1:]
    with open(path, "rb") as file:
        content = file.read()
    below = tempfile.mkdtemp(dir=folder)
    fuse = mount(below)
    if not os.fork():
        os.close(1)
        Server(fuse, content, os.path.basename(path)).serve(0)
        os._exit(0)
    os.close(fuse)
    empty = tempfile.mkdtemp(dir=folder)
    options = f"ro,userxattr,lowerdir={below}:{empty}"
    subprocess.run(["mount", "-t", "overlay", "-o", options, "none", folder], check=True)


main()
