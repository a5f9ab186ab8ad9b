from __future__ import annotations

import asyncio

import numpy as np
import pytest

from rtvi_local import virtual_clock
from rtvi_local.config import Stt, Vad
from rtvi_local.engines.fakes import EchoTranscriber, ScriptedTurnDetector, ScriptedVad
from rtvi_local.engines.interfaces import Float32, Transcription
from rtvi_local.pipeline.frames import Audio, EndOfTurn, Failed, Frame, SpeechStarted, SpeechStopped, Transcript
from rtvi_local.stages.listening import Listening

LOUD, QUIET = 8000, 0


class Room:
    """A listening stage, and what it said."""

    def __init__(
        self,
        transcriber: EchoTranscriber,
        *,
        interim_ms: int = 0,
        is_invented: bool = False,
        detector: ScriptedTurnDetector | None = None,
        activity: ScriptedVad | None = None,
    ) -> None:
        self.frames: list[Frame] = []
        self.transcriber = transcriber
        self.stage = Listening(
            activity or ScriptedVad(), transcriber, detector, lambda _t, _s: is_invented, Vad(), Stt(interim_ms=interim_ms)
        )
        self.stage.emit = self.frames.append
        self._loop = asyncio.get_running_loop()

    async def hear(
        self, level: int, duration_ms: int, *, own_voice: bool = False, is_guess: bool = False, others: tuple[int, ...] = ()
    ) -> None:
        tone = (level * np.sin(np.arange(320) * 0.3)).astype(np.int16)
        for _ in range(duration_ms // 20):
            await asyncio.sleep(0.02)
            self.stage.receive(Audio(tone, self._loop.time() * 1000, own_voice, is_guess, others))

    def of(self, kind: type) -> list[Frame]:
        return [frame for frame in self.frames if isinstance(frame, kind)]


def peaks_of(samples: Float32) -> list[float]:
    """Of each 20 ms."""
    return [float(np.abs(samples[i : i + 320]).max()) for i in range(0, samples.size - 319, 320)]


class CountingVad(ScriptedVad):
    asked = 0

    def probability(self, window: Float32) -> float:
        self.asked += 1
        return super().probability(window)


def test_a_silent_room_is_not_listened_to_closely_and_speech_in_it_is() -> None:
    async def story() -> None:
        vad = CountingVad()
        room = Room(EchoTranscriber(["hello"]), activity=vad)
        await room.hear(50, 1024)
        asked = vad.asked
        await room.hear(50, 3000)
        assert vad.asked == asked <= 32
        await room.hear(LOUD, 1000)
        assert len(room.of(SpeechStarted)) == 1
        asked = vad.asked
        await room.hear(50, 64)
        assert vad.asked == asked + 2, "within speech even silence is judged by the detector, as it always was"

    virtual_clock.run(story())


def test_speech_is_noticed_and_its_audio_begins_before_it_did() -> None:
    async def story() -> None:
        room = Room(EchoTranscriber(["hello"]), detector=ScriptedTurnDetector([0.7]))
        await room.hear(QUIET, 1000)
        await room.hear(LOUD, 1000)
        await room.hear(QUIET, 200)
        (started,), (stopped,) = room.of(SpeechStarted), room.of(SpeechStopped)
        assert isinstance(started, SpeechStarted)
        assert isinstance(stopped, SpeechStopped)
        assert 1032 <= started.at_ms <= 1120
        assert 2000 <= stopped.at_ms - stopped.silence_ms <= 2040
        room.stage.evaluate(1)
        await asyncio.sleep(0.1)
        assert room.of(Transcript) == [Transcript("hello", False, 0, "en"), Transcript("hello", True, 1, "en")]
        assert len(room.transcriber.heard_samples) == 1, "what was transcribed as the silence began is not transcribed again"
        assert room.of(EndOfTurn) == [EndOfTurn(0.7, 1)]
        heard_s = room.transcriber.heard_samples[0] / 16_000
        assert 1.0 + 0.3 < heard_s <= 1.0 + 0.1 + 0.4 + 0.1, "the pre-roll is in it, and not the whole past"
        await room.stage.close()

    virtual_clock.run(story())


def test_interim_transcripts_come_while_the_person_speaks_and_no_faster_than_asked() -> None:
    async def story() -> None:
        room = Room(EchoTranscriber(), interim_ms=500)
        await room.hear(LOUD, 2200)
        transcripts = room.of(Transcript)
        assert len(transcripts) == 4
        assert not any(frame.final for frame in transcripts if isinstance(frame, Transcript))
        await room.stage.close()

    virtual_clock.run(story())


def test_the_first_interim_transcript_comes_within_half_a_second() -> None:
    async def story() -> None:
        room = Room(EchoTranscriber(["stop"], delay_ms=130), interim_ms=500)
        await room.hear(QUIET, 200)
        await room.hear(LOUD, 500)
        assert room.of(Transcript) == [Transcript("stop", False, 0, "en")]
        await room.stage.close()

    virtual_clock.run(story())


def test_at_the_end_of_a_long_utterance_only_its_last_words_are_transcribed() -> None:
    async def story() -> None:
        room = Room(EchoTranscriber(_numbers), interim_ms=500)
        for second in range(1, 13):
            await room.hear(1000 * second, 1000)
        await room.hear(QUIET, 200)
        room.stage.evaluate(1)
        await asyncio.sleep(0.1)
        final = room.of(Transcript)[-1]
        assert isinstance(final, Transcript)
        assert final.final
        assert final.text.split() == [str(second) for second in range(1, 13)]
        assert room.transcriber.heard_samples[-1] <= 7 * 16_000, "three words of a second each among it, to be heard again"
        await room.stage.close()

    virtual_clock.run(story())


def _numbers(samples: Float32) -> str:
    """Which seconds of the story were heard for half a second at least, by their levels."""
    blocks = np.abs(samples[: samples.size // 800 * 800]).reshape(-1, 800).max(axis=1) * 32.768
    heard = [round(level) for level in blocks.tolist() if level > 0.5]
    return " ".join(str(second) for second in range(1, 13) if heard.count(second) >= 10)


def test_a_slow_transcriber_is_not_asked_again_before_it_has_answered() -> None:
    async def story() -> None:
        room = Room(EchoTranscriber(delay_ms=900), interim_ms=200)
        await room.hear(LOUD, 2000)
        assert len(room.transcriber.heard_samples) == 2
        await room.stage.close()

    virtual_clock.run(story())


def test_what_was_asked_for_an_older_revision_is_only_interim() -> None:
    async def story() -> None:
        room = Room(EchoTranscriber(["one", "one two"], delay_ms=300))
        await room.hear(LOUD, 300)
        room.stage.evaluate(1)
        await room.hear(LOUD, 200)
        room.stage.evaluate(2)
        await asyncio.sleep(0.5)
        assert room.of(Transcript) == [Transcript("one", False, 1, "en"), Transcript("one two", True, 2, "en")]
        await room.stage.close()

    virtual_clock.run(story())


def test_after_an_utterance_is_dealt_with_its_late_words_are_nobodys() -> None:
    async def story() -> None:
        room = Room(EchoTranscriber(["late"], delay_ms=100))
        await room.hear(LOUD, 300)
        room.stage.evaluate(1)
        room.stage.forget()
        await asyncio.sleep(0.3)
        assert room.of(Transcript) == []
        await room.stage.close()

    virtual_clock.run(story())


class PatientTranscriber(EchoTranscriber):
    """Counts what it did to the end."""

    done = 0

    async def transcribe(
        self, samples: Float32, *, language: str | None = None, word_times: bool = False, retry: bool = True
    ) -> Transcription:
        heard = await super().transcribe(samples, language=language, word_times=word_times, retry=retry)
        self.done += 1
        return heard


def test_after_an_utterance_is_dealt_with_nothing_is_transcribed_for_it_any_more() -> None:
    async def story() -> None:
        transcriber = PatientTranscriber(["late", "next"], delay_ms=1000)
        room = Room(transcriber)
        await room.hear(LOUD, 300)
        room.stage.evaluate(1)
        await room.hear(QUIET, 100)
        room.stage.forget()
        await room.hear(LOUD, 300)
        room.stage.evaluate(2)
        await asyncio.sleep(2)
        assert room.of(Transcript) == [Transcript("next", True, 2, "en")]
        assert transcriber.done == 1
        await room.stage.close()

    virtual_clock.run(story())


def test_words_made_up_on_noise_become_no_words() -> None:
    async def story() -> None:
        room = Room(EchoTranscriber(["Thank you for watching."]), is_invented=True)
        await room.hear(LOUD, 300)
        room.stage.evaluate(1)
        await asyncio.sleep(0.1)
        assert room.of(Transcript) == [Transcript("", True, 1, "en")]
        await room.stage.close()

    virtual_clock.run(story())


class BrokenTranscriber(EchoTranscriber):
    async def transcribe(
        self, samples: Float32, *, language: str | None = None, word_times: bool = False, retry: bool = True
    ) -> Transcription:
        raise RuntimeError("out of order")


def test_a_transcriber_that_fails_is_told_and_leaves_no_turn_hanging() -> None:
    async def story() -> None:
        room = Room(BrokenTranscriber())
        await room.hear(LOUD, 300)
        room.stage.evaluate(1)
        await asyncio.sleep(0.1)
        assert room.of(Transcript) == [Transcript("", True, 1)]
        assert len(room.of(Failed)) == 1
        await room.stage.close()

    virtual_clock.run(story())


def test_speech_that_goes_on_after_its_turn_was_ended_is_noticed_again() -> None:
    async def story() -> None:
        room = Room(EchoTranscriber())
        await room.hear(LOUD, 500)
        room.stage.forget()
        await room.hear(LOUD, 500)
        assert len(room.of(SpeechStarted)) == 2
        await room.stage.close()

    virtual_clock.run(story())


def test_the_turn_detector_is_asked_again_the_longer_it_is_quiet_and_not_after_the_turn_is_over() -> None:
    async def story() -> None:
        room = Room(EchoTranscriber(), detector=ScriptedTurnDetector([0.1, 0.2, 0.9]))
        await room.hear(LOUD, 500)
        await room.hear(QUIET, 60)
        room.stage.evaluate(1)
        assert room.of(EndOfTurn) == []
        await room.hear(QUIET, 600)
        assert room.of(EndOfTurn) == [EndOfTurn(0.1, 1), EndOfTurn(0.2, 1), EndOfTurn(0.9, 1)]
        room.stage.forget()
        await room.hear(QUIET, 1000)
        assert len(room.of(EndOfTurn)) == 3, "nor after it was sure"
        await room.stage.close()

    virtual_clock.run(story())


def test_a_turn_detector_that_is_slow_is_not_asked_again_before_it_has_answered() -> None:
    class Slow(ScriptedTurnDetector):
        at_work = most_at_work = 0

        async def probability(self, samples: Float32) -> float:
            self.at_work += 1
            self.most_at_work = max(self.most_at_work, self.at_work)
            try:
                return await super().probability(samples)
            finally:
                self.at_work -= 1

    async def story() -> None:
        detector = Slow([0.1, 0.2, 0.9], delay_ms=250)
        room = Room(EchoTranscriber(["yes"]), detector=detector)
        await room.hear(LOUD, 600)
        await room.hear(QUIET, 100)
        room.stage.evaluate(1)
        await room.hear(QUIET, 1400)
        assert detector.most_at_work == 1
        assert [frame.probability for frame in room.of(EndOfTurn) if isinstance(frame, EndOfTurn)] == [0.1, 0.2, 0.9]

    virtual_clock.run(story())


def test_the_own_voice_is_no_speech_and_a_person_over_it_is() -> None:
    async def story() -> None:
        room = Room(EchoTranscriber())
        await room.hear(LOUD, 2000, own_voice=True)
        assert room.frames == []
        await room.hear(LOUD, 100)
        assert len(room.of(SpeechStarted)) == 1
        await room.stage.close()

    virtual_clock.run(story())


def test_what_the_own_voice_hides_of_a_person_is_no_end_of_speech_but_what_is_only_the_own_voice_is() -> None:
    async def story() -> None:
        room = Room(EchoTranscriber())
        await room.hear(LOUD, 200)
        await room.hear(LOUD, 100, own_voice=True)
        await room.hear(LOUD, 100)
        assert room.of(SpeechStopped) == []
        await room.hear(LOUD, 400, own_voice=True)
        assert len(room.of(SpeechStopped)) == 1
        await room.stage.close()

    virtual_clock.run(story())


@pytest.mark.parametrize(("level", "echo_ms", "masked"), [(LOUD, 400, True), (QUIET, 400, False), (LOUD, 100, False)])
def test_a_sound_that_begins_in_an_echo_of_the_own_voice_is_said_to_be_masked(level: int, echo_ms: int, masked: bool) -> None:
    """Behind headphones nothing of the own voice sounds like speech, or for a moment a person who is not yet told from it."""

    async def story() -> None:
        room = Room(EchoTranscriber())
        await room.hear(level, echo_ms, own_voice=True)
        await room.hear(LOUD, 200)
        await room.hear(QUIET, 300)
        room.stage.forget()
        await room.hear(LOUD, 200)
        await room.hear(QUIET, 300)
        stops = [frame.masked for frame in room.of(SpeechStopped) if isinstance(frame, SpeechStopped)]
        assert stops == [masked, False]
        await room.stage.close()

    virtual_clock.run(story())


def overheard_room() -> tuple[Room, list[Float32]]:
    """A room, and all the audio that is transcribed in it."""
    heard: list[Float32] = []

    def note(samples: Float32) -> str:
        heard.append(samples)
        return "stop"

    return Room(EchoTranscriber(note)), heard


def heard_loud_ms(*, is_guess: bool) -> tuple[float, float]:
    """A second of what was taken for the own voice and then 300 ms of a person, who turn out to have spoken all the time if it
    was a guess: how much of it is transcribed, and how long before the person was noticed it began."""

    async def story() -> tuple[float, float]:
        room, heard = overheard_room()
        await room.hear(QUIET, 400)
        await room.hear(LOUD, 1000, own_voice=True, is_guess=is_guess)
        noticed_ms = asyncio.get_running_loop().time() * 1000
        await room.hear(LOUD, 20, others=tuple(range(1, 51)) if is_guess else ())
        await room.hear(LOUD, 280)
        began = room.of(SpeechStarted)[0]
        assert isinstance(began, SpeechStarted)
        await room.hear(QUIET, 200)
        room.stage.evaluate(1)
        await asyncio.sleep(0.1)
        await room.stage.close()
        windows = [heard[-1][i : i + 512] for i in range(0, heard[-1].size - 511, 512)]
        return 32.0 * sum(bool(np.abs(window).max() > 0.1) for window in windows), noticed_ms - began.at_ms

    return virtual_clock.run(story())


def test_what_the_own_voice_said_before_a_person_began_is_not_transcribed() -> None:
    loud_ms, before_ms = heard_loud_ms(is_guess=False)
    assert 280 <= loud_ms <= 352
    assert before_ms < 0


def test_the_quiet_beginning_of_a_word_is_transcribed_though_it_did_not_stand_out_of_the_own_voice() -> None:
    """An "sh", where no echo comes back: it does not sound like speech by itself."""

    async def story() -> None:
        room, heard = overheard_room()
        await room.hear(QUIET, 400, own_voice=True)
        await room.hear(1000, 80, own_voice=True)
        await room.hear(LOUD, 300)
        await room.hear(QUIET, 200)
        room.stage.evaluate(1)
        await asyncio.sleep(0.1)
        await room.stage.close()
        peaks = peaks_of(heard[-1])
        assert sum(0.01 < peak < 0.1 for peak in peaks) == pytest.approx(4, abs=1)
        assert sum(peak > 0.1 for peak in peaks) == pytest.approx(15, abs=1)

    virtual_clock.run(story())


def test_what_was_taken_for_the_own_voice_on_a_guess_is_not_lost_if_a_person_goes_on_with_it() -> None:
    loud_ms, before_ms = heard_loud_ms(is_guess=True)
    assert loud_ms == pytest.approx(1300, abs=64)
    assert before_ms == pytest.approx(1000, abs=100)


def test_a_word_that_was_taken_for_the_own_voice_is_heard_alone_when_it_is_found_later() -> None:
    async def story() -> None:
        room, heard = overheard_room()
        await room.hear(QUIET, 400)
        for level in (3000, LOUD, 3000):
            await room.hear(level, 400, own_voice=True, is_guess=True)
        assert room.of(SpeechStarted) == []
        theirs = tuple(range(21, 41))
        await room.hear(3000, 20, own_voice=True, is_guess=True, others=theirs)
        now_ms = asyncio.get_running_loop().time() * 1000
        [started], [stopped] = room.of(SpeechStarted), room.of(SpeechStopped)
        assert isinstance(started, SpeechStarted) and isinstance(stopped, SpeechStopped)
        assert started.at_ms == pytest.approx(now_ms - 820 + 64, abs=40)
        assert stopped.silence_ms == pytest.approx(420, abs=40)
        room.stage.evaluate(1)
        await room.hear(3000, 100, own_voice=True, is_guess=True, others=theirs)
        assert len(room.of(SpeechStarted)) == 1, "nobody says it twice"
        await room.stage.close()
        peaks = peaks_of(heard[-1])
        assert 20 <= sum(peak > 0.2 for peak in peaks) <= 22
        assert sum(0 < peak < 0.2 for peak in peaks) <= 20, "what the appliance said meanwhile is silence, but for the edges"

    virtual_clock.run(story())


def test_a_word_whose_beginning_is_found_after_its_end_is_heard_whole() -> None:
    async def story() -> None:
        room, heard = overheard_room()
        await room.hear(QUIET, 400)
        await room.hear(LOUD, 600, own_voice=True, is_guess=True)
        await room.hear(QUIET, 300, own_voice=True, is_guess=True)
        await room.hear(QUIET, 20, others=tuple(range(16, 21)))
        assert len(room.of(SpeechStarted)) == 1
        room.stage.evaluate(1)
        await room.hear(QUIET, 20, others=tuple(range(17, 46)))
        sooner = room.of(SpeechStarted)[-1]
        assert isinstance(sooner, SpeechStarted)
        assert sooner.at_ms == pytest.approx(asyncio.get_running_loop().time() * 1000 - 940 + 64, abs=50)
        await room.hear(QUIET, 100)
        assert len(room.of(SpeechStarted)) == len(room.of(SpeechStopped)) == 2
        room.stage.evaluate(2)
        await asyncio.sleep(0.1)
        await room.stage.close()
        peaks = peaks_of(heard[-1])
        assert sum(peak > 0.2 for peak in peaks) == pytest.approx(30, abs=2)

    virtual_clock.run(story())


def test_a_beginning_that_is_found_while_the_person_speaks_counts_even_if_for_a_moment_nobody_was_found() -> None:
    async def story() -> None:
        room, heard = overheard_room()
        await room.hear(QUIET, 400)
        await room.hear(LOUD, 500, own_voice=True, is_guess=True)
        await room.hear(LOUD, 100, others=tuple(range(6)))
        await room.hear(LOUD, 20, own_voice=True, is_guess=True)
        await room.hear(LOUD, 20, others=tuple(range(32)))
        await room.hear(QUIET, 200)
        room.stage.evaluate(1)
        await asyncio.sleep(0.1)
        await room.stage.close()
        peaks = peaks_of(heard[-1])
        assert sum(peak > 0.2 for peak in peaks) == pytest.approx(32, abs=2)

    virtual_clock.run(story())


def test_who_goes_on_behind_what_was_found_in_hindsight_is_heard_whole() -> None:
    async def story() -> None:
        room, heard = overheard_room()
        await room.hear(QUIET, 400)
        await room.hear(LOUD, 600, own_voice=True, is_guess=True)
        await room.hear(LOUD, 20, own_voice=True, is_guess=True, others=tuple(range(16, 31)))
        assert len(room.of(SpeechStarted)) == len(room.of(SpeechStopped)) == 1
        room.stage.evaluate(1)
        await room.hear(LOUD, 100)
        assert len(room.of(SpeechStarted)) == 2
        await room.hear(QUIET, 200)
        room.stage.evaluate(2)
        await asyncio.sleep(0.1)
        await room.stage.close()
        peaks = peaks_of(heard[-1])
        assert sum(peak > 0.2 for peak in peaks) == pytest.approx(36, abs=2)

    virtual_clock.run(story())
