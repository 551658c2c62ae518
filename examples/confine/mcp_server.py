"""A server that an editor or an agent talks to over standard input and output, as MCP servers do.

confine -- python examples/confine/mcp_server.py

Each request and each answer is a line of JSON-RPC. The only tool runs a command.
"""

import json
import subprocess
import sys
from typing import Any


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Answer one request."""
    if request["method"] != "tools/call":
        error = {"code": -32601, "message": "no such method"}
        return {"jsonrpc": "2.0", "id": request["id"], "error": error}
    command = request["params"]["arguments"]["command"]
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    content = [{"type": "text", "text": done.stdout}]
    return {"jsonrpc": "2.0", "id": request["id"], "result": {"content": content}}


def main() -> None:
    """Serve until standard input ends."""
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
