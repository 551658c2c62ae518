"""Prints how many generations are below each process, and its dumpable flag, as JSON.

Usage: family.py GENERATIONS. With HARDEN=1 in the environment each process hardens itself.
"""

import ctypes
import json
import os
import subprocess
import sys

PR_GET_DUMPABLE = 3

depth = int(sys.argv[1])
hardens = os.environ.get("HARDEN") == "1"
if hardens:
    import process_hardening as ph

    ph.pre_main_hardening()
rows = [[depth, ctypes.CDLL(None).prctl(PR_GET_DUMPABLE, 0, 0, 0, 0)]]
if depth:
    env = ph.child_env() if hardens and depth == 1 else None
    child = [sys.executable, __file__, str(depth - 1)]
    rows += json.loads(subprocess.check_output(child, env=env))
print(json.dumps(rows))
