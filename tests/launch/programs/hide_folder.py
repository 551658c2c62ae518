"""Hide a folder in a mount namespace of this process, then become a program.

Usage: hide_folder.py FOLDER PROGRAM
"""

import ctypes
import os
import sys

CLONE_NEWNS = 0x20000
MS_REC, MS_PRIVATE = 1 << 14, 1 << 18

libc = ctypes.CDLL(None)
folder, program = sys.argv[1:]
assert not libc.unshare(CLONE_NEWNS)
assert not libc.mount(b"none", b"/", None, MS_PRIVATE | MS_REC, None)
assert not libc.mount(b"none", folder.encode(), b"tmpfs", 0, None)
os.execv(program, [program])
