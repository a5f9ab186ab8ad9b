"""Tools of MCP servers: processes that this machine runs, spoken with over their standard input and output.

The package `mcp` is an optional extra; it is imported only where a server is configured.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from rtvi_local.errors import extra
from rtvi_local.images.content import Part, image_at, is_image, text_part
from rtvi_local.tools.tool import Arguments, Tool, ToolError
from rtvi_local.tools.toolbox import Run

if TYPE_CHECKING:
    from mcp import Client

log = logging.getLogger(__name__)

START_TIMEOUT_S = 30.0


class McpServer:
    """One server. It lives as long as the appliance; one that died is started anew by the next call of a tool of its."""

    def __init__(self, command: str) -> None:
        """Raises ToolError for what is no command line. Errors name the program alone: tokens may stand behind it."""
        try:
            self._words = shlex.split(command)
        except ValueError as error:
            raise ToolError(f"tools.mcp_servers: '{command.split()[0]} …' is no command line ({error}).") from error
        if not self._words:
            raise ToolError("tools.mcp_servers: a command is empty.")
        self._client: Client | None = None
        self._living: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()
        self._starting = asyncio.Lock()
        self._tools: list[Tool] = []

    @property
    def tools(self) -> list[tuple[Tool, Run]]:
        """What it offered when it started, and how each is run."""
        return [(tool, self._runner(tool.name)) for tool in self._tools]

    async def start(self) -> None:
        """Raises ToolError, which names the program and the reason."""
        started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._living = asyncio.create_task(self._live(started))
        try:
            await asyncio.wait_for(asyncio.shield(started), START_TIMEOUT_S)
        except (TimeoutError, asyncio.TimeoutError):
            await self.close()
            raise ToolError(f"The MCP server {self._words[0]!r} did not answer within {START_TIMEOUT_S:g} seconds.") from None
        except Exception as error:
            raise ToolError(f"The MCP server {self._words[0]!r} could not be started ({_reason(error)}).") from error

    async def close(self) -> None:
        self._stop.set()
        if self._living is not None:
            self._living.cancel()
            await asyncio.gather(self._living, return_exceptions=True)
            self._living = None

    async def _live(self, started: asyncio.Future[None]) -> None:
        """The package wants a connection to be opened and closed by the same task: this one."""
        try:
            from mcp import Client, StdioServerParameters, stdio_client
        except ImportError:
            started.set_exception(ToolError(f"the extra is missing: {extra('mcp')}"))
            return
        parameters = StdioServerParameters(command=self._words[0], args=self._words[1:], env=dict(os.environ))
        try:
            async with AsyncExitStack() as stack:
                errors = stack.enter_context(_log_of_servers())
                client = await stack.enter_async_context(Client(stdio_client(parameters, errlog=errors)))
                self._tools = await _tools_of(client)
                self._client = client
                started.set_result(None)
                await self._stop.wait()
        except Exception as error:
            if not started.done():
                started.set_exception(error)
            else:
                log.warning("The MCP server %r ended (%s).", self._words[0], type(error).__name__)
        finally:
            self._client = None
            if not started.done():
                started.cancel()

    def _runner(self, name: str) -> Run:
        async def run(arguments: Arguments) -> object:
            return await self._call(name, dict(arguments))

        return run

    async def _call(self, name: str, arguments: dict[str, Any]) -> object:
        async with self._starting:
            if self._client is None:
                await self.start()
        assert self._client is not None
        try:
            result = await self._client.call_tool(name, arguments)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            if _is_gone(error):
                await self.close()
                self._stop = asyncio.Event()
            raise ToolError(f"{name} failed ({_reason(error)}).") from error
        content = _content(result.content)
        if result.is_error:
            raise ToolError(content if isinstance(content, str) else f"{name} failed.")
        return content


@contextmanager
def _log_of_servers() -> Iterator[TextIO]:
    """What a server logs may hold what somebody said: it is kept only where one looks for trouble."""
    if log.isEnabledFor(logging.DEBUG):
        yield sys.stderr
    else:
        with Path(os.devnull).open("w") as nowhere:
            yield nowhere


async def _tools_of(client: Client) -> list[Tool]:
    tools: list[Tool] = []
    cursor: str | None = None
    while True:
        listed = await client.list_tools(cursor=cursor)
        tools += [Tool(each.name, each.description or "", each.input_schema) for each in listed.tools]
        cursor = listed.next_cursor
        if not cursor:
            return tools


def _content(blocks: Sequence[Any]) -> object:
    """Text, or parts in the OpenAI form where there is an image among them. Other kinds are named, for the model to say so."""
    parts = [_part(block) for block in blocks]
    if any(is_image(part) for part in parts):
        return parts
    return "\n".join(str(part["text"]) for part in parts)


def _part(block: Any) -> Part:
    if block.type == "text":
        return text_part(block.text)
    if block.type == "image":
        return _picture(block.mime_type, block.data)
    if block.type == "resource" and getattr(block.resource, "text", None) is not None:
        return text_part(block.resource.text)
    if block.type == "resource" and (block.resource.mime_type or "").startswith("image/"):
        return _picture(block.resource.mime_type, block.resource.blob)
    return text_part(f"(something of the kind {block.type}, which cannot be shown)")


def _picture(mime_type: str, data: str) -> Part:
    return image_at(f"data:{mime_type};base64,{data}")


def _is_gone(error: Exception) -> bool:
    """Whether nobody answers any more, as opposed to an answer that says no."""
    text = str(error).lower()
    return type(error).__name__ in ("ClosedResourceError", "BrokenResourceError", "EndOfStream") or "closed" in text


def _reason(error: BaseException) -> str:
    while inner := getattr(error, "exceptions", None):  # a group of them, which Python 3.10 has no name for
        error = inner[0]
    return str(error) or type(error).__name__
