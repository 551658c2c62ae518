"""Print which files of /proc/self cannot be opened; arguments: hardened or plain, and names."""

import sys
from pathlib import Path

import process_hardening as ph

if sys.argv[1] == "hardened":
    ph.pre_main_hardening()
for name in sys.argv[2:]:
    try:
        Path("/proc/self", name).open("rb").close()
    except PermissionError:
        print(name)
