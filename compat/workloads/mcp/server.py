"""A server with a tool that starts a program, a resource and a prompt."""

import subprocess

from mcp.server.mcpserver import MCPServer

server = MCPServer("tools", log_level="ERROR")


@server.tool()
def run(command: str) -> str:
    """Run a command."""
    done = subprocess.run(["sh", "-c", command], stdin=subprocess.DEVNULL, stdout=-1, text=True)
    return f"{done.returncode} {done.stdout}"


@server.resource("numbers://answer")
def answer() -> str:
    """The answer."""
    return "42"


server.run()
