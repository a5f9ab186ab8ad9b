"""The tools of one conversation: which there are, and what happens to a call of one."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from rtvi_local.errors import UserError
from rtvi_local.images.picture import Picture
from rtvi_local.images.results import fit_for
from rtvi_local.tools.builtin import Builtin, Host, find_builtin
from rtvi_local.tools.tool import Arguments, Tool, ToolError, as_content

log = logging.getLogger(__name__)

_REMEMBERED_CALLS = 200

Run = Callable[[Arguments], Awaitable[object]]


class Toolbox:
    """Tools of the client, builtin ones, and those of MCP servers. A client's tool hides another of the same name."""

    def __init__(
        self,
        host: Host | None = None,
        served: Sequence[tuple[Tool, Run]] = (),
        sees: Callable[[], bool] = lambda: False,
        show: Callable[[Picture, str], None] = lambda _, __: None,
    ) -> None:
        """`served` are tools of MCP servers and how they are run; `sees` says whether the model can look at pictures; `show` is
        given the pictures in results, with the tool's name. Without a host builtin ones are listed, but don't run."""
        self._host = host
        self._sees = sees
        self._show = show
        self._served = {tool.name: (tool, run) for tool, run in served}
        self._builtin: dict[str, Builtin] = {}
        self._client: dict[str, Tool] = {}
        self._waiting: dict[str, asyncio.Future[object]] = {}
        """Calls that the client runs, by their id."""
        self._over: deque[str] = deque(maxlen=_REMEMBERED_CALLS)
        self._timeout_s = 30.0

    @property
    def tools(self) -> tuple[Tool, ...]:
        """What the model is told of."""
        by_name = {
            **{name: tool for name, (tool, _) in self._served.items()},
            **{name: builtin.tool for name, builtin in self._builtin.items()},
            **self._client,
        }
        return tuple(by_name.values())

    @property
    def client_tools(self) -> tuple[Tool, ...]:
        return tuple(self._client.values())

    def set_client_tools(self, tools: Sequence[Tool]) -> None:
        self._client = {tool.name: tool for tool in tools}

    def configure(self, builtin: Sequence[str], timeout_s: float) -> None:
        """Have exactly these builtin tools. Raises ToolError."""
        self._builtin = {name: find_builtin(name) for name in builtin}
        self._timeout_s = timeout_s

    def runs_on_client(self, name: str) -> bool:
        return name in self._client

    async def run(self, call_id: str, name: str, arguments: Arguments) -> object:
        """The content of the message that tells the model what came of the call. What goes wrong is told to the model, too;
        only cancelling raises."""
        try:
            return as_content(await asyncio.wait_for(self._run(call_id, name, arguments), self._timeout_s))
        except (TimeoutError, asyncio.TimeoutError):
            return as_content({"error": f"{name} gave no answer within {self._timeout_s:g} seconds."})
        except UserError as error:
            return as_content({"error": str(error)})
        except Exception as error:
            # Only its kind: the text may hold what was said.
            log.error("the tool %s failed with %s", name, type(error).__name__)
            log.debug("what failed", exc_info=error)
            return as_content({"error": f"{name} failed ({type(error).__name__})."})

    async def _run(self, call_id: str, name: str, arguments: Arguments) -> object:
        if name in self._client:
            return await self._visible(name, await self._on_client(call_id))
        if name in self._builtin and self._host is not None:
            return await self._builtin[name].run(arguments, self._host)
        if name in self._served:
            return await self._visible(name, await self._served[name][1](arguments))
        raise ToolError(f"There is no tool {name[:60]!r}.")

    async def _visible(self, name: str, result: object) -> object:
        """What comes from elsewhere may be a picture of any size and kind, or for a model without eyes."""
        return await fit_for(as_content(result), sees=self._sees(), show=lambda picture: self._show(picture, name))

    async def _on_client(self, call_id: str) -> object:
        future: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._waiting[call_id] = future
        try:
            return await future
        finally:
            del self._waiting[call_id]
            self._over.append(call_id)

    def resolve(self, call_id: str, result: object) -> None:
        """The client's result. One for a call that is over (cancelled, timed out, answered) changes nothing: it crossed our
        message that says so. Raises ToolError for a call that never was."""
        future = self._waiting.get(call_id)
        if future is not None and not future.done():
            future.set_result(result)
        elif future is None and call_id not in self._over:
            raise ToolError(f"There is no call {call_id[:60]!r} that waits for a result.")
