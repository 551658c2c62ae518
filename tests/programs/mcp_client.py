"""An MCP client on the official SDK: mcp_client.py plain|hardened.

Starts the server of mcp.json as it says there, or without what stands before "--". Prints the pid
of the server, and runs each line of standard input by the server's tool.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import anyio
from mcp import Client, StdioServerParameters


def read_configuration(way: str) -> StdioServerParameters:
    """How the server is started; ${NAME} stands for a variable, as in editors."""
    server = json.loads(os.path.expandvars(Path("mcp.json").read_text()))["mcpServers"]["shell"]
    words = [server["command"], *server["args"]]
    if way == "plain":
        words = words[words.index("--") + 1 :]
    return StdioServerParameters(command=words[0], args=words[1:], env=server["env"])


async def run(client: Client, command: str) -> str:
    """Have the server run a command."""
    result = await client.call_tool("run", {"command": command})
    return "".join(getattr(part, "text", "") for part in result.content)


async def main() -> None:
    """Talk to the server until standard input ends."""
    os.environ["SERVICE_TOKEN"] = Path(os.environ["SECRET_FILE"]).read_text()
    async with Client(read_configuration(sys.argv[1])) as client:
        print(await run(client, "echo $PPID"), end="", flush=True)
        while line := await anyio.to_thread.run_sync(sys.stdin.readline):
            print(await run(client, line), end="", flush=True)


if __name__ == "__main__":
    anyio.run(main)
