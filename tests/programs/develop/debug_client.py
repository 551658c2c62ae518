"""What an editor does with debugpy: stop in main(), and evaluate an expression.

Usage: debug_client.py PORT FILE LINE. Prints the function and the value.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

Message = dict[str, Any]


def connect(port: int) -> socket.socket:
    """Connect to the adapter once it listens."""
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            time.sleep(0.05)


def main(port: int, file: str, line: int) -> None:
    """Debug the program that waits for a client at the port."""
    stream = connect(port).makefile("rwb")
    number = 0

    def send(command: str, **arguments: Any) -> None:
        nonlocal number
        number += 1
        request = {"seq": number, "type": "request", "command": command, "arguments": arguments}
        body = json.dumps(request).encode()
        stream.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        stream.flush()

    def receive(is_wanted: Callable[[Message], bool]) -> Message:
        while True:
            length = 0
            while header := stream.readline().strip():
                length = int(header.rpartition(b" ")[2])
            message: Message = json.loads(stream.read(length))
            if is_wanted(message):
                body: Message = message.get("body", {})
                return body

    def response(command: str) -> Message:
        return receive(lambda message: message.get("command") == command)

    def event(name: str) -> Message:
        return receive(lambda message: message.get("event") == name)

    send("initialize", adapterID="test", pathFormat="path", linesStartAt1=True)
    response("initialize")
    send("attach", justMyCode=False, connect={})
    event("initialized")
    send("setBreakpoints", source={"path": file}, breakpoints=[{"line": line}])
    send("configurationDone")
    thread = event("stopped")["threadId"]
    send("stackTrace", threadId=thread)
    frame = response("stackTrace")["stackFrames"][0]
    send("evaluate", expression="report.inspection", frameId=frame["id"])
    print(frame["name"], response("evaluate")["result"], flush=True)
    send("continue", threadId=thread)
    event("terminated")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
