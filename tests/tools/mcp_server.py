"""A real MCP server, of the same package, for the tests to start as a process."""

from __future__ import annotations

import io
import os

import PIL.Image
from mcp.server import MCPServer
from mcp.server.mcpserver import Image
from mcp.server.mcpserver.exceptions import ToolError

server = MCPServer("test", log_level="ERROR")


@server.tool()
def get_weather(location: str) -> str:
    """Get the current weather in a given location"""
    return f"64 degrees and foggy in {location}"


@server.tool()
def get_chart(month: str) -> list[str | Image]:
    """Draws a chart"""
    file = io.BytesIO()
    PIL.Image.new("RGB", (1200, 900), (20, 20, 220)).save(file, "PNG")
    return [f"The sales of {month}:", Image(data=file.getvalue(), format="png")]


@server.tool()
def get_broken_picture() -> Image:
    """Shows nothing"""
    return Image(data=b"no picture", format="png")


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
