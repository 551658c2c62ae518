"""gcore: a core dump of a running process, by GDB.

Type: debugger
Targets: any program
Needs: gcore, which comes with gdb
Refused looks like: "ptrace: Operation not permitted.", "gcore: failed to create core.PID"
"""

from __future__ import annotations

from process_hardening.verify.model import READS, Attempt, Target
from process_hardening.verify.attacks.tools.running import find, needs_program, run_tool, tool_attack


def run(target: Target) -> Attempt:
    """Have it write a core of the process."""
    return run_tool(target, [find("gcore") or "gcore", "-o", "core", str(target.pid)])


ATTACK = tool_attack(
    name="gcore",
    summary="gcore writes a core of the running process",
    effect=READS,
    command="gcore -o core PID",
    needs=needs_program("gcore", "apt-get install gdb"),
    run=run,
)
