"""LLDB: attach, copy memory, detach.

Type: debugger
Targets: any program
Needs: lldb
Refused looks like: "error: attach failed: Operation not permitted"
"""

from __future__ import annotations

from process_hardening.verify.lab.kernel import places_to_read
from process_hardening.verify.model import READS, Attempt, Target
from process_hardening.verify.attacks.tools.running import find, needs_program, run_tool, tool_attack


def run(target: Target) -> Attempt:
    """Have it write the memory where the secrets may be into files."""
    argv = [find("lldb") or "lldb", "--no-lldbinit", "--batch"]
    argv += ["-o", "settings set target.preload-symbols false"]
    argv += ["-o", f"process attach --pid {target.pid}"]
    for number, (start, length) in enumerate(places_to_read(target)):
        argv += ["-o", f"memory read --force --binary -c {length} -o memory.{number} {start}"]
    return run_tool(target, [*argv, "-o", "detach"], command="lldb -p PID; memory read ...")


ATTACK = tool_attack(
    name="lldb",
    summary="LLDB attaches and copies memory",
    effect=READS,
    command="lldb -p PID; memory read ...",
    needs=needs_program("lldb", "apt-get install lldb"),
    run=run,
)
