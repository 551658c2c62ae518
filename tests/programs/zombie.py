"""Print the pid of a child that has ended and is not waited for, then wait for standard input."""

import os
import sys

child = os.fork()
if not child:
    os._exit(0)
os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
print(child, flush=True)
sys.stdin.readline()
