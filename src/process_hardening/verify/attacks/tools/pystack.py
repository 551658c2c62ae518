"""pystack: the stacks of a Python process with the values of local variables.

Type: profiler
Targets: CPython
Needs: pystack
Refused looks like: "Operation not permitted"
"""

from __future__ import annotations

from process_hardening.verify.model import READS, Attempt, Target
from process_hardening.verify.attacks.tools.running import find, needs_program, run_tool, tool_attack


def run(target: Target) -> Attempt:
    """Have it print the stacks."""
    argv = [find("pystack") or "pystack", "remote", "--locals", "--no-block", str(target.pid)]
    return run_tool(target, argv)


ATTACK = tool_attack(
    name="pystack",
    summary="pystack prints stacks with local variables",
    effect=READS,
    command="pystack remote --locals --no-block PID",
    needs=needs_program("pystack", "pip install pystack"),
    run=run,
)
