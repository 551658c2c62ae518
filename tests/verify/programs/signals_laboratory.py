"""Send a signal to the laboratory: the first of our ancestors that is a process of our user."""

import os
import signal
import sys
from pathlib import Path


def find_parent(pid: int) -> int:
    """Return the parent of a process."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


pid = os.getpid()
while Path(f"/proc/{find_parent(pid)}").stat().st_uid == os.getuid():
    pid = find_parent(pid)
os.kill(pid, int(sys.argv[1]))
signal.pause()
