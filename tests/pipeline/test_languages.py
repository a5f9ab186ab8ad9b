from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from rtvi_local import virtual_clock
from rtvi_local.config import Config, Llm, Stt
from rtvi_local.engines.fakes import EchoTranscriber, ScriptedModel, ScriptedTurnDetector, ScriptedVad, ToneVoice
from rtvi_local.engines.interfaces import EngineError, Float32, Transcription, Voice
from rtvi_local.engines.piper import PiperVoice, installed_language
from rtvi_local.pipeline.conversation import Conversation
from rtvi_local.pipeline.engines import Engines
from rtvi_local.pipeline.frames import Failed, Frame, Measured
from rtvi_local.pipeline.languages import asked_in, language_of_turn, voices_by_language
from rtvi_local.transports.loopback import LoopbackTransport
from tests.engines.tiny_vits import tiny_vits, write_tiny_voice
from tests.pipeline.test_waking import SOFT, Kiosk


@pytest.mark.parametrize(
    ("detected", "text", "before", "taken"),
    [
        ("de", "Wie spät ist es?", None, "de"),
        ("de", "Wie spät ist es?", "en", "de"),
        ("en", "What time is it?", "de", "en"),
        ("cy", "Okay.", None, None),
        ("nl", "Berlin, ja.", "de", "de"),
        ("ja", "今何時ですか。", "en", "ja"),
        ("zh", "好。", "en", "en"),
        ("th", "ตอนนี้กี่โมงแล้ว", None, "th"),
        (None, "Wie spät ist es?", "de", "de"),
    ],
)
def test_a_turns_language_is_what_was_detected_unless_there_is_too_little_of_it(
    detected: str | None, text: str, before: str | None, taken: str | None
) -> None:
    assert language_of_turn(detected, text, before) == taken


@pytest.mark.parametrize(
    ("language", "before", "instruction"),
    [
        (None, None, ""),
        ("en", None, ""),
        ("en", "en", ""),
        ("de", None, " (Answer in German.)"),
        ("de", "de", " (Answer in German.)"),
        ("en", "de", " (Answer in English.)"),
        ("xx", None, " (Answer in the language whose code is 'xx'.)"),
    ],
)
def test_the_instruction_stands_behind_the_persons_words(language: str | None, before: str | None, instruction: str) -> None:
    assert asked_in("Hello there", language, before) == f"Hello there{instruction}"


def test_the_chosen_voice_speaks_its_language_and_the_others_what_is_left() -> None:
    installed = {"a-de": "de", "b-de": "de", "joe": "en", "zoe": "en", "broken": None}
    assert voices_by_language(installed, "zoe") == {"de": "a-de", "en": "zoe"}
    assert voices_by_language(installed, "b-de") == {"de": "b-de", "en": "joe"}


class Polyglot(EchoTranscriber):
    """Hears these texts in these languages."""

    def __init__(self, said: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self.said = list(said)
        self.asked: list[str | None] = []

    async def transcribe(
        self, samples: Float32, *, language: str | None = None, word_times: bool = False, retry: bool = True
    ) -> Transcription:
        self.asked.append(language)
        text, detected = self.said[0]
        await asyncio.sleep(0.05)
        return Transcription(text, detected, 0.0, -0.1, 1.0, 1.0, ((0.0, 1.0, text),))


class Abroad:
    """A conversation with who speaks several languages; there are voices for English and German."""

    def __init__(
        self, *said: tuple[str, str], setting: str = "auto", failing: bool = False, voices: dict[str, Voice] | None = None
    ) -> None:
        self.transcriber = Polyglot(said)
        self.model = ScriptedModel(lambda messages: "Dr. Who has $3.", first_token_ms=20, token_ms=5)
        self.voices: dict[str, Voice] = voices or {language: ToneVoice(language=language) for language in ("en", "de")}
        self.asked_for: list[str] = []
        self.failing = failing
        self.frames: list[Frame] = []
        config = replace(Config(), llm=Llm(system_prompt="Be brief."), stt=Stt(language=setting, interim_ms=0))
        engines = Engines(
            ScriptedVad, ScriptedTurnDetector(), self.transcriber, lambda _t, _s: False, self.model, self.voices["en"],
            voice_for=self.voice_for,
        )  # fmt: skip
        self.transport = LoopbackTransport()
        self.conversation = Conversation(self.transport, engines, config)
        self.conversation.observe_with(self.frames.append)
        self.conversation.start()

    async def voice_for(self, language: str) -> Voice | None:
        self.asked_for.append(language)
        await asyncio.sleep(0.3)  # it has to be loaded
        if self.failing:
            raise EngineError("the German voice is broken.")
        return self.voices.get(language)

    async def talk(self) -> None:
        """One turn for each thing that is said."""
        while self.transcriber.said:
            await Kiosk.hear(self, (SOFT, 1500), (0, 4000))  # type: ignore[arg-type]
            self.transcriber.said.pop(0)
        self.conversation.on_closed("done")
        await self.conversation.ended()

    says: str | None = None

    @property
    def questions(self) -> list[object]:
        return [prompt[-1]["content"] for prompt in self.model.prompts]

    @property
    def spoken(self) -> dict[str, list[str]]:
        return {language: voice.spoken for language, voice in self.voices.items() if isinstance(voice, ToneVoice)}


GERMAN, ENGLISH = ("Wie spät ist es jetzt?", "de"), ("And what day is it?", "en")


def talk(*said: tuple[str, str], **more: bool | str) -> Abroad:
    async def story() -> Abroad:
        abroad = Abroad(*said, **more)  # type: ignore[arg-type]
        await abroad.talk()
        return abroad

    return virtual_clock.run(story())


def test_each_turn_is_answered_in_the_language_that_it_was_spoken_in() -> None:
    abroad = talk(GERMAN, GERMAN, ENGLISH, ("Okay.", "cy"))
    assert set(abroad.transcriber.asked) == {None}
    assert abroad.questions == [
        "Wie spät ist es jetzt? (Answer in German.)",
        "Wie spät ist es jetzt? (Answer in German.)",
        "And what day is it? (Answer in English.)",
        "Okay.",
    ]
    remembered = [message["content"] for message in abroad.conversation.context.messages if message["role"] == "user"]
    assert remembered == [GERMAN[0], GERMAN[0], ENGLISH[0], "Okay."], "what was said, and nothing else"


def test_the_prompt_begins_as_what_was_read_ahead() -> None:
    """So the instruction costs its own few tokens and no more."""
    abroad = talk(GERMAN)
    ahead, asked = abroad.model.prefilled[-1], abroad.model.prompts[0]
    assert asked[:-1] == ahead[:-1]
    assert str(asked[-1]["content"]).startswith(str(ahead[-1]["content"]).strip())


def test_it_is_spoken_by_a_voice_of_that_language_without_english_rules() -> None:
    spoken = talk(GERMAN, ENGLISH).spoken
    assert " ".join(spoken["de"]) == "Dr. Who has $3."
    assert " ".join(spoken["en"]) == "Dr Who has 3 dollars."


def test_real_voices_tell_their_language_and_the_right_one_is_heard(tmp_path: Path) -> None:
    folders = {code: write_tiny_voice(tmp_path / code, tiny_vits(), language=code) for code in ("en-us", "de", "cmn", "nb")}
    assert [installed_language(folder) for folder in folders.values()] == ["en", "de", "zh", "no"]
    assert installed_language(tmp_path) is None
    voices = [PiperVoice.load(folders[code]) for code in ("en-us", "de")]
    assert [voice.language for voice in voices] == ["en", "de"]

    async def story() -> list[str]:
        abroad = Abroad(GERMAN, ENGLISH, voices=dict(zip(("en", "de"), voices, strict=True)))
        await abroad.talk()
        return [frame.model for frame in abroad.frames if isinstance(frame, Measured) and frame.processor == "piper"]

    spoke = virtual_clock.run(story())
    assert list(dict.fromkeys(spoke)) == ["de", "en-us"]
    for voice in voices:
        voice.close()


def test_where_no_voice_of_it_is_installed_the_usual_one_speaks() -> None:
    abroad = talk(("Quelle heure est-il maintenant ?", "fr"))
    assert abroad.asked_for == ["fr"]
    assert " ".join(abroad.spoken["en"]) == "Dr. Who has $3."


def test_a_voice_that_cannot_be_loaded_is_told_and_the_usual_one_speaks() -> None:
    abroad = talk(GERMAN, failing=True)
    assert abroad.spoken["en"]
    assert any(isinstance(frame, Failed) and "German voice is broken" in frame.message for frame in abroad.frames)


def test_a_language_that_is_set_is_neither_detected_nor_asked_for() -> None:
    abroad = talk(GERMAN, setting="en")
    assert set(abroad.transcriber.asked) == {"en"}
    assert abroad.questions == [GERMAN[0]]
    assert abroad.asked_for == []
