"""hypno: run code in a Python process.

Type: injection
Targets: CPython
Needs: hypno, which uses pyinjector
Refused looks like: "pyinjector.PyInjectorError: ... Operation not permitted"
"""

from __future__ import annotations

import sys

from process_hardening.verify.model import CHANGES, Attempt, Target
from process_hardening.verify.attacks.tools.running import needs_module, payload, run_tool, tool_attack


def run(target: Target) -> Attempt:
    """Have the process write its strings into a file."""
    code, path = payload(target)
    argv = [sys.executable, "-m", "hypno", str(target.pid), code]
    return run_tool(target, argv, wait_for=path, command=ATTACK.command)


ATTACK = tool_attack(
    name="hypno",
    summary="hypno runs Python code in it",
    effect=CHANGES,
    command="python -m hypno PID CODE",
    needs=needs_module("hypno"),
    run=run,
)
