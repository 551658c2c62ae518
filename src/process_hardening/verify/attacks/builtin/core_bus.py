"""Crash a process as a mapped file that was cut does, and read the core that goes to a file.

Type: core dump
API: kill(SIGBUS)
Needs: kernel.core_pattern writes files, or may be set; a hard core limit above 0
Refused looks like: no core appears
"""

from __future__ import annotations

import signal

from process_hardening.verify.attacks.builtin.dumping import core_attack

ATTACK = core_attack("core-bus", signal.SIGBUS, pipe=False)
