"""What docs/pipelines.md says that clients and settings can ask for, asked for over HTTP."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from rtvi_local.appliance import Appliance
from rtvi_local.bench.webrtc_client import WebRtcClient
from rtvi_local.config import Config
from rtvi_local.config_sources import load_config
from rtvi_local.engines.fakes import (
    EchoTranscriber,
    LoudWakeWord,
    ScriptedModel,
    ScriptedTurnDetector,
    ScriptedVad,
    ToneVoice,
)
from rtvi_local.hardware import find_hardware, plan
from rtvi_local.model_store import Preset, open_store
from rtvi_local.pipeline.engines import Engines
from rtvi_local.server.app import create_app
from rtvi_local.stages.pipeline_request import default_stages
from rtvi_local.transports.loopback import LoopbackTransport

PAGE = (Path(__file__).parents[2] / "docs" / "pipelines.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    found = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert found
    return found


def appliance(config: Config) -> tuple[Appliance, ScriptedModel]:
    """A real one around engines without models, with room for one session."""
    model = ScriptedModel(max_sessions=1)
    made = Appliance(config, Preset("stt", "llm", "tts", "vad", "turn"), open_store(), plan(find_hardware(), "cpu"))
    made._loading.clear()
    made._engines = Engines(
        ScriptedVad,
        ScriptedTurnDetector(),
        EchoTranscriber(),
        lambda _t, _s: False,
        model,
        ToneVoice(),
        open_wake_words=lambda words: LoudWakeWord(words[0]),
    )
    return made, model


async def connect(data: dict[str, Any], *, start: bool = True) -> list[dict[str, Any]]:
    """Connect and say client-ready; the messages up to the wake-state or bot-ready. Raises HTTPStatusError."""
    made, _ = appliance(Config())
    app = create_app(Config(), made)
    messages: list[dict[str, Any]] = []
    transport = httpx.ASGITransport(app=app, client=("127.0.0.1", 1))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://localhost:7860") as http,
    ):
        path, extra = "/api/offer", {"requestData": data}
        if start:
            started = await http.post("/start", json={"body": data})
            started.raise_for_status()
            session = started.json()["sessionId"]
            path, extra = f"/sessions/{session}/api/offer", {}

        async def request(method: str, body: dict[str, Any]) -> dict[str, Any]:
            response = await http.request(method, path, json=body | extra)
            response.raise_for_status()
            answer: dict[str, Any] = response.json()
            return answer

        client = WebRtcClient(request, on_message=lambda text: messages.append(json.loads(text)))
        try:
            await client.connect()
            client.send(json.dumps({"label": "rtvi-ai", "type": "client-ready", "id": "1", "data": {"version": "2.1.0"}}))
            deadline_s = asyncio.get_running_loop().time() + 30
            while not any(m["type"] == "server-message" for m in messages):
                assert asyncio.get_running_loop().time() < deadline_s, messages
                await asyncio.sleep(0.01)
        finally:
            await client.close()
            await made.close()
    return messages


@pytest.mark.parametrize("start", [True, False])
@pytest.mark.parametrize("sample", blocks("json"))
def test_the_samples_for_clients_are_accepted_and_the_client_is_told_that_it_sleeps(sample: str, start: bool) -> None:
    messages = asyncio.run(connect(json.loads(sample), start=start))
    states = [m["data"] for m in messages if m["type"] == "server-message"]
    assert states[0].keys() == json.loads(blocks("json message")[0]).keys()
    words = states[0].pop("words")
    assert states[0] == {"type": "wake-state", "state": "asleep"}
    assert words == json.loads(sample)["config"]["wake_words_gate"]["trigger_words"], "so that a page can say what wakes it"


IMPOSSIBLE: list[tuple[dict[str, Any], str]] = [
    ({"pipeline": ["phrase_endpointing", "llm_context", "llm", "dishwasher", "tts"]}, "dishwasher"),
    ({"pipeline": ["llm", "phrase_endpointing", "llm_context", "tts"]}, "'llm' cannot stand before"),
    ({"config": {"processing_sound_emitter": {"sound": "gong"}}}, "gong"),
    ({"config": {"tts": {"voice": "nobody"}}}, "is not installed"),
]


@pytest.mark.parametrize("start", [True, False])
@pytest.mark.parametrize(("data", "named"), IMPOSSIBLE)
def test_what_cannot_be_is_told_by_name_with_the_first_answer(data: dict[str, Any], named: str, start: bool) -> None:
    async def story() -> None:
        with pytest.raises(httpx.HTTPStatusError) as refused:
            await connect(data, start=start)
        assert refused.value.request.url.path == ("/start" if start else "/api/offer")
        assert refused.value.response.status_code == 422
        assert named in refused.value.response.json()["detail"]

    asyncio.run(story())


@pytest.mark.parametrize(("data", "named"), IMPOSSIBLE)
def test_clients_of_rtvi_0_are_told_the_same(data: dict[str, Any], named: str) -> None:
    made, _ = appliance(Config())
    with TestClient(create_app(Config(), made), base_url="http://localhost:7860") as client:
        refused = client.post("/connect", json=data)
        assert refused.status_code == 422
        assert named in refused.json()["detail"]
        assert "ws_url" in client.post("/connect", json={"config": [], "services": {"llm": "any"}}).json()


def test_a_pipeline_that_cannot_be_built_gives_its_place_in_the_model_back() -> None:
    async def story() -> None:
        made, model = appliance(Config())
        assert made._engines is not None

        def broken(words: Sequence[str]) -> LoudWakeWord:
            raise RuntimeError("no library")

        object.__setattr__(made._engines, "open_wake_words", broken)
        with pytest.raises(RuntimeError):
            made.open_conversation(LoopbackTransport(), {"config": {"wake_words_gate": {"trigger_words": ["alexa"]}}})
        assert made.conversations == 0
        model.open_session().close()

    asyncio.run(story())


@pytest.mark.parametrize("sample", blocks("toml"))
def test_the_samples_for_settings_make_a_pipeline(sample: str, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(sample)
    config = load_config({}, file=file, environment={}).config
    stages = default_stages(config)
    assert ("wake_words_gate" in stages) == bool(config.wake.words)
    assert ("processing_sound_emitter" in stages) == (config.sounds.processing == "tick")
    assert config != Config()
