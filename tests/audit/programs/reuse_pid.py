"""Let a new process have the pid of one that an audit has seen, and print what another one sees.

Prints the names of both processes, as JSON. Runs as root, in a pid namespace with its own /proc.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path

from process_hardening.audit import take
from process_hardening.audit.posture import Posture


def see(pid: int, seen: Iterable[Posture] = ()) -> list[Posture]:
    """Audit all processes, and return the postures, that of the process first."""
    found = [entry.posture for entry in take(seen=seen).entries]
    return sorted(found, key=lambda posture: posture.pid != pid)


first = subprocess.Popen(["/usr/bin/sleep", "100"])
before = see(first.pid)
first.kill()
first.wait()
Path("/proc/sys/kernel/ns_last_pid").write_text(str(first.pid - 1))
with subprocess.Popen(["/usr/bin/tail", "-f", "/dev/null"]) as second:
    assert second.pid == first.pid
    after = see(second.pid, before)
    second.kill()
print(json.dumps([before[0].name, after[0].name]))
