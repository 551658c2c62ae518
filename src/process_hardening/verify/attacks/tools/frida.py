"""Frida: run JavaScript in a process, which reads its memory.

Type: injection
Targets: any dynamically linked program
Needs: frida
Refused looks like: "frida.PermissionDeniedError: unable to access process with pid PID ..."
"""

from __future__ import annotations

import sys

from process_hardening.verify.model import CHANGES, Attempt, Target
from process_hardening.verify.attacks.tools.running import needs_module, run_tool, tool_attack

# Sends the writable memory, region by region, to our side.
_SCRIPT = """\
import frida, sys
session = frida.attach(int(sys.argv[1]))
script = session.create_script('''
for (const range of Process.enumerateRanges('rw-')) {
    try {
        send(null, range.base.readByteArray(range.size));
    } catch (error) {
    }
}
send('done');
''')
import threading
done = threading.Event()
with open('memory', 'wb') as file:
    def got(message, data):
        if data:
            file.write(data)
        else:
            done.set()
    script.on('message', got)
    script.load()
    done.wait(5)
session.detach()
"""


def run(target: Target) -> Attempt:
    """Attach and have all writable memory sent."""
    argv = [sys.executable, "-c", _SCRIPT, str(target.pid)]
    return run_tool(target, argv, command=ATTACK.command)


ATTACK = tool_attack(
    name="frida",
    summary="Frida runs JavaScript in it that reads memory",
    effect=CHANGES,
    command="frida.attach(PID).create_script(SCRIPT).load()",
    needs=needs_module("frida"),
    run=run,
    launches=2,  # now and then it crashes its target
)
