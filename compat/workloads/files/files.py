"""Lock, watch, rename and link files; map one into memory."""

import ctypes
import fcntl
import mmap
import os
import subprocess
import sys
from pathlib import Path

TRY = "import fcntl; fcntl.{call}(open('{name}', 'w'), fcntl.LOCK_EX | fcntl.LOCK_NB)"
CREATE = 0x100  # IN_CREATE of inotify(7)


def lock(call: str) -> None:
    """Hold a lock that another process cannot have."""
    with open(call, "w") as file:
        getattr(fcntl, call)(file, fcntl.LOCK_EX)
        script = TRY.format(call=call, name=call)
        other = subprocess.run([sys.executable, "-c", script], stderr=subprocess.DEVNULL)
        print(call, other.returncode)


def watch() -> None:
    """See a file that is made."""
    libc = ctypes.CDLL(None)
    watcher = libc.inotify_init()
    libc.inotify_add_watch(watcher, b"one", CREATE)
    Path("one/made").write_text("text\n")
    print(os.read(watcher, 4096)[16:20])


lock("flock")
lock("lockf")
watch()
os.rename("one/made", "two/made")
os.link("two/made", "one/moved")
print(os.stat("one/moved").st_nlink)
with open("two/made", "r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
    memory[:4] = b"TEXT"
print(Path("one/moved").read_text().strip())
