"""Prints whether children of this interpreter are hardened where LD_PRELOAD is not handed on.

Usage: check_children.py ENV..., each a JSON object: the environment of a child. Prints what
check_child() says of Python in each of them, without and with -S; the verdict of a child that was
started with the first; and whether harden_children() knows the start-up hook.
"""

import json
import subprocess
import sys

import process_hardening as ph

VERDICT = "import process_hardening as ph; print(ph.status().verdict)"

ph.harden_children()
envs = [json.loads(word) for word in sys.argv[1:]]
for env in envs:
    for flags in ([], ["-S"]):
        check = ph.check_child([sys.executable, *flags, "-c", ""], env)
        print(check.by, check.reason)
sys.stdout.flush()
subprocess.run([sys.executable, "-c", VERDICT], env=envs[0], check=True)
report = ph.harden_children()
print(report.hook, any("with any environment variables" in kind for kind in report.covered))
