"""Print what the process PID lets us take: its standard output, its environment, its memory."""

import ctypes
import os
import sys

PIDFD_GETFD = 438

pid = int(sys.argv[1])
if ctypes.CDLL(None).syscall(PIDFD_GETFD, os.pidfd_open(pid), 1, 0) >= 0:
    print("stdout")
for name in ("environ", "mem"):
    try:
        os.close(os.open(f"/proc/{pid}/{name}", os.O_RDONLY))
        print(name)
    except OSError:
        continue
