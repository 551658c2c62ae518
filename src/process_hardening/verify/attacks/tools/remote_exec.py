"""sys.remote_exec: the debugging interface of Python 3.14 (PEP 768).

Type: injection
Targets: CPython 3.14 of the same version, unless started with -X disable-remote-debug
Needs: Python 3.14
Refused looks like: "PermissionError: ... Operation not permitted"
"""

from __future__ import annotations

import sys

from process_hardening.verify.model import CHANGES, Attempt, Target
from process_hardening.verify.attacks.tools.running import needs_python, payload, run_tool, tool_attack


def run(target: Target) -> Attempt:
    """Have the process run a script that writes its strings into a file."""
    code, path = payload(target)
    script = f"{target.folder}/script.py"
    with open(script, "w", encoding="utf-8") as file:
        file.write(code)
    program = f"import sys; sys.remote_exec({target.pid}, {script!r})"
    argv = [sys.executable, "-c", program]
    return run_tool(target, argv, wait_for=path, command=ATTACK.command)


ATTACK = tool_attack(
    name="remote-exec",
    summary="Python's remote debugging runs code in it",
    effect=CHANGES,
    command="sys.remote_exec(PID, SCRIPT)",
    needs=needs_python(3, 14),
    run=run,
)
