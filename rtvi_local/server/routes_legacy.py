"""RTVI 0.x over HTTP: where to connect, and actions without being connected."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from rtvi_local.pipeline.frames import Frame, ReplyEnded, ToolCall
from rtvi_local.rtvi.actions import wants_answer
from rtvi_local.rtvi.messages import LABEL
from rtvi_local.server.appliance import Appliance, TooManyConversations, UnusableRequest
from rtvi_local.server.endpoint import NOT_READY, RATE_LIMITED, Endpoint
from rtvi_local.server.limits import RateLimiter
from rtvi_local.server.routes_sockets import rtvi_url
from rtvi_local.server.security import refuse
from rtvi_local.server.sessions import Sessions, TooManySessions
from rtvi_local.transports.loopback import LoopbackTransport

LONGEST_ACTION_S = 60
_RETRY_AFTER_S = "5"
_OURS = ("actions", "services", "rtvi_client_version")


ENDPOINTS = (
    Endpoint(
        ("POST",),
        ("/connect",),
        "RTVI 0.x: where to connect.",
        request={
            "config": "list or object: how the conversation begins, see [configuration](configuration.md)",
            "…": "whatever else the `body` of `/start` may hold; `services`, `actions` and `rtvi_client_version` are ignored",
        },
        response={"ws_url": "where to connect the WebSocket"},
        errors={
            400: "the body is no JSON object",
            422: "what is asked for cannot be had; `detail` names it",
            429: RATE_LIMITED,
            503: f"{NOT_READY}; or too many sessions were started and not used",
        },
    ),
    Endpoint(
        ("POST",),
        ("/action",),
        "RTVI 0.x: actions in a conversation of their own, without sound. Answered with the last message as JSON or, where the "
        "model answers, with `text/event-stream`: one RTVI message in base64 in each event.",
        request={
            "actions": "list of action messages, needed",
            "…": "as for `/connect`",
        },
        errors={
            400: "there are no `actions`",
            422: "what is asked for cannot be had; `detail` names it",
            429: f"{RATE_LIMITED}; or too many conversations are going on",
            503: NOT_READY,
        },
    ),
)


@dataclass(frozen=True)
class LegacyRoutes:
    """The endpoints; `routes` lists them."""

    appliance: Appliance
    sessions: Sessions
    limiter: RateLimiter

    def routes(self) -> list[BaseRoute]:
        return [Route("/connect", self.connect, methods=["POST"]), Route("/action", self.action, methods=["POST"])]

    async def connect(self, request: Request) -> Response:
        """The address of the WebSocket, the one transport of 0.x that needs no cloud. What the client wants configured is
        kept for it there."""
        body = await self._body(request)
        if isinstance(body, Response):
            return body
        data = {key: value for key, value in body.items() if key not in _OURS}
        try:
            self.appliance.check(data)  # refused here, where the client can show why
            session_id = self.sessions.start(data)
        except UnusableRequest as error:
            return refuse(422, str(error))
        except TooManySessions:
            return refuse(503, "too many sessions were started and not used", {"Retry-After": _RETRY_AFTER_S})
        return JSONResponse({"ws_url": rtvi_url(request, session_id)})

    async def action(self, request: Request) -> Response:
        """Do actions in a conversation of their own, without sound. One that the model does not answer comes back as JSON; as
        soon as it does, everything that the client would have been told is streamed, until the answer is complete: where tools
        are called, that is the reply made of their results."""
        body = await self._body(request)
        if isinstance(body, Response):
            return body
        actions = body.get("actions")
        if not isinstance(actions, list) or not actions or not all(isinstance(action, dict) for action in actions):
            return refuse(400, "the body must have `actions`, a list of action messages")
        try:
            one_off = OneOff(self.appliance, {key: value for key, value in body.items() if key not in _OURS})
        except UnusableRequest as error:
            return refuse(422, str(error))
        except TooManyConversations as error:
            return refuse(429, str(error), {"Retry-After": _RETRY_AFTER_S})
        if one_off.do(actions):
            return StreamingResponse(one_off.events(), media_type="text/event-stream", headers={"Cache-Control": "no-cache"})
        one_off.close()
        return Response(one_off.last_answer(), media_type="application/json")

    async def _body(self, request: Request) -> dict[str, Any] | Response:
        wait_s = self.limiter.take(request.client.host if request.client is not None else "")
        if wait_s:
            return refuse(429, f"too many requests; try again in {wait_s} s", {"Retry-After": str(wait_s)})
        missing = self.appliance.ready()
        if missing:
            return refuse(503, f"not ready yet: {', '.join(missing)}", {"Retry-After": _RETRY_AFTER_S})
        text = await request.body()
        try:
            body = json.loads(text) if text.strip() else {}
        except (ValueError, RecursionError):
            return refuse(400, "the body is not JSON")
        return body if isinstance(body, dict) else refuse(400, "the body must be an object")


class _Messages(LoopbackTransport):
    """Nobody listens to its sound; its messages can be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.queue: asyncio.Queue[str | None] = asyncio.Queue()
        """None is the end: nothing follows that the client waits for."""

    def send_audio(self, samples: Any) -> None:
        del samples

    def send_message(self, text: str) -> None:
        super().send_message(text)
        self.queue.put_nowait(text)


class OneOff:
    """A conversation for some actions. Raises what `open_conversation` does."""

    def __init__(self, appliance: Appliance, request_data: dict[str, Any]) -> None:
        self._transport = _Messages()
        self._listener = appliance.open_conversation(self._transport, request_data)
        self._listener.observe_with(self._observe)
        self._listener.on_message(json.dumps({"label": LABEL, "type": "client-ready", "id": "ready", "data": {}}))
        while not self._transport.queue.empty():
            self._transport.queue.get_nowait()

    def do(self, actions: list[dict[str, Any]]) -> bool:
        """Whether the model answers one of them."""
        answers = False
        for action in actions:
            self._listener.on_message(json.dumps({**action, "label": LABEL, "type": "action"}))
            answers |= wants_answer(action.get("data")) and json.loads(self.last_answer())["type"] == "action-response"
        return answers

    def last_answer(self) -> str:
        return self._transport.messages[-1]

    def _observe(self, frame: Frame) -> None:
        """The messages do not tell an answer's end from that of an inference which called a tool. A call that the client is to
        run is the end, too: its result has no way back."""
        match frame:
            case ReplyEnded(final=True) | ToolCall(on_client=True):
                self._transport.queue.put_nowait(None)
            case _:
                pass

    def close(self) -> None:
        self._listener.on_closed("the actions are done")

    async def events(self) -> AsyncIterator[str]:
        loop = asyncio.get_running_loop()
        ends = loop.time() + LONGEST_ACTION_S
        try:
            while True:
                text = await asyncio.wait_for(self._transport.queue.get(), ends - loop.time())
                if text is None:
                    return
                yield f"data: {base64.b64encode(text.encode()).decode()}\n\n"
        except (TimeoutError, asyncio.TimeoutError):
            return
        finally:
            self.close()
