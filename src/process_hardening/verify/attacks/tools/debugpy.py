"""debugpy: the debugger of editors attaches to a running process.

Type: debugger
Targets: CPython
Needs: debugpy, and gdb (Python 3.14: only debugpy)
Refused looks like: "ptrace: Operation not permitted.", then CalledProcessError
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

# Has debugpy listen in the process, then is the editor that talks to it (the Debug Adapter
# Protocol) and evaluates an expression.
_SCRIPT = """\
import json, socket, subprocess, sys, time
pid, code = sys.argv[1:]
with socket.socket() as free:
    free.bind(('127.0.0.1', 0))
    port = free.getsockname()[1]
subprocess.run(
    [sys.executable, '-m', 'debugpy', '--listen', f'127.0.0.1:{port}', '--pid', pid], check=True)
deadline = time.monotonic() + 5
while True:
    try:
        channel = socket.create_connection(('127.0.0.1', port), 6).makefile('rwb')
        break
    except OSError:
        if time.monotonic() > deadline:
            sys.exit('debugpy does not listen')
        time.sleep(0.05)
number = 0
def send(command, **arguments):
    global number
    number += 1
    body = json.dumps(
        {'seq': number, 'type': 'request', 'command': command, 'arguments': arguments}).encode()
    channel.write(b'Content-Length: %d\\r\\n\\r\\n%s' % (len(body), body))
    channel.flush()
def wait_for(kind, name):
    while True:
        length = 0
        while (line := channel.readline().strip()):
            length = int(line.partition(b':')[2])
        if not length:
            sys.exit('debugpy closed the connection')
        message = json.loads(channel.read(length))
        if message['type'] == kind and name in (message.get('event'), message.get('command')):
            return message
send('initialize', adapterID='debugpy')
wait_for('response', 'initialize')
send('attach', name='editor', justMyCode=False)
wait_for('event', 'initialized')
send('configurationDone')
wait_for('response', 'attach')
send('evaluate', expression=f'exec({code!r}, {{}})', context='repl')
print(wait_for('response', 'evaluate').get('message', ''))
"""


def needs() -> str | None:
    """The module, and a debugger where Python has no remote execution of its own."""
    if not hasattr(sys, "remote_exec") and not find("gdb"):
        return "debugpy attaches by gdb: apt-get install gdb"
    return needs_module("debugpy")()


def run(target: Target) -> Attempt:
    """Attach as an editor does, and evaluate code that writes the process's strings to a file."""
    code, path = payload(target)
    argv = [sys.executable, "-Xfrozen_modules=off", "-c", _SCRIPT, str(target.pid), code]
    return run_tool(target, argv, wait_for=path, seconds=7.0, command=ATTACK.command)


ATTACK = tool_attack(
    name="debugpy",
    summary="debugpy attaches and evaluates Python code in it",
    effect=CHANGES,
    command="python -m debugpy --listen 127.0.0.1:PORT --pid PID",
    needs=needs,
    run=run,
    launches=2,  # gdb's calls into a process may hang or kill it
)
