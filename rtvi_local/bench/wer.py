"""Compares what the appliance hears with stock faster-whisper: same model, same utterances, word errors and time.

    python -m rtvi_local.bench.wer [--json] [--shard 1/6 --save FILE]

Three ways: stock, which pads to 30 s; the window cut to the utterance; and as the appliance does it ("grown"), which
transcribes while the utterance grows and at its end only what is not settled. All decode greedily. Needs the models
whisper-base, silero-vad-v6 and piper-en_US-joe-medium; the recordings are optional. What stock heard is kept in the system's
folder for temporary files. A run over everything takes minutes: with --save, what is done is kept, and a run that was ended
goes on where it was; the table counts all that is in the file. Begin a new file when anything was changed.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

import platformdirs
from faster_whisper import WhisperModel

from rtvi_local.bench.growing import heard_while_spoken
from rtvi_local.bench.people import recordings_folder
from rtvi_local.bench.sitting import machine, now
from rtvi_local.bench.utterances import Utterance, recorded, synthesized
from rtvi_local.bench.wer_table import Result, Way, rows, table
from rtvi_local.bench.words import normalised_words, word_errors
from rtvi_local.engines.interfaces import LISTENING_SAMPLE_RATE, EngineError, Float32
from rtvi_local.engines.invented import looks_invented, speech_energy_db
from rtvi_local.engines.silero import Silero
from rtvi_local.engines.whisper import Whisper

KEPT = Path(tempfile.gettempdir()) / "rtvi-local-wer"


class Stock:
    """faster-whisper as it comes."""

    def __init__(self, directory: Path, *, device: str, threads: int) -> None:
        precision = "int8" if device == "cpu" else "float16"
        self._model = WhisperModel(str(directory), device=device, compute_type=precision, cpu_threads=threads)
        self._kept = KEPT / f"{directory.name}-{device}"

    def transcribe(self, samples: Float32, language: str) -> tuple[str, float, float]:
        """The text, and how long it took in ms: all of it, and nothing besides."""
        file = self._kept / f"{hashlib.sha1(samples.tobytes()).hexdigest()}-{language}.json"
        if not file.is_file():
            started = time.perf_counter()
            segments, _ = self._model.transcribe(samples, language=language, beam_size=1, condition_on_previous_text=False)
            text = " ".join(segment.text.strip() for segment in segments)
            self._kept.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps([text, (time.perf_counter() - started) * 1000]), encoding="utf-8")
        text, took_ms = json.loads(file.read_text(encoding="utf-8"))
        return text, took_ms, 0.0


def compare(
    utterances: Iterable[Utterance], models: Path, model: str, *, threads: int, language: str = "en", device: str = "cpu"
) -> Iterator[Result]:
    """All ways one after the other on each utterance, so that a busy machine is busy for all."""
    stock = Stock(models / model, device=device, threads=threads)
    whisper = Whisper.load(models / model, device=device, threads=threads)
    silero = Silero.load(models / "silero-vad-v6")
    for utterance in utterances:
        said = normalised_words(utterance.text)

        def way(text: str, encode_ms: float, decode_ms: float, said: list[str] = said) -> Way:
            return Way(text, word_errors(said, normalised_words(text)), encode_ms, decode_ms)

        short = asyncio.run(whisper.transcribe(utterance.samples, language=language))
        grown = heard_while_spoken(utterance.samples, silero.detector(), whisper)
        duration_s = len(utterance.samples) / LISTENING_SAMPLE_RATE
        yield Result(
            name=utterance.name,
            kind=utterance.kind,
            text=utterance.text,
            words=len(said),
            duration_s=duration_s,
            stock=way(*stock.transcribe(utterance.samples, language)),
            short=way(short.text, short.encode_ms, short.decode_ms),
            grown=way(grown.text, grown.encode_ms, grown.decode_ms),
            tail_s=grown.tail_s,
            first_words_ms=grown.first_words_ms,
            flagged=looks_invented(short, duration_s, speech_energy_db(utterance.samples)),
        )
    whisper.close()


def merged(file: Path, results: list[Result]) -> list[Result]:
    """The results with those in the file that are not about the same utterances; the file holds both from now on."""
    earlier = [Result.read(one) for one in json.loads(file.read_text(encoding="utf-8"))] if file.is_file() else []
    new = {(result.kind, result.name) for result in results}
    both = [result for result in earlier if (result.kind, result.name) not in new] + results
    file.write_text(json.dumps([asdict(result) for result in both], indent=1) + "\n", encoding="utf-8")
    return both


def _shard(text: str) -> tuple[int, int]:
    number, _, of = text.partition("/")
    shard = int(number), int(of)
    if not 1 <= shard[0] <= shard[1]:
        raise ValueError
    return shard


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m rtvi_local.bench.wer", description=__doc__.split("\n")[0])
    configured = os.environ.get("RTVI_LOCAL_MODELS_DIRECTORY")
    models = Path(configured) if configured else Path(platformdirs.user_data_dir("rtvi-local")) / "models"
    parser.add_argument("--models", type=Path, default=models, metavar="FOLDER", help="where the models are")
    parser.add_argument("--model", default="whisper-base", help="the transcription model (default: %(default)s)")
    parser.add_argument("--voice", default="piper-en_US-joe-medium", help="who speaks (default: %(default)s)")
    parser.add_argument("--recordings", type=Path, default=recordings_folder(), metavar="FOLDER")
    parser.add_argument("--threads", type=int, default=min(os.cpu_count() or 2, 4))
    parser.add_argument("--limit", type=int, help="only that many sentences")
    parser.add_argument("--shard", type=_shard, default=(1, 1), metavar="K/N", help="only every N-th, from the K-th on")
    parser.add_argument("--save", type=Path, metavar="FILE", help="keep the results in this file; skip and count what is in it")
    parser.add_argument("--summary", type=Path, metavar="FILE", help="write the table there as JSON")
    parser.add_argument("--json", action="store_true", help="everything, utterance by utterance")
    options = parser.parse_args(arguments)
    utterances = list(recorded(options.recordings))[options.shard[0] - 1 :: options.shard[1]] if options.recordings else []
    utterances += synthesized(options.models / options.voice, limit=options.limit, shard=options.shard)
    results = merged(options.save, []) if options.save else []
    done = {(result.kind, result.name) for result in results}
    utterances = [utterance for utterance in utterances if (utterance.kind, utterance.name) not in done]
    try:
        for result in compare(utterances, options.models, options.model, threads=options.threads):
            results.append(result)
            if options.save:
                merged(options.save, [result])
    except EngineError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    counted = rows(results)
    if options.summary:
        about = {"measured": now(), "machine": machine(), "model": options.model}
        text = json.dumps({**about, "rows": [asdict(row) for row in counted]}, indent=1)
        options.summary.write_text(text + "\n", encoding="utf-8")
    if options.json:
        report = {
            "model": options.model,
            "rows": [asdict(row) for row in counted],
            "results": [asdict(result) for result in results],
        }
        sys.stdout.write(json.dumps(report, indent=2) + "\n")
    else:
        sys.stdout.write(table(counted))
    return 0


if __name__ == "__main__":
    sys.exit(main())
