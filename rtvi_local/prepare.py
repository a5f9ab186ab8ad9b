"""What is made of a model once, after it was installed, so that no start has to: faster weights, a voice that can be streamed.

Both are made from verified files alone, are kept beside them in hidden folders, and can be deleted at any time.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from tqdm import tqdm

from rtvi_local.config import Models
from rtvi_local.errors import UserError


def prepare(kind: str, directory: Path, settings: Models, stream: TextIO | None = None) -> None:
    """Prepare the model of `kind` ("llm", "tts", …) in `directory`; quick if that was done already.

    Where it cannot be done, the model works as it came: that is said on `stream` (stderr), and is no failure.
    """
    stream = stream or sys.stderr
    try:
        if kind == "llm" and settings.recode:
            _prepare_weights(directory, settings.device, stream)
        elif kind == "tts":
            _prepare_voice(directory, stream)
    except UserError as error:
        stream.write(f"{directory.name}: not prepared. {error}\n")


def forget(kind: str, directory: Path) -> None:
    """Delete what `prepare` made. Call it before the model's own files are deleted: they tell what was made of them."""
    if kind == "llm":
        from rtvi_local.engines.llama_recode import forget_recoded

        for path in directory.glob("*.gguf"):
            forget_recoded(path)
    for made in (*directory.glob(".split-*"), *directory.glob(".fast-*")):
        shutil.rmtree(made, ignore_errors=True)


def is_whole(kind: str, directory: Path) -> bool:
    """Whether what `prepare` made is as it was written; also where it made nothing. Hashes all of it."""
    from rtvi_local.engines.llama_recode import find_recoded, made_of

    paths = directory.glob("*.gguf") if kind == "llm" else ()
    return all(find_recoded(path, afresh=True) is not None for path in paths if made_of(path))


def _prepare_weights(directory: Path, device: str, stream: TextIO) -> None:
    from rtvi_local.engines.llama_loading import find_gguf
    from rtvi_local.engines.llama_recode import find_recoded, needs_recoding, recode
    from rtvi_local.hardware import find_hardware, plan

    path = find_gguf(directory)
    if not needs_recoding(path) or find_recoded(path) or plan(find_hardware(), device).llm.device != "cpu":
        return
    why = "its weights are in a type that CPUs compute slowly; a faster copy is made, once"
    stream.write(f"{directory.name}: {why} (models.recode; half a minute on 2 cores)\n")
    stream.flush()
    with _bar(directory.name, stream) as progress:
        recode(path, progress)


def _prepare_voice(directory: Path, stream: TextIO) -> None:
    from rtvi_local.engines import piper_split

    if not any(directory.glob(f".split-{piper_split.FORMAT}-*")):
        stream.write(f"{directory.name}: the voice is split in two, once, so that it can speak before a sentence is computed\n")
        stream.flush()
    piper_split.prepare(directory)


@contextmanager
def _bar(name: str, stream: TextIO) -> Iterator[Callable[[float], None]]:
    """Progress from 0 to 1 as a bar on a terminal, and as nothing elsewhere."""
    bar: tqdm[Any] = tqdm(
        total=100, desc=f"{name:<24}", unit="%", file=stream, dynamic_ncols=True, disable=not stream.isatty(),
        bar_format="{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}",
    )  # fmt: skip
    with bar:

        def at(part: float) -> None:
            bar.update(round(100 * part) - bar.n)

        yield at
