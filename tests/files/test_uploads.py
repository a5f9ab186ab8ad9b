from __future__ import annotations

import pytest

from rtvi_local.files.reading import FileError
from rtvi_local.files.uploads import KEPT_S, MOST_BYTES, MOST_FILES, Uploads


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_a_file_is_given_out_once() -> None:
    uploads = Uploads()
    url, kept = uploads.keep(b"abc", name="a.txt", declared="application/x-odd")
    assert url.startswith("pipecat:")
    assert len(url) == len("pipecat:") + 32
    assert uploads.take(url) == kept
    with pytest.raises(FileError, match="Upload it again"):
        uploads.take(url)


@pytest.mark.parametrize(
    ("name", "declared", "format"),
    [
        ("a.png", "text/plain", "image/png"),
        ("a", "Text/Plain; charset=utf-8", "text/plain"),
        ("a", None, "application/octet-stream"),
        ("", "", "application/octet-stream"),
    ],
)
def test_the_format_comes_from_the_name_first(name: str, declared: str | None, format: str) -> None:
    assert Uploads().keep(b"", name=name, declared=declared)[1].format == format


def test_only_so_much_is_kept_and_only_for_so_long() -> None:
    clock = Clock()
    uploads = Uploads(clock)
    urls = [uploads.keep(b"x", name="", declared=None)[0] for _ in range(MOST_FILES + 1)]
    with pytest.raises(FileError):
        uploads.take(urls[0])
    large = uploads.keep(bytes(MOST_BYTES - 3), name="", declared=None)[0]
    for url in urls[1:-3]:
        with pytest.raises(FileError):
            uploads.take(url)
    uploads.take(urls[-1])
    clock.now_s = KEPT_S + 1
    with pytest.raises(FileError):
        uploads.take(large)


def test_what_belongs_to_a_session_goes_with_it() -> None:
    uploads = Uploads()
    mine, other = (uploads.keep(b"x", name="", declared=None, session_id=id)[0] for id in ("mine", "other"))
    uploads.forget("mine")
    uploads.take(other)
    with pytest.raises(FileError):
        uploads.take(mine)
