#!/usr/bin/env python3
"""A gdb that attacks the control, and claims that a victim which undid its hardening refused."""

import os
import re
import sys

pid = sys.argv[sys.argv.index("-p") + 1]
with open(f"/proc/{pid}/cmdline", "rb") as file:
    is_control = b"--undo" not in file.read()
if not is_control:
    sys.exit("ptrace: Operation not permitted.")
memory = os.open(f"/proc/{pid}/mem", os.O_RDONLY)
for word in sys.argv:
    dump = re.fullmatch(r"dump binary memory (\S+) (\d+) (\d+)", word)
    if dump:
        name, start, end = dump.groups()
        with open(name, "wb") as file:
            file.write(os.pread(memory, int(end) - int(start), int(start)))
