"""GDB: attach, copy memory, detach.

Type: debugger
Targets: any program
Needs: gdb
Refused looks like: "ptrace: Operation not permitted."; the exit status is 0 all the same
"""

from __future__ import annotations

from process_hardening.verify.lab.kernel import places_to_read
from process_hardening.verify.model import READS, Attempt, Target
from process_hardening.verify.attacks.tools.running import find, needs_program, run_tool, tool_attack


def run(target: Target) -> Attempt:
    """Have it dump the memory where the secrets may be."""
    argv = [find("gdb") or "gdb", "-q", "-nx", "-batch", "-iex", "set debuginfod enabled off"]
    argv += ["-iex", "set auto-solib-add off", "-p", str(target.pid)]
    for number, (start, length) in enumerate(places_to_read(target)):
        argv += ["-ex", f"dump binary memory memory.{number} {start} {start + length}"]
    return run_tool(target, argv, command="gdb -batch -p PID -ex 'dump binary memory ...'")


ATTACK = tool_attack(
    name="gdb",
    summary="GDB attaches and copies memory",
    effect=READS,
    command="gdb -batch -p PID -ex 'dump binary memory ...'",
    needs=needs_program("gdb", "apt-get install gdb"),
    run=run,
)
