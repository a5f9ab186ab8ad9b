"""Telling the user how far a pull is."""

from __future__ import annotations

import sys
from typing import Any, Protocol, TextIO

from tqdm import tqdm


class Progress(Protocol):
    """What a pull reports to, on one thread. Bytes are those of the model's files, unpacked."""

    def start(self, model: str, total_bytes: int) -> None: ...

    def advance(self, model: str, count: int) -> None:
        """`count` is negative when something has to be fetched again."""
        ...

    def finish(self, model: str, *, complete: bool) -> None: ...

    def note(self, text: str) -> None:
        """Something that the user may want to know: another pull is waited for, a source failed."""
        ...


class Silent:
    """For callers that want no reports."""

    def start(self, model: str, total_bytes: int) -> None:
        pass

    def advance(self, model: str, count: int) -> None:
        pass

    def finish(self, model: str, *, complete: bool) -> None:
        pass

    def note(self, text: str) -> None:
        pass


class Lines:
    """One plain line when a model starts and one when it ends, for logs and pipes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def start(self, model: str, total_bytes: int) -> None:
        self.note(f"{model}: fetching {megabytes(total_bytes)}")

    def advance(self, model: str, count: int) -> None:
        pass

    def finish(self, model: str, *, complete: bool) -> None:
        self.note(f"{model}: {'fetched and verified' if complete else 'not complete'}")

    def note(self, text: str) -> None:
        self._stream.write(text + "\n")
        self._stream.flush()


class Bars:
    """One bar per model, for terminals."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._bars: dict[str, tqdm[Any]] = {}

    def start(self, model: str, total_bytes: int) -> None:
        bar: tqdm[Any] = tqdm(
            total=total_bytes,
            desc=f"{model:<24}",
            unit="B",
            unit_scale=True,
            position=len(self._bars),
            leave=True,
            file=self._stream,
            dynamic_ncols=True,
        )
        self._bars[model] = bar

    def advance(self, model: str, count: int) -> None:
        self._bars[model].update(count)

    def finish(self, model: str, *, complete: bool) -> None:
        bar = self._bars[model]
        if complete:
            bar.update((bar.total or 0) - bar.n)
        bar.close()

    def note(self, text: str) -> None:
        tqdm.write(text, file=self._stream)


class Meter:
    """How far one piece of a model is, reported as differences, so that starting again takes back what was counted."""

    def __init__(self, progress: Progress, model: str, weight_bytes: int) -> None:
        self._progress = progress
        self._model = model
        self._weight = weight_bytes
        self._reported = 0

    def at(self, done: int, total: int) -> None:
        """`done` of `total` bytes of the download, which may be smaller or larger than what it unpacks to."""
        now = self._weight * min(done, total) // max(total, 1)
        if now != self._reported:
            self._progress.advance(self._model, now - self._reported)
            self._reported = now


def for_stream(stream: TextIO = sys.stderr) -> Progress:
    """Bars on a terminal, lines elsewhere."""
    return Bars(stream) if stream.isatty() else Lines(stream)


def megabytes(size: int) -> str:
    """A size as people read it."""
    if size < 1_000_000:
        return f"{max(size // 1000, 1)} kB"
    return f"{size / 1e6:,.0f} MB" if size < 1e9 else f"{size / 1e9:,.1f} GB"
