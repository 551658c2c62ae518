"""Harden, print the verdict, then run a Python program (the argument) and print what cat sees."""

import subprocess
import sys

import process_hardening as ph

ph.pre_main_hardening()
print(ph.status().verdict, flush=True)
subprocess.run([sys.executable, sys.argv[1]], check=True)
subprocess.run(["cat", "/proc/self/environ"], check=True)
