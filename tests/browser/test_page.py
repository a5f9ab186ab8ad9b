"""The page in a real browser over real WebRTC, against a bot that follows the test's script."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from rtvi_local.pipeline.trace import PARTS
from tests.browser.conftest import BrowserHouse
from tests.browser.fake_server import FakeServer, until

pytestmark = pytest.mark.browser


def start(page: Page) -> None:
    page.get_by_role("button", name="Start talking").click()
    expect(page.locator("#state")).to_have_text("Listening")


def state(page: Page, text: str) -> None:
    expect(page.locator("#state")).to_have_text(text)


SHOWN = """
    window.shown = [];
    addEventListener("DOMContentLoaded", () => {
      const state = document.querySelector("#state");
      new MutationObserver(() => shown.push(state.textContent)).observe(state, {childList: true});
    });
"""
"""Keeps every state that is shown: one that passes is easily over between two looks."""
LOST = "Connection lost, trying again"


def has_shown(page: Page, text: str) -> None:
    until(lambda: text in page.evaluate("shown"), f"state {text!r}")


def level(page: Page, side: str) -> float:
    return float(page.evaluate(f"Number(document.querySelector('#orb').style.getPropertyValue('{side}'))"))


def transcription(text: str, final: bool) -> dict[str, Any]:
    return {"text": text, "final": final, "timestamp": "2026-01-01T00:00:00.000+00:00", "user_id": ""}


def output(text: str, status: str, said: str, segment: int = 1) -> dict[str, Any]:
    progress = {"accumulated_text": said, "remaining_text": text[len(said) :]}
    return {
        "text": text,
        "output_type": "sentence",
        "aggregated_by": "sentence",
        "segment_id": segment,
        "will_be_spoken": True,
        "spoken_status": status,
        "spoken_progress": progress,
    }


def test_it_connects_sends_the_microphone_and_plays_the_bot(house: BrowserHouse, server: FakeServer, tone_wav: Path) -> None:
    page = house.visit(server.url, microphone=tone_wav)
    state(page, "Ready when you are")
    start(page)
    assert server.messages("client-ready")[0]["data"]["version"].startswith("2.")
    until(lambda: server.heard_peak > 1000, "sound from the microphone")
    server.sound(True)
    # The orb moves with what is really played.
    until(lambda: level(page, "--bot") > 0.3, "movement with the bot's voice")
    until(lambda: level(page, "--user") > 0.3, "movement with the person's voice")
    assert page.evaluate("!document.querySelector('#voice').paused")
    page.get_by_role("button", name="End", exact=True).click()
    state(page, "Ready when you are")


def test_a_spoken_turn_is_shown_as_it_happens(house: BrowserHouse, server: FakeServer) -> None:
    page = house.visit(server.url)
    start(page)
    server.send("user-started-speaking")
    state(page, "You're speaking")
    server.send("user-transcription", transcription("Turn on", False))
    expect(page.locator(".user .interim")).to_have_text("Turn on")
    server.send("user-transcription", transcription(" Turn on the lamp. ", True))
    expect(page.locator(".user .final")).to_have_text("Turn on the lamp.")
    expect(page.locator(".user .interim")).to_have_text("")
    server.send("user-stopped-speaking")
    state(page, "Thinking")
    server.send("bot-llm-started")
    server.send("metrics", {"ttfb": [{"processor": "whisper", "value": 0.12}, {"processor": "llama#0", "value": 0.3}]})
    server.send("bot-started-speaking")
    state(page, "Speaking")
    expect(page.locator("#latency")).to_have_text(re.compile(r"^Answered in [\d.]+ s · hearing 0\.12 s · thinking 0\.30 s$"))
    # The appliance's own account of the turn counts from the last word, which the page cannot know.
    parts = {
        "vad": 0.06,
        "silence": 0.04,
        "stt_encode": 0.03,
        "stt_decode": 0.02,
        "prefill": 0.15,
        "first_token": 0.05,
        "first_clause": 0.05,
        "tts_phonemes": 0.01,
        "tts_encode": 0.03,
        "tts_decode": 0.02,
        "queue": 0.01,
        "packet": 0.01,
    }
    assert set(parts) <= set(PARTS)
    server.send("metrics", {"processing": [{"processor": f"turn.{name}", "value": value} for name, value in parts.items()]})
    expect(page.locator("#latency")).to_have_text(
        "Answered in 0.48 s · pause 0.10 s · hearing 0.05 s · thinking 0.25 s · voice 0.08 s"
    )
    text = "The lamp is on."
    server.send("bot-output", output(text, "new", ""))
    expect(page.locator(".bot .unsaid")).to_have_text(text)
    server.send("bot-output", output(text, "in-progress", "The lamp"))
    expect(page.locator(".bot .said")).to_have_text("The lamp")
    expect(page.locator(".bot .unsaid")).to_have_text(" is on.")
    server.send("bot-output", output(text, "completed", text))
    server.send("bot-output", output("Anything else?", "new", "", segment=2))
    expect(page.locator(".bot")).to_have_count(1)
    expect(page.locator(".bot p")).to_have_text("The lamp is on. Anything else?")
    server.send("bot-stopped-speaking")
    state(page, "Listening")
    # Screen readers are told each finished piece once, not every word.
    expect(page.locator("#announcer p")).to_have_text(
        ["You: Turn on the lamp.", "Assistant: The lamp is on.", "Assistant: Anything else?"]
    )


def test_it_is_seen_whether_it_sleeps_and_what_wakes_it(house: BrowserHouse, server: FakeServer) -> None:
    page = house.visit(server.url)
    start(page)
    server.send("server-message", {"type": "wake-state", "state": "asleep", "words": ["okay nabu", "hey jarvis"]})
    state(page, "Asleep")
    expect(page.locator("#hint")).to_have_text('Say "okay nabu" or "hey jarvis" to wake it.')
    server.send("server-message", {"type": "wake-state", "state": "awake", "words": ["okay nabu", "hey jarvis"]})
    state(page, "Listening")
    expect(page.locator("#hint")).to_have_text("")
    server.send("server-message", {"type": "something-else", "state": "asleep"})
    server.send("server-message", None)
    server.send("user-started-speaking")
    state(page, "You're speaking")


def test_an_interruption_strikes_out_what_was_not_said(house: BrowserHouse, server: FakeServer) -> None:
    page = house.visit(server.url)
    start(page)
    server.send("bot-started-speaking")
    server.send("bot-output", output("One, two, three.", "in-progress", "One,"))
    expect(page.locator(".bot")).to_have_text(re.compile("One"))
    server.send("user-started-speaking")
    state(page, "You're speaking")
    expect(page.locator(".bot.interrupted .unsaid")).to_have_text(" two, three.")
    server.send("bot-stopped-speaking")
    # The bot falling silent must not hide that the person is speaking.
    server.send("user-transcription", transcription("Stop.", True))
    expect(page.locator(".user .final")).to_have_text("Stop.")
    state(page, "You're speaking")


def test_a_final_text_that_the_answer_overtakes_replaces_its_interim(house: BrowserHouse, server: FakeServer) -> None:
    page = house.visit(server.url)
    start(page)
    server.send("user-transcription", transcription("What is", False))
    server.send("bot-output", output("A lamp.", "new", ""))
    server.send("user-transcription", transcription("What is that?", True))
    expect(page.locator("#transcript li")).to_have_text([re.compile("What is that\\?"), re.compile("A lamp.")])


def test_typing_works_without_a_microphone(house: BrowserHouse, server: FakeServer) -> None:
    page = house.visit(server.url, permission=False)
    page.get_by_role("button", name="Type instead").click()
    state(page, "Waiting for your message")
    box = page.get_by_role("textbox", name="Your message")
    expect(box).to_be_focused()
    box.fill("Good evening")
    box.press("Enter")
    sent = until(lambda: server.messages("send-text"), "send-text")
    assert sent[0]["data"] == {"content": "Good evening", "options": {"run_immediately": True, "audio_response": True}}
    expect(page.locator(".user")).to_have_text(re.compile("Good evening"))
    expect(box).to_have_value("")
    state(page, "Thinking")
    server.send("bot-output", {"text": "Hello.", "will_be_spoken": False, "spoken_status": "new", "segment_id": 1})
    expect(page.locator(".bot .said")).to_have_text("Hello.")
    state(page, "Waiting for your message")
    statuses = [m["message"] for m in server.messages("signalling") if m["message"]["receiver_index"] == 0]
    assert [s["enabled"] for s in statuses] == [False]


def test_muting_silences_the_microphone_and_tells_the_server(house: BrowserHouse, server: FakeServer, tone_wav: Path) -> None:
    page = house.visit(server.url, microphone=tone_wav)
    start(page)
    until(lambda: server.heard_peak > 1000, "sound from the microphone")
    page.get_by_role("button", name="Mute").click()
    expect(page.get_by_role("button", name="Unmute")).to_have_attribute("aria-pressed", "true")
    state(page, "Microphone is off")

    def silent_now() -> bool:
        server.heard_peak = 0
        page.wait_for_timeout(300)
        return server.heard_peak < 100

    until(silent_now, "silence")
    until(
        lambda: server.messages("signalling")[-1]["message"] == {"type": "trackStatus", "receiver_index": 0, "enabled": False},
        "it",
    )
    page.get_by_role("button", name="Unmute").click()
    until(lambda: server.heard_peak > 1000, "sound again")


def test_another_microphone_is_sent_at_once_and_remembered(house: BrowserHouse, server: FakeServer, tone_wav: Path) -> None:
    page = house.visit(server.url, microphone=tone_wav)
    start(page)
    until(lambda: server.heard_peak > 1000, "sound from the microphone")
    page.get_by_role("button", name="Microphone and loudspeaker").click()
    select = page.get_by_label("Microphone", exact=True)
    # The list is filled before the dialog opens, and neither is there as soon as the button was pressed.
    expect(select).to_be_visible()
    names = select.locator("option").all_inner_texts()
    assert len(names) > 1, names
    select.select_option(names[-1])
    page.get_by_role("button", name="Done").click()
    page.wait_for_timeout(300)
    server.heard_peak = 0
    # The track before is stopped: only the new one can be heard now.
    until(lambda: server.heard_peak > 1000, "sound from the other microphone")
    page.get_by_role("button", name="End", exact=True).click()
    page.reload()
    page.get_by_role("button", name="Microphone and loudspeaker").click()
    assert page.evaluate("localStorage.getItem('microphone')")


TWO_LOUDSPEAKERS = """
    const given = navigator.mediaDevices.enumerateDevices.bind(navigator.mediaDevices);
    const loudspeaker = (deviceId, label) => ({ kind: "audiooutput", deviceId, label, groupId: "" });
    navigator.mediaDevices.enumerateDevices = async () => [
        ...(await given()).filter(({ kind }) => kind !== "audiooutput"),
        loudspeaker("1", "Headphones"),
        loudspeaker("2", "Kitchen"),
    ];
    window.sinks = [];
    HTMLMediaElement.prototype.setSinkId = async function (deviceId) { sinks.push([this.id, deviceId]); };
"""


def test_another_loudspeaker_plays_at_once_and_is_remembered(house: BrowserHouse, server: FakeServer) -> None:
    page = house.visit(server.url, init_script=TWO_LOUDSPEAKERS)
    start(page)
    assert page.evaluate("sinks.splice(0)") == [["voice", ""]]
    page.get_by_role("button", name="Microphone and loudspeaker").click()
    select = page.get_by_label("Loudspeaker", exact=True)
    expect(select.locator("option")).to_have_text(["The system's default", "Headphones", "Kitchen"])
    select.select_option("Kitchen")
    until(lambda: page.evaluate("sinks.splice(0)") == [["voice", "2"]], "it on the other loudspeaker")
    page.get_by_role("button", name="Done").click()
    page.get_by_role("button", name="End", exact=True).click()
    page.reload()
    start(page)
    assert page.evaluate("sinks.splice(0)") == [["voice", "2"]]
    page.get_by_role("button", name="Microphone and loudspeaker").click()
    expect(page.get_by_label("Loudspeaker", exact=True)).to_have_value("2")


def test_a_connection_that_breaks_is_restored_with_a_live_microphone_and_the_bots_sound(
    house: BrowserHouse, server: FakeServer, tone_wav: Path
) -> None:
    page = house.visit(server.url, microphone=tone_wav, init_script=SHOWN)
    start(page)
    until(lambda: server.heard_peak > 1000, "sound from the microphone")
    # The server asks for a new offer and answers it from a new peer: the transport closes the old connection,
    # and with it, without the page's precaution, the microphone.
    server.do(server.close_peers())
    until(lambda: server.offers == 2, "a second offer", 60)
    has_shown(page, LOST)
    server.heard_peak = 0
    until(lambda: server.heard_peak > 1000, "sound after the reconnection")
    state(page, "Listening")
    server.sound(True)
    until(lambda: level(page, "--bot") > 0.3, "sound of the bot after the reconnection")


def test_a_denied_microphone_is_explained_and_typing_offered(house: BrowserHouse, server: FakeServer) -> None:
    page = house.visit(server.url, permission=False)
    page.get_by_role("button", name="Start talking").click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("The microphone is not allowed")
    expect(alert).to_contain_text("try again")
    alert.get_by_role("button", name="Type instead").click()
    state(page, "Waiting for your message")
    expect(alert).to_be_hidden()


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("NotFoundError", "No microphone was found"),
        ("NotReadableError", "The microphone is in use"),
        ("TypeError", "could not be opened"),
    ],
)
def test_a_microphone_that_fails_is_explained(house: BrowserHouse, server: FakeServer, name: str, title: str) -> None:
    failing = f"navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', '{name}'))"
    page = house.visit(server.url, init_script=failing)
    page.get_by_role("button", name="Start talking").click()
    expect(page.get_by_role("alert")).to_contain_text(title)
    expect(page.get_by_role("button", name="Start talking")).to_be_visible()


def test_an_insecure_origin_is_explained(house: BrowserHouse, server: FakeServer) -> None:
    # Chromium treats every name that is not localhost as insecure over HTTP.
    flags = ["--host-resolver-rules=MAP tablet.test 127.0.0.1"]
    page = house.visit(f"http://tablet.test:{server.port}/", flags=flags)
    expect(page.get_by_role("alert")).to_contain_text(f"open http://localhost:{server.port}")
    page.get_by_role("button", name="Start talking").click()
    expect(page.get_by_role("alert")).to_contain_text("keeps the microphone from this page")
    page.get_by_role("alert").get_by_role("button", name="Type instead").click()
    state(page, "Waiting for your message")


NO_UDP = ["--webrtc-ip-handling-policy=disable_non_proxied_udp"]
"""As on a machine whose every network is off: no ICE candidate."""


def test_where_webrtc_cannot_connect_the_conversation_goes_over_the_websocket(
    house: BrowserHouse, server: FakeServer, tone_wav: Path
) -> None:
    page = house.visit(server.url, flags=NO_UDP, microphone=tone_wav)
    page.get_by_role("button", name="Start talking").click()
    state(page, "Listening")
    assert (server.offers, server.sockets) == (0, 1)
    until(lambda: server.heard_peak > 5000, "sound of the microphone")
    server.sound(True)
    until(lambda: level(page, "--bot") > 0.3, "sound of the bot")
    server.sound(False)
    server.send("user-transcription", {"text": "Hello.", "user_id": "", "timestamp": "", "final": True})
    expect(page.locator(".user .final")).to_have_text("Hello.")
    page.get_by_role("button", name="Mute").click()
    until(lambda: _quiet(server), "silence of the microphone")
    page.get_by_role("button", name="End", exact=True).click()
    state(page, "Ready when you are")


def test_a_bot_that_leaves_ends_the_conversation_on_the_websocket_too(house: BrowserHouse, server: FakeServer) -> None:
    page = house.visit(server.url, flags=NO_UDP)
    page.get_by_role("button", name="Start talking").click()
    state(page, "Listening")
    server.hang_up(1000)
    expect(page.get_by_role("alert")).to_contain_text("ended by the assistant")


def test_a_websocket_that_breaks_is_explained(house: BrowserHouse, server: FakeServer) -> None:
    page = house.visit(server.url, flags=NO_UDP)
    page.get_by_role("button", name="Start talking").click()
    state(page, "Listening")
    server.hang_up(1011)
    expect(page.get_by_role("alert")).to_contain_text("connection was lost")


def test_where_udp_is_blocked_the_websocket_is_tried_after_a_while(
    house: BrowserHouse, server: FakeServer, tone_wav: Path
) -> None:
    server.deaf = True
    page = house.visit(server.url, microphone=tone_wav)
    page.get_by_role("button", name="Start talking").click()
    expect(page.locator("#state")).to_have_text("Listening", timeout=60_000)
    assert server.offers >= 1
    assert server.sockets == 1
    until(lambda: server.heard_peak > 5000, "sound of the microphone")
    page.get_by_role("button", name="End", exact=True).click()
    state(page, "Ready when you are")


def _quiet(server: FakeServer) -> bool:
    server.heard_peak = 0
    time.sleep(0.2)
    return server.heard_peak == 0


def test_models_that_still_load_are_named_and_waited_for(house: BrowserHouse, server: FakeServer) -> None:
    server.missing = ["whisper-base", "the voice"]
    page = house.visit(server.url, allowed_errors=["503.*readyz"])
    state(page, "Getting ready")
    expect(page.locator("#hint")).to_have_text("Still loading: whisper-base, the voice")
    expect(page.get_by_role("button", name="Start talking")).to_be_disabled()
    server.missing = []
    state(page, "Ready when you are")
    expect(page.get_by_role("button", name="Start talking")).to_be_enabled()


@pytest.mark.parametrize("status", [429, 503])
def test_a_full_server_says_so(house: BrowserHouse, server: FakeServer, status: int) -> None:
    server.refusal = (status, "4 of 4 conversations are taken")
    page = house.visit(server.url, allowed_errors=[f"{status}.*api/offer"])
    page.get_by_role("button", name="Start talking").click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("All places are taken")
    expect(alert).to_contain_text("4 of 4 conversations are taken.")
    server.refusal = None
    alert.get_by_role("button", name="Try again").click()
    state(page, "Listening")


def test_a_bot_that_leaves_ends_the_conversation(house: BrowserHouse, server: FakeServer) -> None:
    page = house.visit(server.url)
    start(page)
    server.leave()
    expect(page.get_by_role("alert")).to_contain_text("ended by the assistant")
    state(page, "Ready when you are")


def test_errors_of_the_server_are_shown_and_fatal_ones_end_it(house: BrowserHouse, server: FakeServer) -> None:
    page = house.visit(server.url)
    start(page)
    server.send("error", {"error": "The voice failed", "message": "The voice failed", "fatal": False})
    expect(page.get_by_role("alert")).to_contain_text("The voice failed.")
    state(page, "Listening")
    page.get_by_role("alert").get_by_role("button", name="OK").click()
    server.send("error", {"error": "Out of memory", "fatal": True})
    expect(page.get_by_role("alert")).to_contain_text("Out of memory.")
    state(page, "Ready when you are")


def test_a_server_that_goes_away_is_noticed_and_awaited(house: BrowserHouse, server: FakeServer) -> None:
    page = house.visit(server.url, allowed_errors=["ERR_CONNECTION_REFUSED"], init_script=SHOWN)
    start(page)
    server.stop()
    expect(page.get_by_role("alert")).to_contain_text("does not answer", timeout=60_000)
    has_shown(page, LOST)
    server.restart()
    state(page, "Ready when you are")
    expect(page.get_by_role("alert")).to_be_hidden()
    start(page)


def test_connecting_can_be_cancelled(house: BrowserHouse, server: FakeServer) -> None:
    # The bot never becomes ready, since its first message is never sent.
    server.send = lambda *_args, **_kwargs: None  # type: ignore[method-assign]
    page = house.visit(server.url)
    page.get_by_role("button", name="Start talking").click()
    state(page, "Connecting")
    page.get_by_role("button", name="Cancel").click()
    state(page, "Ready when you are")
    expect(page.get_by_role("alert")).to_be_hidden()


def test_the_keyboard_is_enough(house: BrowserHouse, server: FakeServer) -> None:
    page = house.visit(server.url)
    state(page, "Ready when you are")
    page.get_by_role("button", name="Start talking").focus()
    page.keyboard.press("Enter")
    state(page, "Listening")
    # The button is gone; the focus went to the one that took its place.
    expect(page.get_by_role("button", name="End", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    state(page, "Ready when you are")
    expect(page.get_by_role("button", name="Start talking")).to_be_focused()


def test_a_server_that_restarts_before_the_click_is_waited_for(house: BrowserHouse, server: FakeServer) -> None:
    page = house.visit(server.url, allowed_errors=["503.*readyz"])
    state(page, "Ready when you are")
    server.missing = ["the voice"]
    page.get_by_role("button", name="Start talking").click()
    state(page, "Getting ready")
    expect(page.locator("#hint")).to_have_text("Still loading: the voice")
    expect(page.get_by_role("alert")).to_be_hidden()
    server.missing = []
    state(page, "Ready when you are")


def test_the_newest_line_stays_in_sight_unless_the_person_scrolls_up(house: BrowserHouse, server: FakeServer) -> None:
    page = house.visit(server.url, width=390, height=600)
    start(page)
    lines = page.locator("#transcript")
    for number in range(20):
        server.send(
            "user-transcription", transcription(f"Question {number}, which is longer than one line of a telephone", True)
        )
        server.send("bot-output", output(f"Answer {number}.", "completed", "", segment=number))
    server.send("error", {"error": "Something above takes room", "fatal": False})
    expect(lines.get_by_text("Answer 19.")).to_be_in_viewport()
    page.locator("#transcript").evaluate("list => list.scrollTo(0, 0)")
    expect(lines.get_by_text("Question 0,")).to_be_in_viewport()
    server.send("user-transcription", transcription("One more", True))
    expect(page.locator("#transcript li")).to_have_count(41)
    expect(lines.get_by_text("Question 0,")).to_be_in_viewport()


def test_nothing_runs_out_of_a_small_screen(house: BrowserHouse, server: FakeServer) -> None:
    page = house.visit(server.url, width=320, height=568)
    overflow = "document.documentElement.scrollWidth > innerWidth || document.documentElement.scrollHeight > innerHeight"
    state(page, "Ready when you are")
    assert not page.evaluate(overflow)
    start(page)
    server.send("user-transcription", transcription("Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen" * 2, True))
    expect(page.locator(".user .final")).to_have_text(re.compile("Donau"))
    assert not page.evaluate(overflow)
