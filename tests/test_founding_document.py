"""The samples that the browser runs are those of RTVI's founding document, to the letter."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parent
PAGES = ("hello.html", "config.html", "camera.html", "weather.html", "configure.html", "pipeline.html")
"""In the order of the document."""


def test_each_sample_stands_in_its_page_word_for_word() -> None:
    document = (TESTS / "data" / "founding-document.md").read_text(encoding="utf-8")
    samples = re.findall(r"^```javascript\n(.*?)^```$", document, re.M | re.S)
    pages = [(TESTS / "browser" / "founding" / name).read_text(encoding="utf-8") for name in PAGES]
    assert len(samples) == len(PAGES)
    for name, sample, page in zip(PAGES, samples, pages, strict=True):
        assert f"\n{sample.rstrip()}\n" in page, name
