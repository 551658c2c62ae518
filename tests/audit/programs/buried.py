"""Becomes a copy of a program, in folders whose path is longer than the kernel reports.

buried.py PROGRAM FOLDER [ARGUMENT...]
"""

from __future__ import annotations

import os
import shutil
import sys

os.chdir(sys.argv[2])
for _ in range(24):
    os.mkdir("d" * 200)
    os.chdir("d" * 200)
shutil.copy(sys.argv[1], "buried")
os.execv("./buried", ["buried", *sys.argv[3:]])
