"""Compares this project's Whisper with stock faster-whisper: same model, same utterances, word errors and time.

    python -m rtvi_local.bench.wer [--json] [--shard 1/6 --save FILE]

Both decode greedily; stock pads to 30 s. Needs the models whisper-base and piper-en_US-joe-medium; the recordings are optional.
A run over everything takes minutes: shards can be run one after the other into the same file, and the table counts all of it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import platformdirs
from faster_whisper import WhisperModel

from rtvi_local.bench.utterances import Utterance, recorded, synthesized
from rtvi_local.bench.words import normalised_words, word_errors
from rtvi_local.engines.interfaces import LISTENING_SAMPLE_RATE, EngineError, Float32
from rtvi_local.engines.invented import looks_invented, speech_energy_db
from rtvi_local.engines.whisper import Whisper


@dataclass(frozen=True, slots=True)
class Result:
    name: str
    kind: str
    text: str
    words: int
    stock_text: str
    stock_errors: int
    stock_ms: float
    short_text: str
    short_errors: int
    short_ms: float
    flagged: bool
    """Taken for an invention although somebody spoke."""


@dataclass(frozen=True, slots=True)
class Row:
    kind: str
    utterances: int
    words: int
    stock_wer_percent: float
    short_wer_percent: float
    stock_mean_ms: float
    short_mean_ms: float
    stock_median_ms: float
    short_median_ms: float
    flagged: int


def _stock(model: WhisperModel, samples: Float32, language: str) -> str:
    segments, _ = model.transcribe(samples, language=language, beam_size=1, condition_on_previous_text=False)
    return " ".join(segment.text.strip() for segment in segments)


async def compare(
    utterances: Iterable[Utterance], directory: Path, *, threads: int, language: str = "en", device: str = "cpu"
) -> list[Result]:
    """Both ways one after the other on each utterance, so that a busy machine is busy for both."""
    stock = WhisperModel(
        str(directory), device=device, compute_type="int8" if device == "cpu" else "float16", cpu_threads=threads
    )
    short = Whisper.load(directory, device=device, threads=threads)
    results: list[Result] = []
    for utterance in utterances:
        said = normalised_words(utterance.text)
        started = time.perf_counter()
        stock_text = _stock(stock, utterance.samples, language)
        middle = time.perf_counter()
        heard = await short.transcribe(utterance.samples, language=language)
        ended = time.perf_counter()
        energy_db = speech_energy_db(utterance.samples)
        results.append(
            Result(
                name=utterance.name,
                kind=utterance.kind,
                text=utterance.text,
                words=len(said),
                stock_text=stock_text,
                stock_errors=word_errors(said, normalised_words(stock_text)),
                stock_ms=(middle - started) * 1000,
                short_text=heard.text,
                short_errors=word_errors(said, normalised_words(heard.text)),
                short_ms=(ended - middle) * 1000,
                flagged=looks_invented(heard, len(utterance.samples) / LISTENING_SAMPLE_RATE, energy_db),
            )
        )
    short.close()
    return results


def merged(file: Path, results: list[Result]) -> list[Result]:
    """The results with those in the file that are not about the same utterances; the file holds both from now on."""
    earlier = [Result(**one) for one in json.loads(file.read_text(encoding="utf-8"))] if file.is_file() else []
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


def row(kind: str, results: list[Result]) -> Row:
    words = sum(result.words for result in results)
    return Row(
        kind=kind,
        utterances=len(results),
        words=words,
        stock_wer_percent=100 * sum(result.stock_errors for result in results) / words,
        short_wer_percent=100 * sum(result.short_errors for result in results) / words,
        stock_mean_ms=statistics.mean(result.stock_ms for result in results),
        short_mean_ms=statistics.mean(result.short_ms for result in results),
        stock_median_ms=statistics.median(result.stock_ms for result in results),
        short_median_ms=statistics.median(result.short_ms for result in results),
        flagged=sum(result.flagged for result in results),
    )


def table(rows: list[Row]) -> str:
    lines = [
        f"{'':<14}{'n':>5}{'words':>7}   {'word error rate':^17}   {'mean ms':^15}   {'median ms':^15}   flagged",
        f"{'':<26}   {'30 s':>8}{'cut':>9}   {'30 s':>7}{'cut':>8}   {'30 s':>7}{'cut':>8}",
    ]
    lines += [
        f"{r.kind:<14}{r.utterances:>5}{r.words:>7}   {r.stock_wer_percent:>7.1f}%{r.short_wer_percent:>8.1f}%   "
        f"{r.stock_mean_ms:>7.0f}{r.short_mean_ms:>8.0f}   {r.stock_median_ms:>7.0f}{r.short_median_ms:>8.0f}   {r.flagged:>7}"
        for r in rows
    ]
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m rtvi_local.bench.wer", description=__doc__.split("\n")[0])
    configured = os.environ.get("RTVI_LOCAL_MODELS_DIRECTORY")
    models = Path(configured) if configured else Path(platformdirs.user_data_dir("rtvi-local")) / "models"
    parser.add_argument("--models", type=Path, default=models, metavar="FOLDER", help="where the models are")
    parser.add_argument("--model", default="whisper-base", help="the transcription model (default: %(default)s)")
    parser.add_argument("--voice", default="piper-en_US-joe-medium", help="who speaks (default: %(default)s)")
    parser.add_argument("--recordings", type=Path, default=os.environ.get("RTVI_LOCAL_TEST_AUDIO"), metavar="FOLDER")
    parser.add_argument("--threads", type=int, default=min(os.cpu_count() or 2, 4))
    parser.add_argument("--limit", type=int, help="only that many sentences")
    parser.add_argument("--shard", type=_shard, default=(1, 1), metavar="K/N", help="only every N-th, from the K-th on")
    parser.add_argument("--save", type=Path, metavar="FILE", help="add the results to those in this file; count all of them")
    parser.add_argument("--summary", type=Path, metavar="FILE", help="write the table there as JSON")
    parser.add_argument("--json", action="store_true", help="everything, utterance by utterance")
    options = parser.parse_args(arguments)
    utterances = list(recorded(options.recordings))[options.shard[0] - 1 :: options.shard[1]] if options.recordings else []
    utterances += synthesized(options.models / options.voice, limit=options.limit, shard=options.shard)
    try:
        results = asyncio.run(compare(utterances, options.models / options.model, threads=options.threads))
    except EngineError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if options.save:
        results = merged(options.save, results)
    kinds = list(dict.fromkeys(result.kind for result in results))
    rows = [row(kind, [result for result in results if result.kind == kind]) for kind in kinds] + [row("all", results)]
    if options.summary:
        text = json.dumps({"model": options.model, "rows": [asdict(r) for r in rows]}, indent=1)
        options.summary.write_text(text + "\n", encoding="utf-8")
    if options.json:
        report = {"model": options.model, "rows": [asdict(r) for r in rows], "results": [asdict(r) for r in results]}
        sys.stdout.write(json.dumps(report, indent=2) + "\n")
    else:
        sys.stdout.write(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
