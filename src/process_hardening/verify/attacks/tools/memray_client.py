"""Run code in a process through the channel that `memray attach` opens before it starts tracking.

python -m process_hardening.verify.attacks.tools.memray_client PID CODE
"""

from __future__ import annotations

import socket
import sys
from importlib import import_module


def main(pid: str, code: str) -> None:
    """Attach, send the code and print the answer."""
    command = import_module("memray.commands.attach").AttachCommand()
    method = command.resolve_debugger("auto")
    client = command.inject_control_channel(method, int(pid))
    client.sendall(code.encode())
    client.shutdown(socket.SHUT_WR)
    print(client.recv(4096).decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
