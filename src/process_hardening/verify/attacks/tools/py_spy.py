"""py-spy: the stacks of a Python process with the values of local variables.

Type: profiler
Targets: CPython
Needs: py-spy
Refused looks like: "Permission Denied" or, under hidepid, "Failed to open process"
"""

from __future__ import annotations

from process_hardening.verify.model import READS, Attempt, Target
from process_hardening.verify.attacks.tools.running import find, needs_program, run_tool, tool_attack


def run(target: Target) -> Attempt:
    """Have it print the stacks."""
    argv = [find("py-spy") or "py-spy", "dump", "--locals", "--locals", "--pid", str(target.pid)]
    return run_tool(target, argv)


ATTACK = tool_attack(
    name="py-spy",
    summary="py-spy prints stacks with local variables",
    effect=READS,
    command="py-spy dump --locals --locals --pid PID",
    needs=needs_program("py-spy", "pip install py-spy"),
    run=run,
)
