"""Enter a folder whose path is longer than the kernel shows, then become the given program."""

import os
import sys

for _ in range(25):
    os.mkdir("x" * 200)
    os.chdir("x" * 200)
os.execv(sys.argv[1], sys.argv[1:])
