"""Crash a process as a bad pointer does, and read the core that is piped to a program.

Type: core dump
API: kill(SIGSEGV)
Needs: kernel.core_pattern may be set (root); it is restored
Refused looks like: no core appears
"""

from __future__ import annotations

import signal

from process_hardening.verify.attacks.builtin.dumping import core_attack

ATTACK = core_attack("core-pipe-segv", signal.SIGSEGV, pipe=True)
