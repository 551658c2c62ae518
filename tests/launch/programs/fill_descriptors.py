"""Use all descriptors up, then become a program; with `kept` after it, exec closes none."""

import os
import resource
import sys

resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8))
for fd in range(3, 8):
    os.dup2(0, fd, inheritable="kept" in sys.argv)
os.execv(sys.argv[1], sys.argv[1:2])
