from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from rtvi_local import virtual_clock
from rtvi_local.config import Config
from rtvi_local.pipeline.frames import Measured
from rtvi_local.pipeline.speaker import LATE_IN_CLAUSE
from rtvi_local.pipeline.trace import Waterfall
from rtvi_local.server.app import create_app
from rtvi_local.server.metrics import Metrics
from tests.server.appliance import FakeAppliance


def client_of(appliance: FakeAppliance, page: Path | None = None) -> TestClient:
    return TestClient(create_app(Config(), appliance, page=page), base_url="http://localhost:7860")


@pytest.fixture
def page(tmp_path: Path) -> Path:
    (tmp_path / "index.html").write_text("<!doctype html><title>talk</title>")
    (tmp_path / "app.js").write_text("export {}")
    (tmp_path / "sdk").mkdir()
    (tmp_path / "sdk" / "client.d.ts").write_text("export {}")
    return tmp_path


def test_the_process_is_alive_before_it_is_ready() -> None:
    with client_of(FakeAppliance(missing=["whisper-base"])) as client:
        assert client.get("/livez").status_code == 200
        response = client.get("/readyz")
        assert response.status_code == 503
        assert response.json() == {"ready": False, "missing": ["whisper-base"]}
        assert client.get("/status").json()["status"] == "starting"


def test_ready_is_ready() -> None:
    with client_of(FakeAppliance()) as client:
        assert client.get("/readyz").json() == {"ready": True}
        status = client.get("/status").json()
        assert (status["status"], status["transports"]) == ("ready", ["webrtc", "websocket"])
        assert status["telephony"] == ["twilio", "telnyx", "plivo", "exotel"]


def test_metrics_are_prometheus_text() -> None:
    with client_of(FakeAppliance()) as client:
        response = client.get("/metrics")
        assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert "rtvi_conversations 0.0" in response.text
        assert "rtvi_loop_stall_seconds_bucket" in response.text
        assert "process_cpu_seconds " in response.text


def test_two_servers_in_one_process_count_apart() -> None:
    with client_of(FakeAppliance()) as one, client_of(FakeAppliance()) as two:
        one.post("/api/offer", json={})
        assert 'rtvi_offers_total{result="OfferError"} 1.0' in one.get("/metrics").text
        assert "OfferError" not in two.get("/metrics").text


@pytest.mark.parametrize("path", ["/", "/app.js", "/livez", "/nothing", "/start"])
def test_every_answer_keeps_the_page_to_itself(page: Path, path: str) -> None:
    with client_of(FakeAppliance(), page) as client:
        headers = client.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'self'; connect-src 'self'; ")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["permissions-policy"] == "microphone=(self), camera=(self)"


def test_the_page_is_served_and_asked_for_again_each_time(page: Path) -> None:
    with client_of(FakeAppliance(), page) as client:
        response = client.get("/")
        assert "<title>talk</title>" in response.text
        assert response.headers["cache-control"] == "no-cache"
        assert client.get("/app.js").headers["content-type"].startswith("text/javascript")
        assert client.get("/sdk/client.d.ts").headers["content-type"] == "application/typescript; charset=utf-8"


@pytest.mark.parametrize("path", ["/../secret", "/%2e%2e/secret", "/..%2fsecret", "//etc/passwd", "/app.js/x"])
def test_nothing_outside_the_page_is_served(page: Path, path: str) -> None:
    (page.parent / "secret").write_text("secret")
    with client_of(FakeAppliance(), page) as client:
        response = client.get(path)
        assert response.status_code == 404
        assert "detail" in response.json()


def test_without_a_page_the_api_works(tmp_path: Path) -> None:
    with client_of(FakeAppliance(), tmp_path) as client:
        response = client.get("/")
        assert response.status_code == 503
        assert "make web" in response.text
        assert client.get("/livez").is_success


def test_wrong_methods_and_paths_are_refused_in_json(tmp_path: Path) -> None:
    with client_of(FakeAppliance(), tmp_path) as client:
        assert client.put("/api/offer", json={}).json() == {"detail": "Method Not Allowed"}
        assert client.get("/nothing").json() == {"detail": "Not Found"}


def test_where_the_time_of_each_answer_went_is_counted_part_by_part() -> None:
    metrics = Metrics()
    metrics.observe_turn(Waterfall(1, {"vad": 55.0, "stt_decode": 110.0}))
    metrics.observe_turn(Waterfall(2, {"vad": 45.0, "stt_decode": 90.0}, began_ms=12_345.0))
    text = metrics.exposition().decode()
    assert 'rtvi_turn_seconds_count{part="vad"} 2.0' in text
    assert 'rtvi_turn_seconds_sum{part="vad"} 0.1' in text
    assert 'rtvi_turn_seconds_sum{part="total"} 0.3' in text
    assert "rtvi_turn_began_seconds 12.345" in text


def test_a_voice_that_is_late_is_counted_by_where_and_a_voice_that_never_was_is_there_too() -> None:
    metrics = Metrics()
    assert 'rtvi_voice_late_seconds_count{place="in clause"} 0.0' in metrics.exposition().decode()
    metrics.observe_frame(Measured(LATE_IN_CLAUSE, "processing", 0.3))
    metrics.observe_frame(Measured("piper", "ttfb", 0.3))
    text = metrics.exposition().decode()
    assert 'rtvi_voice_late_seconds_bucket{le="0.16",place="in clause"} 0.0' in text
    assert 'rtvi_voice_late_seconds_sum{place="in clause"} 0.3' in text
    assert 'rtvi_voice_late_seconds_count{place="between clauses"} 0.0' in text


def test_how_late_the_event_loop_is_is_looked_at_less_often_while_nothing_goes_on() -> None:
    def looks_in_10_s(*, is_idle: bool) -> float | None:
        metrics = Metrics()

        async def watch() -> None:
            watching = asyncio.create_task(metrics.watch_loop(lambda: is_idle))
            await asyncio.sleep(10.01)
            watching.cancel()

        virtual_clock.run(watch())
        return metrics.registry.get_sample_value("rtvi_loop_stall_seconds_count")

    assert (looks_in_10_s(is_idle=False), looks_in_10_s(is_idle=True)) == (100, 20)


def test_how_late_the_event_loop_is_while_an_answer_is_made_is_looked_at_most_often_and_counted_apart() -> None:
    metrics = Metrics()
    answering = False

    async def watch() -> None:
        nonlocal answering
        watching = asyncio.create_task(metrics.watch_loop(lambda: False, lambda: answering))
        await asyncio.sleep(1.05)
        answering = True
        await asyncio.sleep(1.0)
        answering = False
        await asyncio.sleep(1.0)
        watching.cancel()

    virtual_clock.run(watch())
    looks, meanwhile = (
        metrics.registry.get_sample_value(f"rtvi_loop_stall_{which}seconds_count") or 0 for which in ("", "answering_")
    )
    assert 90 <= meanwhile <= 100
    assert looks - meanwhile == pytest.approx(20, abs=1)
