"""Joins a process group of its session and reads the terminal: the kernel stops the group."""

import os
import sys

os.setpgid(0, int(sys.argv[1]))
os.read(os.open("/dev/tty", os.O_RDONLY), 1)
