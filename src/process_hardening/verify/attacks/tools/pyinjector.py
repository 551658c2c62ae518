"""pyinjector: load a library into a running process.

Type: injection
Targets: any dynamically linked program
Needs: pyinjector; a C compiler for the library
Refused looks like: "Operation not permitted"; the exit status may be 0 all the same
"""

from __future__ import annotations

import sys

from process_hardening.verify.attacks.builtin import injecting
from process_hardening.verify.model import CHANGES, Attempt, Target
from process_hardening.verify.attacks.tools.running import needs_module, run_tool, tool_attack


def needs() -> str | None:
    """The module and a compiler."""
    return needs_module("pyinjector")() or injecting.needs()


def run(target: Target) -> Attempt:
    """Load the back door of the ld-preload attack, and ask it for the memory."""
    library = injecting.prepare(target.folder, told_by_environment=False)
    argv = [sys.executable, "-m", "pyinjector", str(target.pid), library]
    loaded = run_tool(target, argv)
    asked = injecting.ask(target)
    said = asked.said if asked.leaked else loaded.said
    return Attempt(
        asked.leaked,
        said,
        command=loaded.command,
        places=asked.places,
        refused=loaded.refused and not asked.leaked,
    )


ATTACK = tool_attack(
    name="pyinjector",
    summary="pyinjector loads a library into it",
    effect=CHANGES,
    command="python -m pyinjector PID DIR/injected.so",
    needs=needs,
    run=run,
)
