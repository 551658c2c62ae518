"""Crash a process as an assertion that fails does, and read the core that is piped to a program.

Type: core dump
API: kill(SIGABRT)
Needs: kernel.core_pattern may be set (root); it is restored
Refused looks like: no core appears
"""

from __future__ import annotations

import signal

from process_hardening.verify.attacks.builtin.dumping import core_attack

ATTACK = core_attack("core-pipe-abort", signal.SIGABRT, pipe=True)
