"""`python -m rtvi_local.bench.perplexity MODEL_FOLDER [TEXT...]`: what re-encoding costs and gives.

For the model as it came and for its faster copy: the perplexity of a text (of every token after the first 50 of each stretch of
600, so that each is judged with something before it), and the time to read 8 tokens, 64, and one. Only ratios say something,
and only of a text that the model has not learned by heart.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from rtvi_local.engines.llama_loading import find_gguf
from rtvi_local.engines.llama_recode import find_recoded

SENTENCES = [Path(__file__).with_name(name) for name in ("long_sentences.txt", "sentences.txt")]
"""A text that stays as it is, so that the figure can be had again."""
STRETCH, UNJUDGED, MOST_TOKENS = 600, 50, 2400


def perplexity(llama: Any, tokens: list[int]) -> float:
    losses: list[float] = []
    for start in range(0, len(tokens), STRETCH):
        stretch = tokens[start : start + STRETCH]
        llama.reset()
        llama.eval(stretch)
        scores = np.array(llama.scores[: len(stretch)], dtype=np.float64)
        scores -= scores.max(axis=1, keepdims=True)
        logarithms = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        losses += [-logarithms[at, stretch[at + 1]] for at in range(UNJUDGED, len(stretch) - 1)]
    return float(np.exp(np.mean(losses)))


def milliseconds(llama: Any, tokens: list[int], count: int, *, repetitions: int = 9) -> float:
    """Median time to read `count` tokens after 32 others."""
    times: list[float] = []
    for _ in range(repetitions):
        llama.reset()
        llama.eval(tokens[:32])
        started_s = time.perf_counter()
        llama.eval(tokens[32 : 32 + count])
        times.append((time.perf_counter() - started_s) * 1000)
    return statistics.median(times)


def opened(path: Path, threads: int, *, logits_all: bool) -> Any:
    """`logits_all` multiplies every token with the output matrix, which takes as long as all else: nothing to take times of."""
    import llama_cpp

    return llama_cpp.Llama(
        str(path), n_ctx=1024, n_batch=256, n_threads=threads, n_threads_batch=threads,
        flash_attn=True, logits_all=logits_all, verbose=False,
    )  # fmt: skip


def row(path: Path, text: bytes, threads: int) -> tuple[float, ...]:
    llama = opened(path, threads, logits_all=True)
    tokens: list[int] = llama.tokenize(text)[:MOST_TOKENS]
    if len(tokens) < 2 * UNJUDGED:
        raise SystemExit(f"The text has {len(tokens)} tokens; {2 * UNJUDGED} are needed at least, {MOST_TOKENS} are used.")
    loss = perplexity(llama, tokens)
    llama.close()
    llama = opened(path, threads, logits_all=False)
    times = [milliseconds(llama, tokens, count) for count in (8, 64, 1)]
    llama.close()
    return loss, *times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="folder that holds the .gguf file")
    parser.add_argument("text", type=Path, nargs="*", default=SENTENCES, help="files with text (default: those of bench.wer)")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    text = b"".join(path.read_bytes() for path in arguments.text)
    path = find_gguf(arguments.model)
    paths = {"as it came": path, "faster copy": find_recoded(path)}
    sys.stdout.write(f"{'':<14}{'perplexity':>12}{'8 tokens':>12}{'64 tokens':>12}{'1 token':>12}\n")
    for name, each in paths.items():
        if each is None:
            sys.stdout.write(f"{name:<14}none: rtvi-local models pull {path.parent.name}\n")
            continue
        loss, *times = row(each, text, arguments.threads)
        sys.stdout.write(f"{name:<14}{loss:>12.2f}" + "".join(f"{each_ms:>9.1f} ms" for each_ms in times) + "\n")


if __name__ == "__main__":
    main()
