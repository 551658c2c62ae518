"""Compares what check_child() expects of the user's site-packages with what Python does.

Usage: check_user_site.py FOLDER CASES, where CASES is a JSON list of [variables, options]. Prints a
line for each: what is expected, and whether a Python that is started so in FOLDER prints something.
"""

from __future__ import annotations

import json
import subprocess
import sys

from process_hardening.child_check import runs_user_site_first

folder = sys.argv[1]
for variables, options in json.loads(sys.argv[2]):
    expected = runs_user_site_first(variables, folder, "-E" in options)
    argv = [sys.executable, *options, "-c", ""]
    done = subprocess.run(argv, env=variables, cwd=folder, capture_output=True, check=True)
    print(json.dumps([expected, bool(done.stdout)]))
