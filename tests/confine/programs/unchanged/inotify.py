"""Watch the current folder, and print the name of a file that is made there."""

import ctypes
import os

IN_CREATE = 0x100

libc = ctypes.CDLL(None)
fd = libc.inotify_init()
print(libc.inotify_add_watch(fd, b".", IN_CREATE))
open("made", "w").close()
print(os.read(fd, 4096)[16:20])
