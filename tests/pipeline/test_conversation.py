"""Whole conversations on engines without models, in virtual time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rtvi_local import virtual_clock
from rtvi_local.audio.pcm import Int16
from rtvi_local.config import Config, Llm, Stt
from rtvi_local.engines.fakes import EchoTranscriber, ScriptedModel, ScriptedTurnDetector, ScriptedVad, ToneVoice
from rtvi_local.engines.interfaces import Float32, LanguageModel, Transcriber, Transcription
from rtvi_local.pipeline.context import Message
from rtvi_local.pipeline.conversation import Conversation
from rtvi_local.pipeline.engines import Engines
from rtvi_local.pipeline.trace import Waterfall
from rtvi_local.stages.registry import PipelineError, check_order
from rtvi_local.stages.rolling_transcription import IsInvented
from rtvi_local.transports.loopback import LoopbackTransport

CONFIG = replace(Config(), llm=Llm(system_prompt="Be brief."), stt=Stt(interim_ms=0))
LONG = "One two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen."
"""A reply that can be talked over."""
HELLO = {"version": "2.1.0", "about": {"library": "@pipecat-ai/client-js", "library_version": "1.13.1"}}


class Call:
    """A client in a room with a conversation."""

    def __init__(
        self,
        *texts: str,
        replies: Sequence[str] = (),
        probabilities: Sequence[float] = (),
        model: LanguageModel | None = None,
        config: Config = CONFIG,
        voice: ToneVoice | None = None,
        transcriber: Transcriber | None = None,
        is_invented: IsInvented = lambda _t, _s: False,
        hello: object = HELLO,
        **more: Any,
    ) -> None:
        """`hello` is what its client-ready says, `more` what the conversation is given besides."""
        self.model = model or ScriptedModel(replies, first_token_ms=50, token_ms=20)
        self.transport = LoopbackTransport()
        self.ended: list[Conversation] = []
        self._sent = 0
        engines = Engines(
            ScriptedVad,
            ScriptedTurnDetector(probabilities, delay_ms=20),
            transcriber or EchoTranscriber(texts, delay_ms=80),
            is_invented,
            self.model,
            voice or ToneVoice(delay_ms=30),
        )
        self.conversation = Conversation(self.transport, engines, config, on_end=self.ended.append, **more)
        self.conversation.start()
        self.send("client-ready", hello)

    def send(self, type: str, data: object = None) -> str:
        """Returns the message's id."""
        self._sent += 1
        id = f"{type}-{self._sent}"
        self.conversation.on_message(json.dumps({"label": "rtvi-ai", "type": type, "id": id, "data": data}))
        return id

    async def ask(self, type: str, data: object = None) -> Any:
        """Send a request; returns the `data` of its answer, whatever the answer is."""
        id = self.send(type, data)
        await asyncio.sleep(0.01)
        return next(message["data"] for message in self.messages if message.get("id") == id)

    async def request(self, t: str, d: object = None) -> Any:
        """The same with a client-message: what stands under `d` of the answer, or the error."""
        answer = await self.ask("client-message", {"t": t, "d": d})
        return answer["error"] if "error" in answer else answer["d"]

    def news(self, type: str) -> list[Any]:
        """The data of every message of this type."""
        return [message.get("data") for message in self.messages if message["type"] == type]

    @property
    def now_ms(self) -> float:
        return asyncio.get_running_loop().time() * 1000

    async def speak(self, duration_ms: int) -> None:
        tone = (8000 * np.sin(np.arange(16 * duration_ms) * 0.3)).astype(np.int16)
        await self.transport.hear(self.conversation, tone)

    async def wait(self, duration_ms: int) -> None:
        """Without a microphone."""
        await asyncio.sleep(duration_ms / 1000)

    async def be_quiet(self, duration_ms: int) -> None:
        await self.transport.hear(self.conversation, np.zeros(16 * duration_ms, np.int16))

    @property
    def messages(self) -> list[dict[str, object]]:
        return [json.loads(text) for text in self.transport.messages]

    @property
    def types(self) -> list[str]:
        return [str(message["type"]) for message in self.messages]

    def audible_between(self, from_ms: float, to_ms: float) -> bool:
        return any(samples.any() for at_ms, samples in self.transport.audio if from_ms <= at_ms < to_ms)

    @property
    def said(self) -> list[Message]:
        return self.conversation.context.messages[1:]

    async def hang_up(self) -> None:
        self.conversation.on_closed("done")
        await self.conversation.ended()


def test_a_question_is_answered_in_sound_and_in_messages_and_both_sides_are_remembered() -> None:
    async def story() -> None:
        call = Call("What is the capital of France?", replies=["It is Paris."])
        await call.be_quiet(500)
        await call.speak(1000)
        spoken_ms = call.now_ms
        await call.be_quiet(3000)
        first_sound_ms = next(at_ms for at_ms, samples in call.transport.audio if samples.any())
        assert first_sound_ms - spoken_ms < 450
        assert call.said == [
            {"role": "user", "content": "What is the capital of France?"},
            {"role": "assistant", "content": "It is Paris."},
        ]
        types = [type for type in call.types if type != "metrics"]
        wanted = [
            "bot-ready", "user-started-speaking", "user-transcription", "user-stopped-speaking", "user-llm-text",
            "bot-llm-started", "bot-llm-text", "bot-llm-stopped", "bot-started-speaking", "bot-output", "bot-stopped-speaking",
        ]  # fmt: skip
        positions = [types.index(type) for type in wanted]
        assert positions == sorted(positions), types
        await call.hang_up()
        assert call.transport.closed == "done"

    virtual_clock.run(story())


def test_a_pause_within_a_sentence_gets_no_answer_and_its_words_are_transcribed_whole() -> None:
    async def story() -> None:
        call = Call(
            "I would like",
            "I would like some tea.",
            replies=["You would like.", "Here you are."],
            probabilities=[0.1, 0.1, 0.1, 0.9],
        )
        await call.speak(800)
        await call.be_quiet(600)
        await call.speak(800)
        await call.be_quiet(3000)
        assert [message["content"] for message in call.said] == ["I would like some tea.", "Here you are."]
        assert call.types.count("bot-llm-started") == 1
        assert call.types.count("user-started-speaking") == 1
        await call.hang_up()

    virtual_clock.run(story())


def test_an_interruption_silences_the_voice_and_only_the_heard_words_are_remembered() -> None:
    async def story() -> None:
        call = Call("Count, please.", "And in French?", replies=[LONG, "Un deux trois."])
        await call.speak(800)
        await call.be_quiet(2500)
        interrupted_ms = call.now_ms
        assert call.audible_between(interrupted_ms - 200, interrupted_ms)
        await call.speak(1000)
        assert not call.audible_between(interrupted_ms + 200, call.now_ms)
        await call.be_quiet(4000)
        roles = [message["role"] for message in call.said]
        assert roles == ["user", "assistant", "user", "assistant"]
        heard = str(call.said[1]["content"])
        assert LONG.startswith(heard)
        assert 0 < len(heard) < len(LONG)
        assert isinstance(call.model, ScriptedModel)
        assert call.model.prompts[1][2] == {"role": "assistant", "content": heard}
        types = call.types
        assert types.index("bot-interrupted") < types.index("bot-stopped-speaking")
        await call.hang_up()

    virtual_clock.run(story())


def test_a_turn_that_was_ended_too_early_becomes_whole_again_and_half_an_answer_is_not_remembered() -> None:
    async def story() -> None:
        call = Call(
            "Turn off the light.", "In the hall.", replies=["Which one? There are five of them in the house.", "It is off."]
        )
        await call.speak(800)
        await call.be_quiet(900)
        assert call.audible_between(call.now_ms - 100, call.now_ms), "the answer to the first half can be heard"
        await call.speak(700)
        await call.be_quiet(3000)
        assert [message["content"] for message in call.said] == ["Turn off the light. In the hall.", "It is off."]
        assert isinstance(call.model, ScriptedModel)
        assert call.model.prompts[-1][1:] == [{"role": "user", "content": "Turn off the light. In the hall."}]
        await call.hang_up()

    virtual_clock.run(story())


def test_a_sign_of_listening_only_pauses_the_voice() -> None:
    async def story() -> None:
        long = "One two three four five six seven eight nine ten."
        call = Call("Count, please.", "Mhm.", replies=[long])
        await call.speak(800)
        await call.be_quiet(2000)
        await call.speak(260)
        await call.be_quiet(6000)
        assert [message["content"] for message in call.said] == ["Count, please.", long]
        assert "bot-interrupted" not in call.types
        inputs = [(data["input_type"], data["text"]) for data in call.news("user-input") if data["final"]]
        assert inputs == [("transcription", "Count, please."), ("backchannel", "Mhm.")]
        assert [data["text"] for data in call.news("user-transcription") if data["final"]] == ["Count, please."]
        await call.hang_up()

    virtual_clock.run(story())


def test_stop_silences_the_voice_and_is_shown_and_neither_answered_nor_remembered() -> None:
    async def story() -> None:
        call = Call("Count, please.", "Stop.", replies=[LONG, "Why?"])
        await call.speak(800)
        await call.be_quiet(2500)
        await call.speak(400)
        stopped_ms = call.now_ms
        await call.be_quiet(4000)
        assert not call.audible_between(stopped_ms, call.now_ms)
        assert [message["role"] for message in call.said] == ["user", "assistant"]
        assert [data["text"] for data in call.news("user-transcription") if data["final"]] == ["Count, please.", "Stop."]
        shown = [type for type in call.types if type.startswith("user-") and type != "user-input"]
        assert shown[-3:] == ["user-started-speaking", "user-transcription", "user-stopped-speaking"]
        await call.hang_up()

    virtual_clock.run(story())


class UnsureTranscriber(EchoTranscriber):
    """To which everything sounds almost as much like "Shut up." as like what it writes."""

    async def fits(self, samples: Float32, texts: Sequence[str], *, language: str) -> Sequence[float]:
        return [-2.0, *[-3.0 if text == "Shut up." else -20.0 for text in texts[1:]]]


def test_what_may_be_a_request_to_be_quiet_is_taken_for_one_over_the_voice_and_nowhere_else() -> None:
    async def story() -> None:
        said = ["Get up.", "Get up.", "Get up right now or there will be trouble."]
        call = Call(transcriber=UnsureTranscriber(said, delay_ms=80), replies=[LONG, "Why?"])
        await call.speak(400)
        await call.be_quiet(2500)
        await call.speak(400)
        stopped_ms = call.now_ms
        await call.be_quiet(4000)
        assert not call.audible_between(stopped_ms, call.now_ms)
        assert [message["role"] for message in call.said] == ["user", "assistant"]
        assert [data["text"] for data in call.news("user-transcription") if data["final"]] == ["Get up.", "Shut up."]
        await call.speak(3000)
        await call.be_quiet(3000)
        assert [message["content"] for message in call.said[2:]] == [said[2], "Why?"]
        await call.hang_up()

    virtual_clock.run(story())


def test_over_the_voice_what_is_not_believed_may_be_a_request_to_be_quiet_and_elsewhere_it_is_nothing() -> None:
    def is_unsure(heard: Transcription, _: Float32) -> bool:
        return heard.text == "Adam." and heard.mean_log_probability < 0

    async def story() -> None:
        transcriber = UnsureTranscriber(["Count, please.", "Adam.", "Adam."], delay_ms=80)
        call = Call(transcriber=transcriber, is_invented=is_unsure, replies=[LONG, "Why?"])
        await call.speak(400)
        await call.be_quiet(2500)
        await call.speak(400)
        stopped_ms = call.now_ms
        await call.be_quiet(4000)
        assert not call.audible_between(stopped_ms, call.now_ms)
        await call.speak(400)
        await call.be_quiet(4000)
        assert [data["text"] for data in call.news("user-transcription") if data["final"]] == ["Count, please.", "Shut up."]
        assert [message["role"] for message in call.said] == ["user", "assistant"]
        await call.hang_up()

    virtual_clock.run(story())


class TiringTranscriber(EchoTranscriber):
    """Takes its time after the first calls, as on a machine that has become busy."""

    def __init__(self, texts: Sequence[str], *, quick: int, slow_ms: float) -> None:
        super().__init__(texts)
        self._quick = quick
        self._slow_ms = slow_ms

    async def transcribe(
        self, samples: Float32, *, language: str | None = None, word_times: bool = False, retry: bool = True
    ) -> Transcription:
        heard = await super().transcribe(samples, language=language, word_times=word_times, retry=retry)
        is_quick = len(self.heard_samples) <= self._quick
        await asyncio.sleep(0.08 if is_quick else self._slow_ms / 1000)
        return heard


@pytest.mark.parametrize(
    ("text", "slow_ms", "paused_ms", "back_ms"),
    [("Mhm.", 80, 400, 700), ("Mhm.", 3000, 400, 1000), ("", 80, 0, 400), ("", 3000, 400, 1000)],
)
def test_the_voice_is_back_after_half_a_second_of_quiet_and_in_a_second_if_the_words_are_late(
    text: str, slow_ms: float, paused_ms: float, back_ms: float
) -> None:
    """Behind a short sound without words nothing follows."""

    async def story() -> None:
        transcriber = TiringTranscriber(["Count, please.", text], quick=1, slow_ms=slow_ms)
        call = Call(replies=[LONG], transcriber=transcriber)
        await call.speak(800)
        await call.be_quiet(2000)
        await call.speak(260)
        over_ms = call.now_ms
        await call.be_quiet(12_000)
        assert not call.audible_between(over_ms - 100, over_ms + paused_ms), "the voice was paused; more might have followed"
        assert call.audible_between(over_ms, over_ms + back_ms)
        assert [message["content"] for message in call.said] == ["Count, please.", LONG]
        assert call.types.count("user-started-speaking") == 1
        await call.hang_up()

    virtual_clock.run(story())


@pytest.mark.parametrize(("ending", "waits"), [(None, False), (-1.0, False), (-11.0, True)])
@pytest.mark.parametrize("words_ms", [20, 400], ids=["before the turn is ended", "with the end of the turn"])
def test_words_that_the_language_model_finds_unfinished_are_waited_for(
    ending: float | None, waits: bool, words_ms: float
) -> None:
    async def story() -> None:
        model = ScriptedModel(["Which word?"], first_token_ms=50, token_ms=20)
        model.ending = None if ending is None else lambda _: ending
        call = Call(transcriber=TiringTranscriber(["Translate the word."], quick=0, slow_ms=words_ms), model=model)
        await call.speak(900)
        spoken_ms = call.now_ms
        await call.be_quiet(4000)
        first_sound_ms = next(at_ms for at_ms, samples in call.transport.audio if samples.any())
        assert (first_sound_ms - spoken_ms > 1200) == waits
        await call.hang_up()

    virtual_clock.run(story())


def test_where_the_transcriber_is_slow_the_words_known_so_far_are_answered_after_a_second_and_a_half() -> None:
    async def story() -> None:
        transcriber = TiringTranscriber(["What time", "What time is it?", "And what time is it there?"], quick=1, slow_ms=5000)
        call = Call(replies=["It is noon."], transcriber=transcriber, config=replace(CONFIG, stt=Stt(interim_ms=500)))
        await call.speak(700)
        spoken_ms = call.now_ms
        await call.be_quiet(8000)
        first_sound_ms = next(at_ms for at_ms, samples in call.transport.audio if samples.any())
        assert 1350 < first_sound_ms - spoken_ms < 1900
        assert [message["content"] for message in call.said] == ["What time", "It is noon."]
        assert [data["text"] for data in call.news("user-transcription") if data["final"]] == ["What time"]
        assert call.types.count("user-started-speaking") == call.types.count("user-stopped-speaking") == 1
        assert "error" not in call.types
        totals = [data for data in call.news("metrics") if "turn.stt_wait" in json.dumps(data)]
        assert totals, "the slowest turns are measured too"
        await call.hang_up()

    virtual_clock.run(story())


def test_the_client_is_told_what_a_turn_took_of_each_engine() -> None:
    async def story() -> None:
        call = Call("What time is it?", replies=["It is noon."])
        await call.be_quiet(300)
        await call.speak(1000)
        await call.be_quiet(3000)
        told = [(kind, value) for data in call.news("metrics") for kind, values in data.items() for value in values]
        ((_, tokens),) = [each for each in told if each[0] == "tokens"]
        assert (tokens["completion_tokens"], tokens["total_tokens"]) == (3, tokens["prompt_tokens"] + 3)
        ((_, listened),) = [each for each in told if each[0] == "stt_usage"]
        assert (listened["processor"], listened["model"]) == ("whisper", "echo")
        assert 1.0 <= listened["value"]["audio_seconds"] < 2.0
        ((_, spoken),) = [each for each in told if each[0] == "characters"]
        assert spoken == {"processor": "piper", "value": len("It is noon."), "model": "tone"}
        ((_, sound),) = [each for each in told if each[0] == "ttfa"]
        assert sound["ttfa"] == sound["ttfb"] + sound["leading_silence"]
        await call.hang_up()

    virtual_clock.run(story())


def test_where_no_words_are_known_in_time_the_person_is_asked_to_say_them_again() -> None:
    async def story() -> None:
        transcriber = TiringTranscriber(["Hello?"], quick=0, slow_ms=5000)
        call = Call("Hello?", replies=["Hello."], transcriber=transcriber)
        await call.speak(700)
        await call.be_quiet(3000)
        assert [data["error"] for data in call.news("error")] == [
            "What you said could not be transcribed in time. Please say it again."
        ]
        assert call.types.count("user-started-speaking") == call.types.count("user-stopped-speaking") == 1
        await call.be_quiet(5000)
        assert call.said == [], "what comes after that answers nothing"
        await call.hang_up()

    virtual_clock.run(story())


def test_noise_that_holds_no_words_gets_no_answer() -> None:
    async def story() -> None:
        call = Call("", replies=["What?"])
        await call.speak(300)
        await call.be_quiet(3000)
        assert call.said == []
        assert "bot-llm-started" not in call.types
        assert call.types.count("user-started-speaking") == call.types.count("user-stopped-speaking") == 1
        await call.hang_up()

    virtual_clock.run(story())


def test_typed_text_is_answered_and_interrupts_what_is_being_said() -> None:
    async def story() -> None:
        call = Call(replies=["One two three four five six seven eight.", "Hello to you."])
        call.send("send-text", {"content": "Count"})
        await call.be_quiet(1500)
        call.send("send-text", {"content": "Hi", "options": {"audio_response": False}})
        await call.be_quiet(1500)
        assert [message["role"] for message in call.said] == ["user", "assistant", "user", "assistant"]
        assert call.said[3]["content"] == "Hello to you."
        assert call.types.index("bot-interrupted") > 0
        outputs = [m["data"] for m in call.messages if m["type"] == "bot-output"]
        assert any(isinstance(o, dict) and o["text"] == "Hello to you." and not o["will_be_spoken"] for o in outputs)
        await call.hang_up()

    virtual_clock.run(story())


def test_text_that_wants_no_answer_is_only_remembered() -> None:
    async def story() -> None:
        call = Call(replies=["Noted."])
        call.send("send-text", {"content": "My name is Anna.", "options": {"run_immediately": False}})
        await call.be_quiet(500)
        assert call.said == [{"role": "user", "content": "My name is Anna."}]
        assert "bot-llm-started" not in call.types
        await call.hang_up()

    virtual_clock.run(story())


class BrokenModel(ScriptedModel):
    def answer(self, messages: Sequence[Message]) -> str:
        raise RuntimeError("out of order")


def test_a_model_that_fails_is_told_and_the_conversation_goes_on() -> None:
    async def story() -> None:
        call = Call("Hello?", "Are you there?", model=BrokenModel())
        await call.speak(800)
        await call.be_quiet(2000)
        await call.speak(800)
        await call.be_quiet(2000)
        assert call.types.count("error") == 2
        await call.hang_up()

    virtual_clock.run(story())


def test_hanging_up_in_mid_reply_leaves_nothing_running_and_frees_the_model() -> None:
    async def story() -> None:
        model = ScriptedModel(["One two three four five six seven."], max_sessions=1, token_ms=100)
        call = Call("Count.", model=model)
        await call.speak(800)
        await call.be_quiet(600)
        await call.hang_up()
        assert call.ended == [call.conversation]
        frames = len(call.transport.audio)
        await asyncio.sleep(1)
        assert len(call.transport.audio) == frames
        assert asyncio.all_tasks() == {asyncio.current_task()}
        model.open_session().close()

    virtual_clock.run(story())


@pytest.mark.parametrize(
    ("stages", "complaint"),
    [
        (["phrase_endpointing", "llm_context", "llm", "speech"], "no stage 'speech'"),
        (["phrase_endpointing", "llm", "tts"], "'llm_context' is missing"),
        (["phrase_endpointing", "llm", "llm_context", "tts"], "'llm' cannot stand before 'llm_context'"),
        (["phrase_endpointing", "llm_context", "llm", "llm", "tts"], "'llm' stands too often"),
        (["phrase_endpointing", "llm_context", "llm_context", "llm", "tts"], "must come last"),
    ],
)
def test_a_pipeline_that_cannot_work_is_refused_by_name(stages: list[str], complaint: str) -> None:
    with pytest.raises(PipelineError, match=complaint):
        check_order(stages)


def test_a_client_is_told_of_a_voice_that_was_late_in_the_middle_of_a_clause() -> None:
    async def story(voice: ToneVoice) -> dict[str, list[float]]:
        call = Call("Tell me a story", replies=[LONG], voice=voice)
        await call.speak(1000)
        await call.be_quiet(12_000)
        told = [metric for data in call.news("metrics") for metric in data.get("processing") or ()]
        await call.hang_up()
        places = ("voice.late_in_clause", "voice.late_between_clauses")
        return {place: [metric["value"] for metric in told if metric["processor"] == place] for place in places}

    late = virtual_clock.run(story(ToneVoice(chunk_ms=300, delay_ms=350)))["voice.late_in_clause"]
    assert late and all(0.03 < each_s <= 0.07 for each_s in late), "50 ms before each chunk, counted in frames"
    in_time = virtual_clock.run(story(ToneVoice(chunk_ms=300, delay_ms=30)))
    assert in_time["voice.late_in_clause"] == []


def test_a_turn_is_as_long_as_the_button_is_held_and_the_rest_is_not_heard() -> None:
    async def story() -> None:
        config = replace(CONFIG, turns=replace(CONFIG.turns, push_to_talk=True))
        reports: list[Waterfall] = []
        call = Call(replies=["It is a story. " * 20], config=config, on_waterfall=reports.append)
        await call.speak(1000)
        await call.be_quiet(2000)
        assert not call.news("user-started-speaking")
        assert await call.request("talk:press") is True
        await call.speak(500)
        await call.be_quiet(3000)
        await call.speak(500)
        assert not call.news("user-stopped-speaking")
        assert await call.request("talk:release") is True
        await call.be_quiet(1500)
        assert len(call.news("user-started-speaking")) == len(call.news("user-stopped-speaking")) == 1
        (heard,) = (message["content"] for message in call.said if message["role"] == "user")
        assert 4.0 <= float(str(heard).split()[-2]) <= 4.0 + 0.6, "the turn, a pre-roll, and the end of it"
        assert call.audible_between(call.now_ms - 200, call.now_ms)
        (waterfall,) = reports
        assert waterfall.total_ms < 1000, "it counts from the release"
        await call.request("talk:press")
        await call.be_quiet(200)
        assert not call.audible_between(call.now_ms - 100, call.now_ms), "the button silences the bot"
        await call.hang_up()

    virtual_clock.run(story())


def test_an_answer_is_being_made_from_the_end_of_the_question_until_all_its_sound_is_there() -> None:
    async def story() -> None:
        call = Call(replies=["It is a story. " * 20])
        conversation = call.conversation
        assert not conversation.is_answering
        await call.speak(1000)
        assert not conversation.is_answering, "the person is speaking"
        await call.be_quiet(200)
        assert conversation.is_answering
        await call.be_quiet(3800)
        assert call.audible_between(call.now_ms - 200, call.now_ms)
        assert not conversation.is_answering, "it is only being played"
        await call.hang_up()

    virtual_clock.run(story())


def test_the_first_packet_of_an_answer_is_sent_before_the_messages_about_its_times(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        call = Call("What is the capital of France?", replies=["It is Paris."])
        told_when_sent: list[bool] = []
        keep = call.transport.send_audio

        def send_audio(samples: Int16) -> None:
            keep(samples)
            # As aiortc does it: in a task of its own, when the call that handed it over has returned.
            asyncio.get_running_loop().call_soon(lambda: told_when_sent.append(is_told()) if samples.any() else None)

        def is_told() -> bool:
            return any("turn.packet" in text for text in call.transport.messages)

        monkeypatch.setattr(call.transport, "send_audio", send_audio)
        await call.be_quiet(500)
        await call.speak(1000)
        await call.be_quiet(1000)
        assert told_when_sent[0] is False
        assert is_told()
        await call.hang_up()

    virtual_clock.run(story())
