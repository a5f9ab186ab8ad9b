"""Real clients, unmodified, in a real browser against the real server: what works is what docs/clients.md says."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, sync_playwright

from rtvi_local.config import Echo
from rtvi_local.engines.fakes import ToneVoice
from tests.browser.conformance.feature import NOT_THERE, YES, NotThere
from tests.browser.conformance.features import FEATURES
from tests.browser.conformance.table import CLIENTS, row, rows, write_measured, write_row
from tests.browser.conformance.talk import COMMON, Client, Talk, answer
from tests.browser.conftest import LATE_CANDIDATE, BrowserHouse
from tests.browser.fake_appliance import fake_appliance

pytestmark = pytest.mark.browser

PAGE = '<!doctype html><meta charset="utf-8"><title>{0}</title><body><script src="{0}.js"></script>'


FLAGS = (
    "--autoplay-policy=no-user-gesture-required",
    # A page that the test makes up has no address, and Chromium takes it for one of the internet's.
    "--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets",
)
ENDINGS = (
    "websocket connection closed",
    "Fatal error reported",
    "attempt to send to closed socket",
    LATE_CANDIDATE,
    "offer rejected with status 404",
    r"422 \(Unprocessable Entity\) \(.*/(api/offer|start|connect)\)",
    "offer rejected with status 422",
    "Error fetching connection params",
    "'send' on 'RTCDataChannel': RTCDataChannel.readyState is not 'open'",
)
"""How the transports tell of a conversation that would not begin, that the bot has ended (WebRTC's may still have a candidate
to tell), or whose connection is lost (it goes on saying that it is alive)."""
AT_ONCE = 3
"""How many are tried at the same time: most of it is waiting for speech, which takes its time."""


@dataclass
class Outcome:
    features: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    measured: dict[str, float] = field(default_factory=dict)


def attempt(client: Client, bundle: Path) -> Outcome:
    """Try every feature with this client, one after the other in the same conversation."""
    source = bundle.read_text(encoding="utf-8")
    outcome = Outcome()
    with sync_playwright() as playwright:
        house = BrowserHouse(playwright)
        with fake_appliance(house, replies=answer, models=["other"]) as (url, appliance):
            appliance.voice = ToneVoice(character_ms=15)
            # The fake voice and the test's are both tones: the one explains the other, as a real one does not.
            appliance.config = replace(appliance.config, echo=Echo(ignore=False))
            talk = Talk(client, visit(house, url, client.name, source, allowed_errors=ENDINGS), appliance, source)
            for feature in FEATURES:
                try:
                    feature.check(talk)
                    outcome.features[feature.name] = YES
                except NotThere:
                    outcome.features[feature.name] = NOT_THERE
                except Exception as error:
                    outcome.features[feature.name] = "no"
                    outcome.faults.append(f"{feature.name}: {type(error).__name__}: {error}\n    {talk.names()}")
            outcome.measured = talk.measured
        house.close()
    return outcome


def visit(
    house: BrowserHouse,
    url: str,
    name: str,
    source: str,
    *,
    recording: Path | None = None,
    allowed_errors: Sequence[str] = (),
) -> Page:
    """The client's page, as if the appliance served it. Its microphone plays the recording, or what the test has it speak."""
    scripts = ["ear.js"] if recording else ["ear.js", "microphone.js"]
    init_script = "\n".join((COMMON / name).read_text(encoding="utf-8") for name in scripts)
    page = house.visit(url, go=False, flags=FLAGS, allowed_errors=allowed_errors, init_script=init_script, microphone=recording)

    def serve(route: Route) -> None:
        if route.request.url.endswith(".js"):
            route.fulfill(content_type="text/javascript", body=source)
        else:
            route.fulfill(content_type="text/html", body=PAGE.format(name))

    page.route("**/conformance/*", serve)
    page.goto(f"{url}conformance/{name}.html")
    return page


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest, bundles: Path) -> Iterator[dict[str, Future[Outcome]]]:
    """Of the clients that were asked for, each in a browser of its own."""
    calls: list[Any] = [
        item.callspec for item in request.session.items if isinstance(item, pytest.Function) and hasattr(item, "callspec")
    ]
    asked: list[Client] = [call.params["client"] for call in calls if "client" in call.params]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {client.name: pool.submit(attempt, client, bundles / f"{client.name}.js") for client in asked}


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: str(client.name))
def test_a_client_can_do_what_the_table_says(client: Client, outcomes: dict[str, Future[Outcome]]) -> None:
    outcome = outcomes[client.name].result()
    write_measured(client, outcome.measured)
    assert not outcome.faults, "\n".join(outcome.faults)
    if os.environ.get("REWRITE_CLIENTS"):
        write_row(client, outcome.features)
    assert rows()[client.name] == row(client, outcome.features)
