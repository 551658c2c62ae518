"""strace: watch the system calls of a running process, with the data that goes through them.

Type: tracer
Targets: any program that passes its secret to the kernel while it is watched
Needs: strace
Refused looks like: "strace: attach: ptrace(PTRACE_SEIZE, PID): Operation not permitted"
"""

from __future__ import annotations

from process_hardening.verify.model import READS, Attempt, Target
from process_hardening.verify.attacks.tools.running import find, needs_program, run_tool, tool_attack


def run(target: Target) -> Attempt:
    """Watch for a moment."""
    argv = [find("strace") or "strace", "-f", "-s", "4096", "-o", "calls", "-p", str(target.pid)]
    return run_tool(target, argv, seconds=1.5, until_leak=True)


ATTACK = tool_attack(
    name="strace",
    summary="strace watches the data in system calls",
    effect=READS,
    command="strace -f -s 4096 -o calls -p PID",
    needs=needs_program("strace", "apt-get install strace"),
    run=run,
)
