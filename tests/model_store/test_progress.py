"""What a pull shows on a terminal, and where there is none."""

from __future__ import annotations

import fcntl
import io
import os
import re
import struct
import termios
import threading
import time

from rtvi_local.model_store.progress import for_stream
from tests.model_store.conftest import Shop, file_entry, model_entry, some_bytes
from tests.model_store.http_server import status

CONTENT = some_bytes(500_000)
BAR_INTERVAL_S = 0.12
"""A little more than tqdm leaves between two changes of a bar."""


class Terminal:
    """A pseudo-terminal of 100 columns that somebody reads."""

    def __init__(self) -> None:
        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
        self.stream = os.fdopen(slave, "w", encoding="utf-8")
        self._shown = b""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        try:
            while read := os.read(self._master, 4096):
                self._shown += read
        except OSError:
            pass  # Linux says with an error that the other end is closed

    def close(self) -> str:
        """Everything that was shown."""
        self.stream.close()
        self._reader.join(60)
        os.close(self._master)
        return self._shown.decode()


def percents(shown: str, model: str) -> list[int]:
    return [int(percent) for percent in re.findall(rf"{model} *: +(\d+)%", shown)]


def test_a_terminal_shows_a_bar_for_each_model_that_grows_to_the_end(shop: Shop) -> None:
    slowly = {"before_chunk": lambda: time.sleep(BAR_INTERVAL_S), "chunk_bytes": 100_000}
    urls = [shop.server.put(f"/{name}", CONTENT, **slowly) for name in ("one", "other")]
    one, other = (model_entry(file_entry("m.gguf", CONTENT, {"url": url})) for url in urls)
    terminal = Terminal()
    try:
        shop.store(one=one, other=other).pull(["one", "other"], for_stream(terminal.stream))
    finally:
        shown = terminal.close()
    for model in ("one", "other"):
        grown = percents(shown, model)
        assert grown == sorted(grown)
        assert grown[0] == 0
        assert any(0 < percent < 100 for percent in grown), shown
        assert grown[-1] == 100


def test_a_terminal_is_told_of_a_source_that_failed_and_the_bar_starts_over(shop: Shop) -> None:
    bad, good = shop.server.put("/bad", CONTENT, *[status(404)] * 6), shop.server.put("/good", CONTENT)
    terminal = Terminal()
    try:
        model = model_entry(file_entry("m.gguf", CONTENT, {"url": bad}, {"url": good}))
        shop.store(m=model).pull(["m"], for_stream(terminal.stream))
    finally:
        shown = terminal.close()
    assert "Trying the next source." in shown
    assert percents(shown, "m")[-1] == 100


def test_elsewhere_there_is_a_line_at_the_start_and_one_at_the_end(shop: Shop) -> None:
    stream = io.StringIO()
    model = model_entry(file_entry("m.gguf", CONTENT, {"url": shop.server.put("/a", CONTENT)}))
    shop.store(m=model).pull(["m"], for_stream(stream))
    assert stream.getvalue() == "m: fetching 500 kB\nm: fetched and verified\n"
