"""Conversations that sleep until their wake word, on engines without models, in virtual time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from rtvi_local import virtual_clock
from rtvi_local.config import Config, Llm, Stt, Wake
from rtvi_local.engines.fakes import (
    EchoTranscriber,
    LoudWakeWord,
    ScriptedModel,
    ScriptedTurnDetector,
    ScriptedVad,
    ToneVoice,
)
from rtvi_local.engines.interfaces import Float32
from rtvi_local.pipeline.conversation import Conversation
from rtvi_local.pipeline.engines import Engines
from rtvi_local.stages.pipeline_request import default_stages
from rtvi_local.transports.loopback import LoopbackTransport

QUIET, SOFT, LOUD = 0, 8000, 24_000
"""Peaks: silence, speech, the wake word."""


def what_was_said(samples: Float32) -> str:
    """The fakes' language: the loud is "okay now boo", each 500 ms of the soft a word."""
    peaks = np.abs(samples[: samples.size // 320 * 320].reshape(-1, 320)).max(axis=1)
    command = ("turn on the light please and then the other one as well " * 10).split()
    words = command[: round(float(np.sum((peaks > 0.1) & (peaks < 0.5))) * 20 / 500)]
    text = " ".join([*(["Okay, now boo,"] if (peaks > 0.5).any() else []), *words])
    return f"{text[0].upper()}{text[1:]}." if text else ""


class GlancingTranscriber(EchoTranscriber):
    """To which all that was said resembles any text, or nothing does."""

    resembles = True

    async def fits(self, samples: Float32, texts: Sequence[str], *, language: str) -> Sequence[float]:
        return [-1.0 if self.resembles else -50.0 * len(text.split()) for text in texts]


class Kiosk:
    """A client in a room with an appliance that sleeps."""

    def __init__(
        self,
        words: tuple[str, ...] = ("okay nabu",),
        reply: str = "Yes of course.",
        late_ms: int = 0,
        language: str = "en",
    ) -> None:
        """`late_ms`: after which the small model recognises its word."""
        self.config = replace(
            Config(),
            llm=Llm(system_prompt="Be brief."),
            stt=Stt(language=language, interim_ms=500),
            wake=Wake(words=words, follow_up_s=4.0),
        )
        self.transport = LoopbackTransport()
        self.says: str | None = None
        """What is understood from now on, whatever it sounds like; None: the fakes' language."""
        self.transcriber = GlancingTranscriber(
            lambda samples: what_was_said(samples) if self.says is None else self.says, delay_ms=80
        )
        self.model = ScriptedModel(lambda _: reply, first_token_ms=50, token_ms=20)
        self.detectors: list[LoudWakeWord] = []
        self._late_ms = late_ms
        engines = Engines(
            ScriptedVad,
            ScriptedTurnDetector(delay_ms=20),
            self.transcriber,
            lambda _t, _s: False,
            self.model,
            ToneVoice(delay_ms=30),
            open_wake_words=self._open_wake_words,
        )
        self.conversation = Conversation(self.transport, engines, self.config, stages=default_stages(self.config))
        self.conversation.start()
        self.send("client-ready", {"version": "2.1.0", "about": {"library": "test"}})

    def _open_wake_words(self, words: Sequence[str]) -> LoudWakeWord:
        self.detectors.append(LoudWakeWord(words[0], lasts_ms=800, late_ms=self._late_ms))
        return self.detectors[-1]

    def send(self, type: str, data: object = None) -> None:
        id = f"{type}-{asyncio.get_running_loop().time()}"
        self.conversation.on_message(json.dumps({"label": "rtvi-ai", "type": type, "id": id, "data": data}))

    async def hear(self, *pieces: tuple[int, int], says: str | None = None) -> None:
        """Peak and milliseconds of each."""
        self.says = says
        tones = [(peak * np.sin(np.arange(16 * length_ms) * 0.3)).astype(np.int16) for peak, length_ms in pieces]
        await self.transport.hear(self.conversation, np.concatenate(tones))

    @property
    def states(self) -> list[str]:
        return [state for _, state in self._states()]

    def _states(self) -> list[tuple[int, str]]:
        data = [(n, m["data"]) for n, m in enumerate(map(json.loads, self.transport.messages)) if m["type"] == "server-message"]
        return [(number, message["state"]) for number, message in data if message["type"] == "wake-state"]

    @property
    def types(self) -> list[str]:
        return [json.loads(text)["type"] for text in self.transport.messages]

    @property
    def questions(self) -> list[object]:
        return [m["content"] for m in self.conversation.context.messages if m["role"] == "user"]

    async def hang_up(self) -> None:
        self.conversation.on_closed("done")
        await self.conversation.ended()


def test_asleep_nothing_is_transcribed_and_only_the_small_model_listens() -> None:
    async def story() -> None:
        kiosk = Kiosk()
        await kiosk.hear((SOFT, 3000), (QUIET, 2000), (SOFT, 1000), (QUIET, 1000))
        assert kiosk.transcriber.heard_samples == []
        assert kiosk.detectors[0].heard_samples == 7 * 16_000
        assert kiosk.states == ["asleep"]
        assert set(kiosk.types) == {"bot-ready", "server-message"}
        await kiosk.hang_up()
        assert kiosk.detectors[0].closed

    virtual_clock.run(story())


def test_the_transport_may_ask_whether_anybody_is_listened_to() -> None:
    async def story() -> None:
        kiosk, other = Kiosk(), Kiosk(words=())
        assert kiosk.conversation.is_asleep
        await kiosk.hear((LOUD, 800), (QUIET, 500))
        assert not kiosk.conversation.is_asleep
        await kiosk.hear((QUIET, 5000))
        assert kiosk.conversation.is_asleep
        assert not other.conversation.is_asleep, "one without a wake word never sleeps"
        await kiosk.hang_up()
        await other.hang_up()

    virtual_clock.run(story())


def test_a_command_that_follows_without_a_pause_is_heard_whole_and_the_wake_word_is_no_part_of_it() -> None:
    async def story() -> None:
        kiosk = Kiosk()
        await kiosk.hear((QUIET, 1000), (LOUD, 600), (SOFT, 2500), (QUIET, 1200))
        assert kiosk.questions == ["Turn on the light please."]
        assert kiosk.states == ["asleep", "awake"]
        types = kiosk.types
        assert types.index("user-started-speaking") < types.index("user-stopped-speaking") < types.index("bot-started-speaking")
        await kiosk.hang_up()

    virtual_clock.run(story())


def test_the_wake_word_alone_gets_no_answer_but_the_command_after_it_does() -> None:
    async def story() -> None:
        kiosk = Kiosk()
        await kiosk.hear((LOUD, 600), (QUIET, 2000))
        assert kiosk.questions == []
        assert "bot-llm-started" not in kiosk.types
        await kiosk.hear((SOFT, 1000), (QUIET, 1500))
        assert kiosk.questions == ["Turn on."]
        await kiosk.hang_up()

    virtual_clock.run(story())


def test_talk_that_came_before_the_wake_word_is_no_part_of_the_command() -> None:
    async def story() -> None:
        kiosk = Kiosk()
        talk = "So I told him that, ok, now boo, stop the music."
        await kiosk.hear((SOFT, 3000), (LOUD, 600), (SOFT, 1000), (QUIET, 1500), says=talk)
        assert kiosk.questions == ["Stop the music."]
        await kiosk.hang_up()

    virtual_clock.run(story())


def test_after_the_answer_it_listens_for_more_and_then_sleeps_and_forgets() -> None:
    async def story() -> None:
        kiosk = Kiosk()
        await kiosk.hear((LOUD, 600), (SOFT, 1000), (QUIET, 3000))
        assert "bot-stopped-speaking" in kiosk.types
        await kiosk.hear((SOFT, 1500), (QUIET, 3000))
        assert kiosk.questions == ["Turn on.", "Turn on the."]
        assert kiosk.states == ["asleep", "awake"]
        await kiosk.hear((QUIET, 4000))
        assert kiosk.states == ["asleep", "awake", "asleep"]
        count = len(kiosk.transcriber.heard_samples)
        await kiosk.hear((SOFT, 2000), (QUIET, 2000))
        assert len(kiosk.transcriber.heard_samples) == count
        assert len(kiosk.questions) == 2
        assert kiosk.detectors[0].resets == 1
        await kiosk.hear((LOUD, 600), (SOFT, 500), (QUIET, 2000))
        assert kiosk.questions[2:] == ["Turn."]
        await kiosk.hang_up()

    virtual_clock.run(story())


def test_a_follow_up_that_begins_just_before_it_would_sleep_is_heard_to_its_end() -> None:
    async def story() -> None:
        kiosk = Kiosk()
        await kiosk.hear((LOUD, 600), (QUIET, 3000), (SOFT, 3000), (QUIET, 1600))
        assert kiosk.questions == ["Turn on the light please and."]
        assert kiosk.states == ["asleep", "awake"]
        await kiosk.hang_up()

    virtual_clock.run(story())


def test_its_own_voice_does_not_wake_it() -> None:
    async def story() -> None:
        kiosk = Kiosk(reply="You can say okay nabu to wake me up whenever you like to talk.")
        kiosk.send("send-text", {"content": "How do I wake you?"})
        await kiosk.hear((QUIET, 500), (LOUD, 600))
        assert "bot-started-speaking" in kiosk.types
        assert kiosk.states == ["asleep"]
        await kiosk.hear((QUIET, 8000), (LOUD, 600))
        assert "bot-stopped-speaking" in kiosk.types
        assert kiosk.states == ["asleep", "awake"]
        await kiosk.hang_up()

    virtual_clock.run(story())


@pytest.mark.parametrize("late_ms", [0, 400])
def test_the_end_of_its_own_voice_does_not_wake_it_when_it_has_faded(late_ms: int) -> None:
    async def story() -> None:
        kiosk = Kiosk(reply="Okay nabu.", late_ms=late_ms)
        kiosk.send("send-text", {"content": "Who are you?"})
        while "bot-stopped-speaking" not in kiosk.types:
            await kiosk.hear((QUIET, 20))
        await kiosk.hear((LOUD, 200), (QUIET, 3000))
        assert kiosk.states == ["asleep"]
        await kiosk.hear((LOUD, 600), (QUIET, late_ms))
        assert kiosk.states == ["asleep", "awake"]
        await kiosk.hang_up()

    virtual_clock.run(story())


def test_a_client_that_reconnects_its_page_is_told_the_state() -> None:
    async def story() -> None:
        kiosk = Kiosk()
        await kiosk.hear((LOUD, 600), (QUIET, 1000))
        kiosk.send("client-ready", {"version": "2.1.0", "about": {"library": "test"}})
        assert kiosk.states == ["asleep", "awake", "awake"]
        await kiosk.hang_up()

    virtual_clock.run(story())


TEXT = ("hey computer", "ok computer")


def test_trigger_words_without_a_model_are_found_in_what_is_said() -> None:
    async def story() -> None:
        kiosk = Kiosk(words=TEXT)
        await kiosk.hear((SOFT, 2000), (QUIET, 1500), says="Some other talk.")
        assert kiosk.questions == []
        assert "user-started-speaking" not in kiosk.types
        await kiosk.hear((SOFT, 2000), (QUIET, 1500), says="Hay computer, what time is it?")
        assert kiosk.questions == ["What time is it?"]
        assert kiosk.states == ["asleep", "awake"]
        assert kiosk.detectors == []
        await kiosk.hang_up()

    virtual_clock.run(story())


def test_asleep_each_phrase_is_transcribed_once_when_it_has_ended() -> None:
    async def story() -> None:
        kiosk = Kiosk(words=TEXT)
        await kiosk.hear((SOFT, 6000), (QUIET, 1500), says="Some talk that goes on and on.")
        assert len(kiosk.transcriber.heard_samples) == 1
        assert "metrics" not in kiosk.types
        assert "user-transcription" not in kiosk.types
        await kiosk.hang_up()

    virtual_clock.run(story())


def test_asleep_what_does_not_resemble_the_trigger_words_is_not_transcribed_and_awake_everything_is() -> None:
    async def story() -> None:
        kiosk = Kiosk(words=TEXT)
        kiosk.transcriber.resembles = False
        await kiosk.hear((SOFT, 6000), (QUIET, 1500), says="Hey computer, what time is it?")
        assert kiosk.transcriber.heard_samples == []
        assert kiosk.states == ["asleep"]
        kiosk.transcriber.resembles = True
        await kiosk.hear((SOFT, 900), (QUIET, 600), says="Hey computer.")
        assert len(kiosk.transcriber.heard_samples) == 1, "what was forgotten is not heard with it"
        kiosk.transcriber.resembles = False
        await kiosk.hear((SOFT, 1500), (QUIET, 1500), says="What time is it?")
        assert kiosk.questions == ["What time is it?"]
        await kiosk.hang_up()

    virtual_clock.run(story())


def test_where_the_language_has_to_be_detected_everything_is_transcribed() -> None:
    async def story() -> None:
        kiosk = Kiosk(words=TEXT, language="auto")
        kiosk.transcriber.resembles = False
        await kiosk.hear((SOFT, 1500), (QUIET, 1500), says="Hey computer, what time is it?")
        assert kiosk.questions == ["What time is it?"]
        await kiosk.hang_up()

    virtual_clock.run(story())


def test_a_pause_within_and_behind_the_trigger_words_loses_nothing() -> None:
    async def story() -> None:
        kiosk = Kiosk(words=TEXT)
        await kiosk.hear((SOFT, 300), (QUIET, 600), says="Hey.")
        await kiosk.hear((SOFT, 600), (QUIET, 250), says="Hey, computer.")
        await kiosk.hear((SOFT, 500), (QUIET, 1500), says="Hey, computer. Lights!")
        assert kiosk.states == ["asleep", "awake"]
        assert kiosk.questions == ["Lights!"]
        await kiosk.hang_up()

    virtual_clock.run(story())


def test_the_beginning_of_trigger_words_is_not_waited_for_longer_than_a_breath() -> None:
    async def story() -> None:
        kiosk = Kiosk(words=TEXT)
        await kiosk.hear((SOFT, 300), (QUIET, 3000), says="Hey.")
        await kiosk.hear((SOFT, 900), (QUIET, 1500), says="Computer says no.")
        assert kiosk.states == ["asleep"]
        # The second phrase was looked at by itself: with the pre-roll, not with the three seconds before it.
        assert kiosk.transcriber.heard_samples[1] < 2 * 16_000
        await kiosk.hang_up()

    virtual_clock.run(story())


def test_a_late_verdict_on_one_phrase_does_not_hide_the_next() -> None:
    async def story() -> None:
        kiosk = Kiosk(words=TEXT)
        await kiosk.hear((SOFT, 600), (QUIET, 140), says="So anyway.")
        await kiosk.hear((SOFT, 900), (QUIET, 1500), says="So anyway. Okay computer, lights.")
        assert len(kiosk.transcriber.heard_samples) >= 2
        assert kiosk.questions == ["Lights."]
        await kiosk.hang_up()

    virtual_clock.run(story())


def test_words_with_and_without_a_model_work_side_by_side() -> None:
    async def story() -> None:
        for loudness in (LOUD, SOFT):
            text = "Okay Nabu, what time is it?" if loudness == LOUD else "Hey computer, what time is it?"
            kiosk = Kiosk(words=("okay_nabu", "hey computer"))
            await kiosk.hear((QUIET, 500), (loudness, 700), (SOFT, 1500), (QUIET, 1500), says=text)
            assert kiosk.questions == ["What time is it?"]
            assert kiosk.states == ["asleep", "awake"]
            await kiosk.hang_up()

    virtual_clock.run(story())


def test_the_wake_word_said_again_while_awake_is_no_part_of_what_was_said() -> None:
    async def story() -> None:
        kiosk = Kiosk()
        await kiosk.hear((LOUD, 600), (SOFT, 1000), (QUIET, 3000), says="Okay Nabu, hello there.")
        await kiosk.hear((SOFT, 1000), (QUIET, 2000), says="Okay Nabu, and tomorrow?")
        assert kiosk.questions == ["Hello there.", "And tomorrow?"]
        await kiosk.hang_up()

    virtual_clock.run(story())
