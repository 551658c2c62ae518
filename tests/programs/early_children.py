"""Call harden_children() beside three children: a readable, a hardened, and one that has ended.

Print whether the report names the readable one alone, and whether it speaks of earlier children.
"""

import subprocess
import sys
from pathlib import Path

import process_hardening as ph

ph.pre_main_hardening()
wait = [sys.executable, str(Path(__file__).with_name("wait.py")), "hardened"]
readable = subprocess.Popen(["sleep", "60"])
hardened = subprocess.Popen(wait, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
assert hardened.stdout
hardened.stdout.readline()
ended = subprocess.Popen(["true"])
ended.wait()
report = ph.harden_children()
print(report.running == (readable.pid,))
print("children that were started earlier" in report.not_covered)
readable.kill()
hardened.kill()
