"""Calls harden_children() with 0 to 9 free descriptors, beside a child that others can read.

Prints a line for each: whether the report names the child, and whether it speaks of earlier ones.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess

import process_hardening as ph

child = subprocess.Popen(["sleep", "60"])
try:
    ph.harden_children()
    used = len(os.listdir("/proc/self/fd")) - 1
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    reports = []
    for free in range(10):
        resource.setrlimit(resource.RLIMIT_NOFILE, (used + free, most))
        reports.append(ph.harden_children())
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
finally:
    child.kill()
for report in reports:
    is_said = "children that were started earlier" in report.not_covered
    print(json.dumps([report.running == (child.pid,), is_said]))
