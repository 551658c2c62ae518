"""pdb: Python's own debugger attaches to a running process.

Type: debugger
Targets: CPython 3.14 of the same version, unless started with -X disable-remote-debug
Needs: Python 3.14
Refused looks like: "Operation not permitted"
"""

from __future__ import annotations

import sys

from process_hardening.verify.model import CHANGES, Attempt, Target
from process_hardening.verify.attacks.tools.running import needs_python, payload, run_tool, tool_attack


def run(target: Target) -> Attempt:
    """Type a command that has the process write its strings into a file."""
    code, path = payload(target)
    script = f"{target.folder}/script.py"
    with open(script, "w", encoding="utf-8") as file:
        file.write(code)
    argv = [sys.executable, "-m", "pdb", "-p", str(target.pid)]
    commands = f"!exec(open({script!r}).read())\ndetach\n".encode()
    return run_tool(target, argv, wait_for=path, commands=commands)


ATTACK = tool_attack(
    name="pdb",
    summary="pdb attaches and runs Python code in it",
    effect=CHANGES,
    command="python -m pdb -p PID",
    needs=needs_python(3, 14),
    run=run,
)
