"""perf: sample a running process with copies of its stacks.

Type: profiler
Targets: any program that runs while it is sampled
Needs: perf; kernel.perf_event_paranoid of at most 2
Refused looks like: "Access to performance monitoring and observability operations is limited."
"""

from __future__ import annotations

from process_hardening.verify.model import READS, Attempt, Target
from process_hardening.verify.attacks.tools.running import find, needs_program, run_tool, tool_attack

_SECONDS = "0.4"


def run(target: Target) -> Attempt:
    """Record for a moment."""
    argv = [find("perf") or "perf", "record", "--no-buildid", "--no-buildid-cache", "-o", "data"]
    argv += ["--call-graph", "dwarf,32768", "-e", "task-clock:u", "-c", "100000"]
    return run_tool(target, [*argv, "-p", str(target.pid), "--", "sleep", _SECONDS])


ATTACK = tool_attack(
    name="perf",
    summary="perf samples it with copies of its stacks",
    effect=READS,
    command="perf record --call-graph dwarf,32768 -e task-clock:u -p PID",
    needs=needs_program("perf", "apt-get install linux-perf"),
    run=run,
)
