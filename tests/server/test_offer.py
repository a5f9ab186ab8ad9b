"""POST /start, POST and PATCH of offers, with real clients on the other end."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from rtvi_local.bench.webrtc_client import WebRtcClient
from rtvi_local.config import Config, Server, WebRtc
from rtvi_local.server.app import create_app
from rtvi_local.server.limits import Limits
from tests.server.appliance import FakeAppliance
from tests.until import until

CANDIDATE = "candidate:1 1 udp 2122260223 127.0.0.1 50000 typ host"


class Served:
    def __init__(self, http: httpx.AsyncClient, appliance: FakeAppliance, sessions: Any) -> None:
        self.http = http
        self.appliance = appliance
        self.sessions = sessions
        self.clients: list[WebRtcClient] = []

    async def post(self, path: str = "/api/offer", body: object = None) -> httpx.Response:
        return await self.http.post(path, json=body)

    def client(self, path: str = "/api/offer", **options: Any) -> WebRtcClient:
        async def request(method: str, body: dict[str, Any]) -> dict[str, Any]:
            response = await self.http.request(method, path, json=body)
            response.raise_for_status()
            answer: dict[str, Any] = response.json()
            return answer

        client = WebRtcClient(request, **options)
        self.clients.append(client)
        return client


@contextlib.asynccontextmanager
async def served(config: Config | None = None, limits: Limits | None = None, **appliance: Any) -> AsyncIterator[Served]:
    fake = FakeAppliance(**appliance)
    app = create_app(config or Config(), fake, limits=limits)
    transport = httpx.ASGITransport(app=app, client=("127.0.0.1", 1))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://localhost:7860") as http,
    ):
        server = Served(http, fake, app.state.sessions)
        try:
            yield server
        finally:
            for client in server.clients:
                await client.close()


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        await asyncio.wait_for(asyncio.ensure_future(scenario()), 90)

    asyncio.run(bounded())


def test_an_offer_begins_a_conversation() -> None:
    async def scenario() -> None:
        async with served() as server:
            heard: list[str] = []
            client = server.client(on_message=heard.append)
            await client.connect(data={"who": "me"})
            client.send("hello")
            await until(lambda: heard == ["hello"])
            (conversation,) = server.appliance.opened
            assert conversation.request_data == {"who": "me"}
            assert 'result="answered"} 1.0' in (await server.http.get("/metrics")).text
        assert conversation.closed == ["the server is stopping"]

    run(scenario)


def test_a_started_session_brings_its_data_and_its_own_path() -> None:
    async def scenario() -> None:
        async with served() as server:
            session_id = (await server.post("/start", {"body": {"who": "me"}})).json()["sessionId"]
            client = server.client(f"/sessions/{session_id}/api/offer")
            await client.connect()
            assert server.appliance.opened[0].request_data == {"who": "me"}
            await client.connect(restart=True)
            assert len(server.appliance.opened) == 1
            assert server.appliance.opened[0].closed == []
            other = (await server.post("/start")).json()["sessionId"]
            patch: dict[str, object] = {"pc_id": client.pc_id, "candidates": []}
            assert (await server.http.patch(f"/sessions/{session_id}/api/offer", json=patch)).status_code == 200
            assert (await server.http.patch(f"/sessions/{other}/api/offer", json=patch)).status_code == 404

    run(scenario)


@pytest.mark.parametrize("spelling", ["requestData", "request_data"])
def test_an_empty_request_with_the_offer_leaves_what_was_started_with(spelling: str) -> None:
    """Android always sends `request_data`."""

    async def scenario() -> None:
        async with served() as server:
            session_id = (await server.post("/start", {"body": {"who": "me"}})).json()["sessionId"]
            client = server.client(f"/sessions/{session_id}/api/offer")
            request = client._request
            client._request = lambda method, body: request(method, body | {spelling: {}})
            await client.connect()
            assert server.appliance.opened[0].request_data == {"who": "me"}

    run(scenario)


def test_two_offers_at_the_same_time_for_one_session_open_one_conversation() -> None:
    async def scenario() -> None:
        async with served() as server:
            session_id = (await server.post("/start")).json()["sessionId"]
            clients = [server.client(f"/sessions/{session_id}/api/offer") for _ in range(2)]
            results = await asyncio.gather(*(client.connect() for client in clients), return_exceptions=True)
            (refused,) = [result for result in results if result is not None]
            assert isinstance(refused, httpx.HTTPStatusError)
            assert refused.response.status_code == 404
            assert len(server.appliance.opened) == 1

    run(scenario)


def test_a_session_whose_offer_was_refused_may_be_tried_again_with_all_that_belongs_to_it() -> None:
    async def scenario() -> None:
        async with served(most=0) as server:
            session_id = (await server.post("/start", {"body": {"who": "me"}})).json()["sessionId"]
            client = server.client(f"/sessions/{session_id}/api/offer")
            with pytest.raises(httpx.HTTPStatusError):
                await client.connect()
            server.appliance.most = 1
            sdp = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\n"
            kept = server.appliance.files.uploads.keep(b"x", name="a", declared=None, session_id=session_id)[0]
            refused = await server.post(f"/sessions/{session_id}/api/offer", {"type": "offer", "sdp": sdp})
            assert refused.status_code == 400
            assert server.appliance.conversations == 0
            await client.connect()
            assert server.appliance.opened[-1].request_data == {"who": "me"}
            assert server.appliance.files.uploads.take(kept).data == b"x"

    run(scenario)


def test_start_answers_what_clients_can_decode() -> None:
    async def scenario() -> None:
        async with served() as server:
            assert set((await server.post("/start", {"enableDefaultIceServers": True})).json()) == {"sessionId"}
            assert (await server.http.post("/start")).is_success
            response = await server.post("/start", {"transport": "daily"})
            assert response.status_code == 400
            assert "webrtc" in response.json()["detail"]
            assert (await server.post("/start", [])).status_code == 400
            assert "iceConfig" not in (await server.http.get("/status")).json()
        servers = ("stun:stun.example:3478", "turn:turn.example?transport=tcp")
        webrtc = WebRtc(ice_servers=servers, turn_username="me", turn_credential="secret")
        async with served(Config(webrtc=webrtc)) as server:
            told = {
                "iceServers": [
                    {"urls": ["stun:stun.example:3478"]},
                    {"urls": ["turn:turn.example?transport=tcp"], "username": "me", "credential": "secret"},
                ]
            }
            assert (await server.post("/start", {})).json()["iceConfig"] == told
            assert (await server.http.get("/status")).json()["iceConfig"] == told

    run(scenario)


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"type": "offer"},
        {"type": "offer", "sdp": "garbage"},
        {"type": "offer", "sdp": "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=rtpmap:0 PCMU/8000\r\n"},
        {"type": "offer", "sdp": "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\n"},
        {"type": "offer", "sdp": "v=0\r\n" + "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n" * 20},
        {"type": "offer", "sdp": "x" * 100_000},
        {"type": "answer", "sdp": "v=0\r\n"},
        {"type": "offer", "sdp": "v=0\r\n", "pc_id": {}},
    ],
)
def test_garbage_is_refused_and_costs_no_conversation(body: object) -> None:
    async def scenario() -> None:
        async with served() as server:
            response = await server.post("/api/offer", body)
            assert response.status_code == 400
            assert response.json()["detail"]
            assert server.appliance.conversations == 0
            assert server.sessions.transports == []

    run(scenario)


def test_what_is_no_json_is_refused() -> None:
    async def scenario() -> None:
        async with served() as server:
            for content in (b"{", b"\xff", b"[" * 100_000, b""):
                headers = {"Content-Type": "application/json"}
                response = await server.http.post("/api/offer", content=content, headers=headers)
                assert response.status_code == 400
                assert "JSON" in response.json()["detail"]

    run(scenario)


def test_candidates_of_strangers_and_garbage_do_no_harm() -> None:
    async def scenario() -> None:
        async with served() as server:
            client = server.client()
            await client.connect()

            async def patch(**body: object) -> int:
                return (await server.http.patch("/api/offer", json=body)).status_code

            assert await patch(pc_id=None, candidates=[]) == 404
            assert await patch(pc_id="stranger", candidates=[]) == 404
            assert await patch(pc_id=client.pc_id) == 400
            items: list[object] = [
                {"candidate": ""},
                {"candidate": "rubbish"},
                None,
                7,
                {"candidate": CANDIDATE, "sdp_mid": "0"},
            ]
            items.append({"candidate": CANDIDATE.replace("127.0.0.1", "8c1d.local"), "sdp_mid": None, "sdp_mline_index": 0})
            assert await patch(pc_id=client.pc_id, candidates=items) == 200
            many = [{"candidate": CANDIDATE, "sdp_mid": "0"}] * 64
            assert await patch(pc_id=client.pc_id, candidates=many) == 200
            assert await patch(pc_id=client.pc_id, candidates=many) == 400

    run(scenario)


def test_trickled_candidates_are_enough_to_connect() -> None:
    async def scenario() -> None:
        async with served() as server:
            client = server.client()
            held: list[str] = []

            async def request(method: str, body: dict[str, Any]) -> dict[str, Any]:
                lines = body["sdp"].splitlines()
                held.extend(line[2:] for line in lines if line.startswith("a=candidate"))
                body["sdp"] = "\r\n".join(line for line in lines if "candidate" not in line) + "\r\n"
                answer: dict[str, Any] = (await server.http.post("/api/offer", json=body)).json()
                items = [{"candidate": line, "sdp_mid": None, "sdp_mline_index": 0} for line in held]
                patch = {"pc_id": answer["pc_id"], "candidates": [*items, {"candidate": ""}]}
                assert (await server.http.patch("/api/offer", json=patch)).is_success
                return answer

            client._request = request
            await client.connect()
            assert held

    run(scenario)


def test_no_more_conversations_than_allowed() -> None:
    async def scenario() -> None:
        async with served(most=1) as server:
            await server.client().connect()
            with pytest.raises(httpx.HTTPStatusError) as refused:
                await server.client().connect()
            response = refused.value.response
            assert response.status_code == 429
            assert "conversations" in response.json()["detail"]
            assert int(response.headers["retry-after"]) > 0
            assert len(server.sessions.transports) == 1

    run(scenario)


def test_nobody_is_connected_before_the_models_are_there() -> None:
    async def scenario() -> None:
        async with served(missing=["the voice"]) as server:
            for path in ("/start", "/api/offer"):
                response = await server.post(path, {})
                assert response.status_code == 503
                assert "the voice" in response.json()["detail"]
                assert "retry-after" in response.headers

    run(scenario)


def test_too_many_requests_are_refused_and_told_when_to_come_back() -> None:
    async def scenario() -> None:
        async with served(limits=Limits(requests_per_s=0.1, requests_burst=2)) as server:
            codes = [(await server.post("/start", {})).status_code for _ in range(3)]
            assert codes == [200, 200, 429]
            response = await server.post("/api/offer", {})
            assert response.status_code == 429
            assert 1 <= int(response.headers["retry-after"]) <= 10

    run(scenario)


def test_sessions_that_nobody_uses_are_limited() -> None:
    async def scenario() -> None:
        async with served(limits=Limits(pending_sessions=2)) as server:
            codes = [(await server.post("/start", {})).status_code for _ in range(3)]
            assert codes == [200, 200, 503]

    run(scenario)


def test_unknown_sessions_are_not_found() -> None:
    async def scenario() -> None:
        async with served() as server:
            sdp = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\n"
            response = await server.post("/sessions/none/api/offer", {"type": "offer", "sdp": sdp})
            assert response.status_code == 404
            assert json.loads(response.text)["detail"]

    run(scenario)


def test_an_answer_of_a_server_for_this_machine_names_no_stun_server_and_ignores_the_network() -> None:
    async def scenario() -> None:
        async with served(Config(server=Server(host="127.0.0.1"))) as server:
            client = server.client()
            await client.connect()
            assert client.pc is not None
            candidates = [line for line in client.pc.remoteDescription.sdp.splitlines() if line.startswith("a=candidate")]
            assert all(line.endswith("typ host") for line in candidates)
            assert any(" 127.0.0.1 " in line for line in candidates)

    run(scenario)
