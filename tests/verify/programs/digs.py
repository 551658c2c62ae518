"""Make FOLDER with DEPTH levels, each with a file; without FOLDER, make one in HOME and wait.

    python digs.py DEPTH [FOLDER]

HOME is verify's own folder if root started it.
"""

import os
import sys
import time
from contextlib import suppress


def dig(folder: str, depth: int) -> None:
    """Make the folder."""
    os.mkdir(folder)
    os.chdir(folder)
    for _ in range(depth):
        os.close(os.open("file", os.O_CREAT | os.O_CLOEXEC))
        os.mkdir("d")
        os.chdir("d")


if len(sys.argv) > 2:
    dig(sys.argv[2], int(sys.argv[1]))
else:
    with suppress(FileExistsError):  # one is enough for all victims
        dig(f"{os.environ['HOME']}/deep", int(sys.argv[1]))
    time.sleep(600)
