"""The scenes of `noise` in virtual time: real ears and the real turn-taking, no network and nobody who answers.

    python -m rtvi_local.bench.turns.noise_offline MODELS [--seed N] [--times N]

Ten minutes of café, music and television through a wall, and household noise besides, at the level of speech, in less than two.
Another seed makes other noises. Printed is what would have been answered.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from rtvi_local import virtual_clock
from rtvi_local.audio.pcm import to_float, to_int16
from rtvi_local.bench.turns.echo_offline import Wire
from rtvi_local.bench.turns.engines import Answers, KeptTranscriber
from rtvi_local.bench.turns.noise import NOISES, SEED, order, sound, spoken
from rtvi_local.bench.turns.offline import play
from rtvi_local.bench.turns.sounds import Studio, hiss, silence
from rtvi_local.config import Stt, Vad
from rtvi_local.engines.interfaces import LISTENING_SAMPLE_RATE, Float32, Transcriber
from rtvi_local.engines.invented import is_nobody
from rtvi_local.engines.silero import Silero
from rtvi_local.engines.whisper import Whisper
from rtvi_local.pipeline.frames import Frame, ReplyDelivered, TurnCommitted, UserTurn
from rtvi_local.pipeline.pipeline import Pipeline
from rtvi_local.pipeline.turn_waits import Policy
from rtvi_local.stages.listening import Listening
from rtvi_local.stages.phrase_endpointing import PhraseEndpointing

ANSWER_S = 1.0
"""So long would each answer be heard."""
LEAD_S = 1.0
"""Of a quiet room, before the noise."""
LATER_S = 0.003
"""By which each time begins later than the one before: Opus cuts the same sound elsewhere."""


async def answered(noise: Float32, silero: Silero, transcriber: Transcriber) -> list[str]:
    """What of a noise was taken for a person's turn."""
    loop = asyncio.get_running_loop()
    is_invented = partial(is_nobody, least_treble_db=Vad().least_treble_db)
    listening = Listening(silero.detector(), transcriber, None, is_invented, Vad(), Stt())
    turns = PhraseEndpointing(Policy(detects_end=False), listening.evaluate, listening.forget)
    pipeline = Pipeline([listening, turns])
    said: dict[int, str] = {}
    committed: list[str] = []

    def note(frame: Frame) -> None:
        if isinstance(frame, UserTurn):
            said[frame.revision] = frame.text
        elif isinstance(frame, TurnCommitted):
            committed.append(said[frame.revision])
            loop.call_later(ANSWER_S, turns.observe, ReplyDelivered(frame.revision))

    pipeline.observe_with(note)
    await play(pipeline, noise)
    await pipeline.close()
    return committed


def sent(noise: Float32, lead_s: float) -> Float32:
    """A noise after so much of a quiet room, as it comes out of Opus."""
    sound = np.concatenate([silence(lead_s), noise])
    wire = Wire(LISTENING_SAMPLE_RATE, LISTENING_SAMPLE_RATE)
    return to_float(wire.carry(to_int16(np.clip(sound + hiss(sound.size), -1, 1).astype(np.float32))))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m rtvi_local.bench.turns.noise_offline", description=__doc__.split("\n")[0])
    parser.add_argument("models", type=Path)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "rtvi-local-turns")
    parser.add_argument("--seed", type=int, default=SEED, help=f"of the first noise (default {SEED}: those of the scenes)")
    parser.add_argument("--times", type=int, default=1, help="how often each is played, a little later each time (default 1)")
    options = parser.parse_args(arguments)
    voices = spoken(Studio(options.models / "piper-en_US-joe-medium", options.cache))
    whisper = Whisper.load(options.models / "whisper-base", device="cpu", threads=2)
    silero = Silero.load(options.models / "silero-vad-v6")
    kept = Answers(options.cache / "noise.json")
    counts = dict.fromkeys(NOISES, 0)
    try:
        for group, seed in order(options.seed):
            if group not in counts:
                continue
            noise = sound(group, voices, seed)
            for time in range(options.times):
                heard = sent(noise, LEAD_S + time * LATER_S)
                found = virtual_clock.run(answered(heard, silero, KeptTranscriber(whisper, kept)))
                counts[group] += len(found)
                sys.stdout.writelines(f"{group} {seed}: {text}\n" for text in found)
    finally:
        kept.save()
        whisper.close()
    sys.stdout.write(", ".join(f"{group}: {count} answered" for group, count in counts.items()) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
