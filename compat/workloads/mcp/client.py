"""Ask a server: client.py COMMAND..."""

import asyncio
import os
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client


async def main() -> None:
    """Start it, call its tool, read its resource, end it."""
    server = StdioServerParameters(command=sys.argv[1], args=sys.argv[2:], env=dict(os.environ))
    async with stdio_client(server) as (reader, writer), ClientSession(reader, writer) as session:
        name = (await session.initialize()).server_info.name
        print(name, [tool.name for tool in (await session.list_tools()).tools])
        for command in ("echo $((6 * 7))", "exit 3"):
            result = await session.call_tool("run", {"command": command})
            print([part.text for part in result.content])
        resource = await session.read_resource("numbers://answer")
        print([part.text for part in resource.contents])


asyncio.run(main())
