"""Have the dynamic loader load a library that gives the process's memory away.

Type: injection
API: LD_PRELOAD
Needs: the environment in which the target is started; a C compiler
Refused looks like: the library is not in the process once it holds its secrets
"""

from __future__ import annotations

from process_hardening.verify.attacks.builtin.injecting import injecting_attack

ATTACK = injecting_attack("ld-preload", "LD_PRELOAD", "inject a library that gives the memory away")
