"""Scenes in virtual time: real ears (voice activity, Whisper, Smart Turn) and the real turn-taking, without a network or a
model that answers: dozens of policies are compared in seconds.

    python -m rtvi_local.bench.turns.offline MODELS [--scenes NAME] [--complete-ms N] [--incomplete-ms N] [--no-detector] [-v]

MODELS is the folder with one folder per model. The first run takes minutes, for it asks the models; their answers are kept.
Settings and curves were chosen with `--scenes end_of_turn`; `--scenes end_of_turn_2` shows whether they hold for others.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from rtvi_local import virtual_clock
from rtvi_local.audio.pcm import to_int16
from rtvi_local.bench.report import percentile
from rtvi_local.bench.turns.engines import Answers, KeptEndings, KeptTranscriber, KeptTurnDetector
from rtvi_local.bench.turns.scenes import EndOfTurn, Utterance, end_of_turn
from rtvi_local.bench.turns.sounds import Studio, hiss, silence
from rtvi_local.config import Stt, Vad
from rtvi_local.engines.interfaces import LISTENING_SAMPLE_RATE, Float32
from rtvi_local.engines.invented import looks_invented, speech_energy_db
from rtvi_local.engines.llama import LlamaModel
from rtvi_local.engines.silero import Silero
from rtvi_local.engines.smart_turn import SmartTurn
from rtvi_local.engines.whisper import Whisper
from rtvi_local.pipeline.frames import Audio, EndOfWords, Frame, TurnCommitted, UserTurn, VoicePaused, VoiceResumed
from rtvi_local.pipeline.pipeline import Pipeline
from rtvi_local.pipeline.turn_waits import Policy
from rtvi_local.stages.listening import Listening
from rtvi_local.stages.phrase_endpointing import PhraseEndpointing
from rtvi_local.stages.rolling_transcription import IsInvented

LEAD_S = 0.5
TAIL_S = 2.5
ANSWER_MS = 350.0
"""From the words to the first sound of an answer, as measured by `rtvi-local bench` (first token, clause and sound)."""
ENDING_MS = 60.0
"""From the words to what the language model thinks of their end: the rest of the prompt has been read."""
_PIECE = LISTENING_SAMPLE_RATE // 50


@dataclass(frozen=True, slots=True)
class Ears:
    silero: Silero
    transcriber: KeptTranscriber
    turn_detector: KeptTurnDetector | None
    endings: KeptEndings | None
    is_invented: IsInvented


@dataclass(slots=True)
class Observed:
    """What happened, in milliseconds from the first sample of speech."""

    last_sound_ms: float
    thought_ms: dict[int, float] = field(default_factory=dict)
    """By revision: when its words were known."""
    commits_ms: list[float] = field(default_factory=list)
    answers_ms: list[float] = field(default_factory=list)
    """When the answer to each of these would have become audible, had the person said nothing more."""
    paused_ms: list[float] = field(default_factory=list)
    """When the voice was paused because the person went on."""

    @property
    def closed(self) -> bool:
        """Whether a turn was committed before the person had finished."""
        return any(at_ms < self.last_sound_ms for at_ms in self.commits_ms)

    @property
    def cut_off(self) -> bool:
        """Whether an answer would have been heard before that: nothing stopped it between its turn's end and its sound."""
        return any(
            answer_ms < self.last_sound_ms and not any(committed_ms <= at_ms <= answer_ms for at_ms in self.paused_ms)
            for committed_ms, answer_ms in zip(self.commits_ms, self.answers_ms, strict=True)
        )

    @property
    def delay_ms(self) -> float | None:
        """From the last sound to the end of the turn; None if it did not end."""
        return next((at_ms - self.last_sound_ms for at_ms in self.commits_ms if at_ms >= self.last_sound_ms), None)


def observe(sound: Float32, ears: Ears, policy: Policy, vad: Vad | None = None) -> Observed:
    """Play one utterance to ears that have heard nothing before."""
    return virtual_clock.run(_observe(sound, ears, policy, vad or Vad()))


async def _observe(sound: Float32, ears: Ears, policy: Policy, vad: Vad) -> Observed:
    loop = asyncio.get_running_loop()
    seen = Observed(1000 * sound.size / LISTENING_SAMPLE_RATE)
    listening = Listening(
        ears.silero.detector(), ears.transcriber, ears.turn_detector, ears.is_invented, vad, Stt(interim_ms=0)
    )
    turns = PhraseEndpointing(policy, listening.evaluate, listening.forget)
    pipeline = Pipeline([listening, turns])

    def note(frame: Frame) -> None:
        now_ms = (loop.time() - LEAD_S) * 1000
        match frame:
            case UserTurn(text, revision):
                seen.thought_ms[revision] = now_ms
                if ears.endings is not None and (ending := ears.endings.of(text)) is not None:
                    loop.call_later(ENDING_MS / 1000, turns.observe, EndOfWords(ending, revision))
            case TurnCommitted(revision):
                seen.commits_ms.append(now_ms)
                seen.answers_ms.append(max(now_ms, seen.thought_ms[revision] + ANSWER_MS))
            case VoicePaused():
                seen.paused_ms.append(now_ms)
            case VoiceResumed() if seen.answers_ms[-1] > seen.paused_ms[-1]:
                seen.answers_ms[-1] = max(seen.answers_ms[-1], now_ms)
                del seen.paused_ms[-1]
            case _:
                pass

    pipeline.observe_with(note)
    await play(pipeline, np.concatenate([silence(LEAD_S), sound, silence(TAIL_S)]))
    await pipeline.close()
    return seen


async def play(pipeline: Pipeline, sound: Float32) -> None:
    """Let a pipeline hear a sound as it would come from a microphone, which is never digitally silent, in virtual time."""
    loop = asyncio.get_running_loop()
    pcm = to_int16(sound + hiss(sound.size))
    due = loop.time()
    for start in range(0, pcm.size, _PIECE):
        piece = pcm[start : start + _PIECE]
        due += piece.size / LISTENING_SAMPLE_RATE
        await asyncio.sleep(max(0.0, due - loop.time()))
        pipeline.push(Audio(piece, loop.time() * 1000))


def table(scenes: EndOfTurn, observed: dict[Utterance, Observed]) -> str:
    lines = []
    for title, utterances in (
        ("complete", scenes.complete),
        ("with a pause inside", scenes.paused),
        ("whole before the pause", scenes.whole_before_pause),
    ):
        seen = [observed[utterance] for utterance in utterances]
        delays = [one.delay_ms for one in seen if one.delay_ms is not None]
        cut_off, closed = sum(one.cut_off for one in seen), sum(one.closed for one in seen)
        lines.append(
            f"{title:<24}{cut_off:3} of {len(seen):3} cut off ({closed} closed); end of turn after "
            f"{percentile(delays, 0.5):4.0f} ms (p95 {percentile(delays, 0.95):4.0f}, most {max(delays):4.0f}); "
            f"{len(seen) - len(delays)} never ended"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="How a policy of turn-taking fares with recorded ends and pauses.")
    parser.add_argument("models", type=Path)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "rtvi-local-turns")
    parser.add_argument("--scenes", default="end_of_turn", help="which file of utterances")
    parser.add_argument("--complete-ms", type=float, default=Policy().wait_complete_ms)
    parser.add_argument("--incomplete-ms", type=float, default=Policy().wait_incomplete_ms)
    parser.add_argument("--no-detector", action="store_true", help="without Smart Turn")
    parser.add_argument("--no-endings", action="store_true", help="without the language model's opinion on how words end")
    parser.add_argument("-v", "--verbose", action="store_true", help="name what was cut off, and what ended late")
    options = parser.parse_args(arguments)
    policy = Policy(
        wait_complete_ms=options.complete_ms, wait_incomplete_ms=options.incomplete_ms, detects_end=not options.no_detector
    )
    studio = Studio(options.models / "piper-en_US-joe-medium", options.cache)
    whisper = Whisper.load(options.models / "whisper-base", device="cpu", threads=2)
    smart_turn = SmartTurn.load(options.models / "smart-turn-v3.2")
    model = None
    if not options.no_endings:
        model = LlamaModel.load(options.models / "qwen2.5-coder-0.5b", device="cpu", threads=2, context_tokens=1024, sessions=1)
    words, ends = Answers(options.cache / "whisper.json"), Answers(options.cache / "smart-turn.json")
    endings = Answers(options.cache / "endings.json")
    ears = Ears(
        Silero.load(options.models / "silero-vad-v6"),
        KeptTranscriber(whisper, words),
        None if options.no_detector else KeptTurnDetector(smart_turn, ends),
        None if model is None else KeptEndings(model, endings),
        lambda said, samples: looks_invented(said, samples.size / LISTENING_SAMPLE_RATE, speech_energy_db(samples)),
    )
    scenes = end_of_turn(options.scenes)
    observed: dict[Utterance, Observed] = {}
    try:
        for utterance in [*scenes.complete, *scenes.paused, *scenes.whole_before_pause]:
            seen = observed[utterance] = observe(studio.say(utterance), ears, policy)
            if options.verbose and (seen.cut_off or (seen.delay_ms or 9999) > 900):
                delay = "never" if seen.delay_ms is None else f"{seen.delay_ms:.0f} ms"
                sys.stdout.write(f"{'cut off' if seen.cut_off else 'late':8}{delay:>9}  {utterance.name}\n")
    finally:
        words.save()
        ends.save()
        endings.save()
        if model is not None:
            model.close()
        whisper.close()
        smart_turn.close()
        studio.close()
    sys.stdout.write(table(scenes, observed) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
