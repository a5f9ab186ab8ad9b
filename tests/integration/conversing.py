"""A caller with a voice and with ears: what it says is understood, and what it hears it can put into words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rtvi_local.audio.pcm import Int16, audible, to_float
from rtvi_local.audio.resampling import resampled
from rtvi_local.bench.caller import Caller, Said
from rtvi_local.bench.speech import CALLER_RATE, synthesize, understood
from rtvi_local.bench.tools import is_answered
from rtvi_local.bench.words import normalised_words
from rtvi_local.engines.interfaces import LISTENING_SAMPLE_RATE
from rtvi_local.engines.piper import PiperVoice
from rtvi_local.engines.whisper import Whisper

MOST_TRIES = 4
SILENCE_SAMPLES = LISTENING_SAMPLE_RATE // 5
"""Before the first sound and after the last one."""


@dataclass
class Instruments:
    """The test's own voice and ears, apart from the appliance's."""

    voice: PiperVoice
    whisper: Whisper

    async def understand(self, samples: Int16, rate: int = CALLER_RATE) -> str:
        """What the project's own Whisper makes of audio of any length. Of the silence around it as little is listened to as the
        appliance does: after seconds of it, every third sentence is told twice."""
        audio = to_float(resampled(samples, rate, LISTENING_SAMPLE_RATE))
        spoken = audible(audio)
        audio = audio[max(0, spoken.start - SILENCE_SAMPLES) : spoken.stop + SILENCE_SAMPLES]
        return await understood(self.whisper, audio)

    async def clear_speech(self, text: str, rate: int = CALLER_RATE) -> Int16:
        """Spoken by the project's own voice so that Whisper understands it at this rate. The voice never says a thing twice in
        the same way, and one in thirty of its "France" is "friends" to Whisper however it gets there."""
        wanted = normalised_words(text)
        return await self.clearly(lambda: synthesize(self.voice, text, rate), lambda words: words == wanted, rate)

    async def clearly(
        self, speak: Callable[[], Awaitable[Int16]], is_clear: Callable[[list[str]], bool], rate: int = CALLER_RATE
    ) -> Int16:
        """Spoken again until the words that Whisper hears are clear."""
        samples = await speak()
        for _ in range(MOST_TRIES):
            if is_clear(normalised_words(await self.understand(samples, rate))):
                break
            samples = await speak()
        return samples


@contextmanager
def instruments(models: Path, voice_name: str) -> Iterator[Instruments]:
    voice = PiperVoice.load(models / voice_name, device="cpu", threads=2)
    whisper = Whisper.load(models / "whisper-base", device="cpu", threads=2)
    try:
        yield Instruments(voice, whisper)
    finally:
        voice.close()
        whisper.close()


@dataclass
class Talk(Instruments):
    """`caller` talks with an appliance, wherever that is."""

    caller: Caller

    async def say(self, text: str) -> Said:
        """Speak clearly with the project's own voice, and return when the last sample has left."""
        said = self.caller.say(await self.clear_speech(text))
        await said.done.wait()
        return said

    async def ask(self, text: str) -> str:
        """Say something and wait until it has been answered; returns the answer's text as the client was told it."""
        since = len(self.caller.messages)
        await self.say(text)
        return await self.answer(since)

    async def answer(self, since: int) -> str:
        """Wait until the answer to the last thing that was said is over; returns the text of all that was answered."""
        messages = self.caller.messages
        await self.caller.wait_until(
            lambda: is_answered([message.type for message in messages[since:]]), "no answer", since=since, timeout_s=60
        )
        return "".join(m.data["text"] for m in self.caller.messages[since:] if m.type == "bot-llm-text").strip()

    def transcripts(self, since: int = 0) -> list[str]:
        return [m.data["text"] for m in self.caller.messages[since:] if m.type == "user-transcription" and m.data["final"]]

    def told(self, since: int = 0) -> list[str]:
        """The words that the client was told have been spoken."""
        outputs = [message.data for message in self.caller.messages[since:] if message.type == "bot-output"]
        return normalised_words(" ".join(data["text"] for data in outputs if data["spoken_status"] == "completed"))
