"""Have the dynamic loader load an auditor that gives the process's memory away.

Type: injection
API: LD_AUDIT (rtld-audit(7); glibc)
Needs: the environment in which the target is started; a C compiler
Refused looks like: the auditor is not in the process once it holds its secrets
"""

from __future__ import annotations

from process_hardening.verify.attacks.builtin.injecting import injecting_attack

ATTACK = injecting_attack("ld-audit", "LD_AUDIT", "inject an auditor that gives the memory away")
