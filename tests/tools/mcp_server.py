"""A real MCP server, of the same package, for the tests to start as a process."""

from __future__ import annotations

import os

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

server = MCPServer("test", log_level="ERROR")


@server.tool()
def get_weather(location: str) -> str:
    """Get the current weather in a given location"""
    return f"64 degrees and foggy in {location}"


@server.tool()
def fail() -> str:
    """Always fails"""
    raise ToolError("the sensor is broken")


@server.tool()
def die() -> str:
    """Takes the whole server with it"""
    os._exit(3)


if __name__ == "__main__":
    server.run("stdio")
