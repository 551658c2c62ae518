"""An MCP server that holds a token and runs commands.

harden --confine -- python server.py
"""

import hmac
import subprocess

from mcp.server.mcpserver import MCPServer

import process_hardening as ph

TOKEN = ph.take_env("SERVICE_TOKEN")  # so that no command gets it

server = MCPServer("shell")


@server.tool()
def run(command: str) -> str:
    """Run a shell command and return what it prints."""
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        env=ph.child_env(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout


@server.tool()
def sign(text: str) -> str:
    """Sign a text with the token."""
    return hmac.digest(TOKEN.encode(), text.encode(), "sha256").hex()


if __name__ == "__main__":
    server.run()
