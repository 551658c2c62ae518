"""memray: what `memray attach` does before it counts allocations, run code in the process.

Type: injection
Targets: CPython
Needs: memray, and gdb or lldb (Python 3.14: neither)
Refused looks like: "Failed to attach a debugger to the process."
"""

from __future__ import annotations

import sys

from process_hardening.verify.model import CHANGES, Attempt, Target
from process_hardening.verify.attacks.tools.running import (
    find,
    needs_module,
    payload,
    run_tool,
    tool_attack,
)

# The channel of memray.commands.attach, with code of ours instead of the tracker's.
_SCRIPT = """\
import socket, sys
from memray.commands.attach import AttachCommand
command = AttachCommand()
method = command.resolve_debugger('auto')
client = command.inject_control_channel(method, int(sys.argv[1]))
client.sendall(sys.argv[2].encode())
client.shutdown(socket.SHUT_WR)
print(client.recv(4096).decode())
"""


def needs() -> str | None:
    """The module, and a debugger where Python has no remote execution of its own."""
    if not hasattr(sys, "remote_exec") and not find("gdb") and not find("lldb"):
        return "memray attaches by gdb or lldb: apt-get install gdb"
    return needs_module("memray")()


def run(target: Target) -> Attempt:
    """Have the process write its strings into a file."""
    code, path = payload(target)
    argv = [sys.executable, "-c", _SCRIPT, str(target.pid), code]
    return run_tool(target, argv, wait_for=path, command=ATTACK.command)


ATTACK = tool_attack(
    name="memray",
    summary="memray's attach runs Python code in it",
    effect=CHANGES,
    command="memray attach PID",
    needs=needs,
    run=run,
    launches=2,  # gdb's calls into a process may hang or kill it
)
