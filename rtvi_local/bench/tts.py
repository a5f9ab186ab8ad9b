"""What the voice costs on this machine: python -m rtvi_local.bench.tts FOLDER [--threads N] [--rounds N] [--busy N]

For short and long texts: phonemes, encoder, first chunk, and the time to the first sound and to the last, split and whole, in
milliseconds (medians), and the most that a chunk came late after the one before had been played; then how much of a core the
loaded voice takes while nobody speaks. `--busy` does it beside so many processes that want a core each.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnxruntime

from rtvi_local.engines.interfaces import EngineError, Voice
from rtvi_local.engines.piper import PiperVoice
from rtvi_local.engines.piper_split import voice_model_path

TEXTS = (
    "Yes.",
    "Of course,",
    "Sure, I can help you.",
    "The capital of France is Paris, and it has about two million people.",
    "I looked at the weather for tomorrow in Berlin, and it will be mostly sunny with a few clouds in the afternoon, so you "
    "can leave your umbrella at home.",
)
IDLE_S = 2.0


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m rtvi_local.bench.tts", description="Measure a Piper voice.")
    parser.add_argument("folder", type=Path, help="where the voice's .onnx and .onnx.json are")
    parser.add_argument("--threads", type=int, default=2, help="threads of the voice (default: 2)")
    parser.add_argument("--rounds", type=int, default=7, help="how often each text is said (default: 7)")
    parser.add_argument("--busy", type=int, default=0, help="processes that compute meanwhile (default: 0)")
    options = parser.parse_args(arguments)
    try:
        voice = PiperVoice.load(options.folder, threads=options.threads)
    except EngineError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    whole = _whole_model(options.folder, options.threads)
    print("text                      phonemes encoder decoder |  first   all  RTF  late |  whole  RTF | sound s")  # noqa: T201
    with _busy(options.busy):
        for text in TEXTS:
            print(_row(voice, whole, text, options.rounds))  # noqa: T201
    before = time.process_time()
    time.sleep(IDLE_S)
    print(f"idle: {100 * (time.process_time() - before) / IDLE_S:.2f} % of one core")  # noqa: T201
    voice.close()
    return 0


def _whole_model(folder: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(voice_model_path(folder)), options, providers=["CPUExecutionProvider"])


def _row(voice: PiperVoice, whole: onnxruntime.InferenceSession, text: str, rounds: int) -> str:
    sentences = voice.phonemize(text)
    inputs = [voice.encoder_inputs(phonemes) for phonemes in sentences]
    latents = [voice.encode(phonemes) for phonemes in sentences]
    phonemes_ms = _median_ms(lambda: voice.phonemize(text), rounds)
    encoder_ms = _median_ms(lambda: [voice.encode(phonemes) for phonemes in sentences], rounds)
    decoder_ms = _median_ms(lambda: [voice.decode(latent, 0, latent.frames) for latent in latents], rounds)
    whole_ms = phonemes_ms + _median_ms(lambda: [whole.run(None, feed) for feed in inputs], rounds)
    sound_s = sum(len(whole.run(None, feed)[0].reshape(-1)) for feed in inputs) / voice.sample_rate
    spoken = [asyncio.run(chunks_of(voice, text)) for _ in range(rounds)]
    first_ms, all_ms = (float(np.median([chunks[index][0] for chunks in spoken])) for index in (0, -1))
    split_s = float(np.median([sum(lasts_ms for _, lasts_ms in chunks) for chunks in spoken])) / 1000
    most_late_ms = max(late_ms(chunks) for chunks in spoken)
    return (
        f"{text[:24]:<25} {phonemes_ms:8.1f} {encoder_ms:7.1f} {decoder_ms:7.1f} | {first_ms:6.1f} {all_ms:5.0f} "
        f"{all_ms / 1000 / split_s:4.2f} {most_late_ms:5.0f} | {whole_ms:6.1f} "
        f"{whole_ms / 1000 / sound_s:4.2f} | {split_s:7.2f}"
    )


def _median_ms(work: Callable[[], object], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times)


async def chunks_of(voice: Voice, text: str) -> list[tuple[float, float]]:
    """For each chunk, when it was there, and how long it lasts. Milliseconds."""
    began = time.perf_counter()
    chunks: list[tuple[float, float]] = []
    async for chunk in voice.speak(text):
        chunks.append((1000 * (time.perf_counter() - began), 1000 * len(chunk.samples) / voice.sample_rate))
    return chunks


def late_ms(chunks: Sequence[tuple[float, float]]) -> float:
    """The longest silence before a chunk, where each is played as soon as it is there and the one before is over."""
    longest, over_ms = 0.0, chunks[0][0]
    for ready_ms, lasts_ms in chunks:
        longest = max(longest, ready_ms - over_ms)
        over_ms = max(over_ms, ready_ms) + lasts_ms
    return longest


@contextmanager
def _busy(processes: int) -> Iterator[None]:
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


if __name__ == "__main__":
    sys.exit(main())
