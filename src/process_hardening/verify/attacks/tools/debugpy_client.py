"""Make debugpy listen in a process, then evaluate code there as an editor does.

    python -m process_hardening.verify.attacks.tools.debugpy_client PID CODE

The protocol is the Debug Adapter Protocol: JSON messages, each after a Content-Length header.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from typing import Any, BinaryIO, cast

_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 6.0


class Editor:
    """The editor's end of a debug session."""

    def __init__(self, channel: BinaryIO) -> None:
        self._channel = channel
        self._number = 0

    def send(self, command: str, **arguments: object) -> None:
        """Send a request."""
        self._number += 1
        request = {"seq": self._number, "type": "request", "command": command}
        body = json.dumps({**request, "arguments": arguments}).encode()
        self._channel.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._channel.flush()

    def wait_for(self, kind: str, name: str) -> dict[str, Any]:
        """Return the next message of a kind and name, skipping others."""
        while True:
            length = 0
            while line := self._channel.readline().strip():
                length = int(line.partition(b":")[2])
            if not length:
                sys.exit("debugpy closed the connection")
            message: dict[str, Any] = json.loads(self._channel.read(length))
            if message["type"] == kind and name in (message.get("event"), message.get("command")):
                return message


def reserve_port() -> socket.socket:
    """Bind a socket to an unused port of the loopback interface, and return it.

    Until it is closed, the kernel gives the port to nobody, but a server can listen there that asks
    for this port and sets SO_REUSEADDR (socket(7)), as nearly all do.
    """
    reserved = socket.socket()
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserved.bind(("127.0.0.1", 0))
    return reserved


def connect(port: int) -> BinaryIO:
    """Connect to debugpy as soon as it listens."""
    deadline = time.monotonic() + _CONNECT_SECONDS
    while True:
        try:
            connection = socket.create_connection(("127.0.0.1", port), _ANSWER_SECONDS)
            return cast("BinaryIO", connection.makefile("rwb"))
        except OSError:
            if time.monotonic() > deadline:
                sys.exit("debugpy is not listening")
            time.sleep(0.05)


def main(pid: str, code: str) -> None:
    """Attach, evaluate the code and print the answer."""
    with reserve_port() as reserved:
        port: int = reserved.getsockname()[1]
        listen = ["--listen", f"127.0.0.1:{port}", "--pid", pid]
        subprocess.run([sys.executable, "-m", "debugpy", *listen], check=True)
        editor = Editor(connect(port))
    editor.send("initialize", adapterID="debugpy")
    editor.wait_for("response", "initialize")
    editor.send("attach", name="editor", justMyCode=False)
    editor.wait_for("event", "initialized")
    editor.send("configurationDone")
    editor.wait_for("response", "attach")
    editor.send("evaluate", expression=f"exec({code!r}, {{}})", context="repl")
    print(editor.wait_for("response", "evaluate").get("message", ""))


if __name__ == "__main__":
    main(*sys.argv[1:])
