"""The first stage: microphone audio in, voice activity and transcripts out."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from rtvi_local.audio.hidden_speech import HiddenSpeech
from rtvi_local.audio.lull import Lull
from rtvi_local.audio.pcm import AUDIBLE_PEAK, Float32, to_float
from rtvi_local.audio.utterance import UtteranceBuffer
from rtvi_local.audio.voice_activity import VoiceActivity
from rtvi_local.config import Stt, Vad
from rtvi_local.engines.interfaces import (
    LISTENING_SAMPLE_RATE,
    Transcriber,
    TurnDetector,
    VoiceActivityDetector,
)
from rtvi_local.pipeline.frames import (
    Audio,
    Configured,
    EndOfTurn,
    Failed,
    Frame,
    Measured,
    SpeechStarted,
    SpeechStopped,
    SpeechSuspected,
    Transcript,
    Used,
)
from rtvi_local.pipeline.misheard_hushes import HUSHES_IN_WRITING, LONGEST_HUSH_MS, may_be_hush, meant
from rtvi_local.pipeline.stage import Stage
from rtvi_local.stages.rolling_transcription import IsInvented, RollingTranscription, Words
from rtvi_local.stages.trigger_glance import may_hold, texts_of
from rtvi_local.stages.turn_judge import TurnJudge

log = logging.getLogger(__name__)

LONGEST_UTTERANCE_S = 30
"""What Whisper's window holds."""
SAMPLES_PER_MS = LISTENING_SAMPLE_RATE // 1000

SILENT_PEAK = 0.002
"""-54 dBFS: no sample of a window in which somebody speaks is below; their mean level is 12 dB less, which is what microphones
themselves hiss."""
SETTLING_MS = 1000.0
"""Of silence that the detector hears before it is spared any more. It remembers what came before: without that, a knock after
speech sounded more like speech (0.25 instead of 0.06), and 5 of 64 beginnings and ends shifted by up to 160 ms; now 1 by 32."""
TRAIL_MS = 96.0
"""How long the voice activity detector may still say speech after the last sound (50 to 60 ms, and a window of 32). What it
calls speech for longer was not in a transcription that began at a lull."""
MASKED_MS = 128.0
"""Of a person who speaks over the bot, some sounds are hidden by its voice. So much of that is no end of speech."""
LEAD_MS = 100
"""Before somebody stands out of the own voice, so much that did not is theirs too where no echo sounds: the "sh" of "Shut up."
lasts 80 ms, and without it Whisper wrote "Good job." or "Get up."."""
GUESS_HOLDS_MS = 300.0
"""After what may be the own voice, in which nothing that was heard is dropped: part of it may turn out to be a person's."""
FOUND_LEAD_MS, FOUND_TRAIL_MS = 250.0, 150.0
"""Before and after what was found in hindsight, that may belong to it too: beyond that there may be an echo."""
UNFOUND_MS = 400.0
"""Before what was found, of the same speech, that may be found later."""
SOONER_MS = 96.0
"""By which the beginning of what was found must have been sooner to be worth another transcription: three windows."""
FIRST_INTERIM_MS = 250.0
"""Into speech. The words over the bot's voice are to be known half a second after its first sound, and take 150 ms."""

WithoutOwnWords = Callable[[str, float], str]
"""Of a transcript, and when the audio that it is of began (ms): what of it the appliance has not said itself."""


@dataclass(slots=True)
class _Pass:
    """One run of the transcriber over an utterance so far."""

    number: int
    """Of the utterance."""
    until_ms: float
    """When the last sample of its audio arrived."""
    revision: int | None = None
    """The evaluation that waits for it, if one does."""
    covers_all: bool = True
    """Nothing was said since it began."""
    done: bool = False
    text: str = ""
    language: str | None = None
    failure: str = ""
    took_s: float = 0.0
    audio_s: float = 0.0
    encode_s: float = 0.0
    decode_s: float = 0.0


class Listening(Stage):
    """Emits SpeechSuspected, SpeechStarted, SpeechStopped, interim Transcripts; when asked to `evaluate`, a final one and
    EndOfTurn."""

    name: ClassVar[str] = "listening"

    def __init__(
        self,
        activity: VoiceActivityDetector,
        transcriber: Transcriber,
        turn_detector: TurnDetector | None,
        is_invented: IsInvented,
        vad: Vad,
        stt: Stt,
        without_own_words: WithoutOwnWords = lambda text, _: text,
        voice_speaks: Callable[[], bool] = lambda: False,
    ) -> None:
        """`voice_speaks` tells whether a reply is being heard."""
        super().__init__()
        self._without_own_words = without_own_words
        self._voice_speaks = voice_speaks
        self._detector = activity
        self._words = RollingTranscription(transcriber, is_invented)
        self._words.language = None if stt.language == "auto" else stt.language
        self._judge = TurnJudge(turn_detector, lambda probability, revision: self.emit(EndOfTurn(probability, revision)))
        self._interim_ms = stt.interim_ms
        self._window = activity.window_samples
        self._activity = VoiceActivity(vad.threshold, vad.start_ms, vad.stop_ms, self._window / SAMPLES_PER_MS)
        self._guessed_ms = -math.inf
        """When audio last was the own voice by no more than a guess."""
        self._hidden = HiddenSpeech(self._activity.window_ms)
        longest = LONGEST_UTTERANCE_S * LISTENING_SAMPLE_RATE
        self._utterance = UtteranceBuffer(vad.preroll_ms * SAMPLES_PER_MS, longest, LEAD_MS * SAMPLES_PER_MS)
        self._lull = Lull(LISTENING_SAMPLE_RATE)
        self._pending: Float32 = np.zeros(0, np.float32)
        self._somebody = False
        """In the window that is being filled there is more than the own voice."""
        self._only_own_ms = 0.0
        """For how long there was nothing but the own voice."""
        self._over_voice = False
        """The utterance began while the bot spoke."""
        self._echo_ms = 0.0
        """For how long what sounded like speech was the own voice, less for how long nothing has."""
        self._masked = False
        """The utterance began in that."""
        self._began_ms = 0.0
        """When the open utterance began."""
        self._number = 0
        """Grows with each utterance: what is still being worked on for an older one is nobody's business any more."""
        self._newest: int | None = None
        """The evaluation that is asked for, until the utterance has been dealt with."""
        self._quiet_ms = 0.0
        self._silent_ms = 0.0
        self._sounded_ms: float | None = None
        self._pass: _Pass | None = None
        """The newest one."""
        self._last_interim_ms = 0.0
        self._works_ahead = True
        self._triggers: Sequence[str] = ()
        """The phrases that are looked for while it does not."""
        self._tasks: set[asyncio.Task[None]] = set()

    def receive(self, frame: Frame) -> None:
        if isinstance(frame, Audio):
            self._hear(frame)
            return
        if isinstance(frame, Configured):
            self._configure(frame)
        self.forward(frame)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def evaluate(self, revision: int, *, judge: bool = True) -> None:
        """Say what was said in this utterance (a final Transcript), and whether it sounds finished (EndOfTurn)."""
        self._newest = revision
        if self._pass is None or not self._pass.covers_all:
            self._pass = self._start_pass(asyncio.get_running_loop().time() * 1000, is_last=True)
        self._pass.revision = revision
        if self._pass.done:
            self._report(self._pass)
        if judge:
            self._judge.begin(revision)
            self._maybe_judge()
        else:
            self._judge.dismiss()

    def forget(self) -> None:
        """The utterance has been dealt with; the next speech begins a new one."""
        self._number += 1
        for task in self._tasks - {asyncio.current_task()}:
            # A transcription that was too late holds the cores that the answer needs, and the next words would wait behind it.
            task.cancel()
        self._newest = None
        self._judge.dismiss()
        self._pass = None
        self._over_voice = self._masked = False
        self._words.forget()
        self._hidden.clear()
        self._utterance.close()
        if self._activity.speaking:
            # Speech that goes on after a turn was ended for its length is the beginning of another.
            self._activity.speaking = False

    def doze(self, triggers: Sequence[str]) -> None:
        """Forget all that was heard, the pre-roll too. From now on transcribe only what `evaluate` asks for, and of that what
        may hold one of these phrases: all else is said to have no words."""
        self._works_ahead = False
        self._triggers = triggers
        self.forget()
        self._utterance.clear()
        self._hidden.clear()
        self._pending = self._pending[:0]
        self._detector.reset()

    def attend(self) -> None:
        """The end of `doze`: transcribe while people speak."""
        self._works_ahead = True

    def _configure(self, frame: Configured) -> None:
        """Thresholds count from the next window on, everything else from the next time that something is transcribed."""
        vad, stt = frame.config.vad, frame.config.stt
        activity = self._activity
        activity.threshold, activity.start_ms, activity.stop_ms = vad.threshold, vad.start_ms, vad.stop_ms
        self._words.language = None if stt.language == "auto" else stt.language
        self._interim_ms = stt.interim_ms
        self._words.transcriber = frame.engines.transcriber
        self._judge.detector = frame.engines.turn_detector

    def _hear(self, frame: Audio) -> None:
        samples = to_float(frame.samples)
        # Before a person begins, the own voice is nothing that a transcriber should hear.
        is_own = frame.own_voice and not frame.is_guess and not self._activity.speaking
        if frame.is_guess:
            self._guessed_ms = frame.at_ms
        self._utterance.is_waiting = frame.at_ms - self._guessed_ms < GUESS_HOLDS_MS
        if is_own:
            self._utterance.append_masked(samples)
        else:
            if self._echo_ms <= MASKED_MS:
                self._utterance.unmask()
            self._utterance.append(samples)
        if samples.size and not frame.own_voice and float(np.abs(samples).max()) >= AUDIBLE_PEAK:
            self._sounded_ms = frame.at_ms
        if self._lull.push(samples) and self._activity.speaking:
            self._maybe_transcribe(frame.at_ms, might_be_over=True)
        self._pending = np.concatenate([self._pending, samples]) if self._pending.size else samples
        self._somebody = self._somebody or not frame.own_voice
        while self._pending.size >= self._window:
            window, self._pending = self._pending[: self._window], self._pending[self._window :]
            at_ms = frame.at_ms - self._pending.size / SAMPLES_PER_MS
            probability = self._probability(window)
            self._hidden.push(probability)
            somebodys = self._of_somebody(probability, frame)
            self._note_echo(probability, somebodys)
            change = self._activity.push(somebodys)
            self._somebody = self._pending.size > 0 and not frame.own_voice
            if self._activity.speaking and self._activity.silence_ms == 0:
                self._quiet_ms = 0.0
                if self._pass is not None and at_ms > self._pass.until_ms + TRAIL_MS:
                    self._pass.covers_all = False
            else:
                self._quiet_ms += self._window / SAMPLES_PER_MS
            match change:
                case "started" if not self._find_hidden(frame):
                    self._begin(at_ms, frame)
                case "stopped":
                    silence_ms = self._activity.silence_ms
                    self.emit(SpeechStopped(at_ms, silence_ms, self._sounded_ms, frame.at_ms, self._masked))
                case "suspected":
                    self.emit(SpeechSuspected(at_ms))
                case _ if self._activity.speaking:
                    self._maybe_transcribe(at_ms, might_be_over=self._activity.silence_ms > 0)
                case _:
                    self._maybe_judge()
        self._find_hidden(frame)

    def _begin(self, began_ms: float, frame: Audio) -> None:
        if self._utterance.goes_on() and self._pass is not None:
            self._pass.covers_all = False
        self._began_ms = min(self._began_ms, began_ms) if self._utterance.is_open else began_ms
        self._utterance.open(int((frame.at_ms - began_ms) * SAMPLES_PER_MS))
        self._over_voice = self._over_voice or self._voice_speaks()
        self._masked = self._masked or self._echo_ms > MASKED_MS
        self._last_interim_ms = began_ms - max(0.0, self._interim_ms - FIRST_INTERIM_MS)
        self.emit(SpeechStarted(began_ms))

    def _find_hidden(self, frame: Audio) -> bool:
        """Whether somebody began to speak who was taken for the own voice until now, and may have fallen silent since.

        What they said becomes known from its end: if it began sooner than was known, it goes on from there."""
        if not frame.others:
            return False
        live = self._activity
        activity = VoiceActivity(live.threshold, live.start_ms, live.stop_ms, live.window_ms)
        found = self._hidden.find(frame.others, self._pending.size / SAMPLES_PER_MS, activity, is_guess=frame.is_guess)
        if found is None:
            return False
        began_ms, is_more = frame.at_ms - found.began_ms, self._utterance.is_open
        if is_more and began_ms > self._began_ms - SOONER_MS:
            return False
        is_news = not (is_more and live.speaking)
        if is_news:
            self._utterance.open(int((found.began_ms + UNFOUND_MS) * SAMPLES_PER_MS))
            self._begin(began_ms, frame)
        if self._pass is not None:
            self._pass.covers_all = False
        last_ms = max(0.0, found.sounded_ms - FOUND_TRAIL_MS) if found.is_over else 0.0
        self._utterance.hush_outside(*(int(ms * SAMPLES_PER_MS) for ms in (found.began_ms + FOUND_LEAD_MS, last_ms)))
        self._began_ms = began_ms
        if not is_news:
            return False
        live.speaking, live.silence_ms = not found.is_over, found.sounded_ms
        self._quiet_ms = found.sounded_ms
        if found.is_over:
            sounded_ms = frame.at_ms - found.sounded_ms
            self.emit(SpeechStopped(frame.at_ms, found.sounded_ms, sounded_ms, frame.at_ms, self._masked))
        return True

    def _probability(self, window: Float32) -> float:
        """Of speech. A room that has been silent for a while is not worth a third of what an idle connection costs."""
        is_silent = not self._activity.speaking and float(np.abs(window).max()) < SILENT_PEAK
        self._silent_ms = self._silent_ms + self._window / SAMPLES_PER_MS if is_silent else 0.0
        if self._silent_ms > SETTLING_MS:
            return 0.0
        return self._detector.probability(window)

    def _of_somebody(self, probability: float, frame: Audio) -> float:
        """Of the probability that there is speech: that somebody else speaks than the appliance itself."""
        # Who was heard in spite of a guess was found by what came after. The voice pauses for them, and its echo with it.
        is_somebody = self._somebody or (self._activity.speaking and frame.is_guess)
        self._only_own_ms = 0.0 if is_somebody else self._only_own_ms + self._window / SAMPLES_PER_MS
        return probability if self._only_own_ms <= (MASKED_MS if self._activity.speaking else 0.0) else 0.0

    def _note_echo(self, probability: float, of_somebody: float) -> None:
        """Echoes sound like speech for longer than MASKED_MS. Where none comes back, a person does only until they are told
        from one. It is forgotten in twice that time without any."""
        window_ms = self._window / SAMPLES_PER_MS
        if probability < self._activity.threshold:
            self._echo_ms = max(0.0, self._echo_ms - window_ms)
        elif of_somebody < probability:
            self._echo_ms = min(self._echo_ms + window_ms, 2 * MASKED_MS)

    def _maybe_judge(self) -> None:
        if self._judge.is_due(self._quiet_ms):
            self._spawn(self._judge.look(self._utterance.samples, self._quiet_ms))

    def _maybe_transcribe(self, at_ms: float, *, might_be_over: bool) -> None:
        """Within speech: now and then, and as soon as it might be over, so that the words are known when it is."""
        if not self._works_ahead or (self._pass is not None and not self._pass.done):
            return
        if might_be_over:
            is_due = self._pass is None or not self._pass.covers_all
        else:
            is_due = 0 < self._interim_ms <= at_ms - self._last_interim_ms
        if is_due:
            self._last_interim_ms = at_ms
            self._pass = self._start_pass(at_ms, is_last=might_be_over)

    def _start_pass(self, at_ms: float, *, is_last: bool) -> _Pass:
        """Transcribe the utterance so far."""
        begun = _Pass(self._number, at_ms)
        self._spawn(self._transcribe(begun, self._utterance.samples, self._utterance.first, may_settle=not is_last))
        return begun

    async def _transcribe(self, begun: _Pass, samples: Float32, first: int, *, may_settle: bool) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        begun.audio_s = samples.size / LISTENING_SAMPLE_RATE
        try:
            if await self._is_worth_it(samples):
                await self._put_into_words(begun, samples, first, may_settle=may_settle)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            log.exception("transcription failed")
            begun.failure = f"What you said could not be transcribed ({type(error).__name__}). Please say it again."
        begun.took_s = loop.time() - began
        begun.done = True
        self._report(begun)

    async def _is_worth_it(self, samples: Float32) -> bool:
        """Asleep, what can hold no trigger phrase is not."""
        language = self._words.language
        if self._works_ahead or language is None:
            return True
        fits = await self._words.transcriber.fits(samples, texts_of(self._triggers), language=language)
        # A small model may have woken it meanwhile.
        return self._works_ahead or may_hold(self._triggers, fits)

    async def _put_into_words(self, begun: _Pass, samples: Float32, first: int, *, may_settle: bool) -> None:
        over_voice = self._over_voice
        words = await self._words.words(samples, first, may_settle=may_settle)
        if may_settle:
            # To ask about it takes a fifth of a second, in which the next words would wait.
            words = replace(words, doubted="")
        written, began_ms = words.text or words.doubted, begun.until_ms - samples.size / SAMPLES_PER_MS
        others = self._without_own_words(written, began_ms)
        if over_voice and others == written:
            begun.text = await self._meant(words, samples)
        else:
            begun.text = others if words.text else ""
        begun.language = words.language
        begun.encode_s, begun.decode_s = words.encode_ms / 1000, words.decode_ms / 1000

    async def _meant(self, words: Words, samples: Float32) -> str:
        """Whisper writes "Get up." for "Shut up." now and then, or "Adam." so unsurely that it is not believed. Over the
        bot's voice one of them is what people say."""
        written = words.text or words.doubted
        is_short = samples.size <= LONGEST_HUSH_MS * SAMPLES_PER_MS
        if not is_short or words.language != "en" or not may_be_hush(written, doubted=not words.text):
            return words.text
        fits = await self._words.transcriber.fits(samples, (written, *HUSHES_IN_WRITING), language="en")
        return meant(words.text, fits)

    def _report(self, passed: _Pass) -> None:
        if passed.number != self._number:
            return
        is_final = passed.revision is not None and passed.revision == self._newest
        if is_final and passed.failure:
            self.emit(Failed(passed.failure))
        revision = passed.revision or 0
        if is_final or passed.text:
            self.emit(Transcript(passed.text, is_final, revision, passed.language))
        if is_final:
            took = {"whisper": passed.took_s, "whisper.encode": passed.encode_s, "whisper.decode": passed.decode_s}
            model = self._words.transcriber.model_name
            for what, value_s in took.items():
                self.emit(Measured(what, "processing", value_s, model, revision))
            self.emit(Used("whisper", {"audio_seconds": passed.audio_s}, model, revision))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
