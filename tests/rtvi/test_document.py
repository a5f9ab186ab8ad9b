from __future__ import annotations

from pathlib import Path

from rtvi_local.rtvi.document import document, options_page
from rtvi_local.rtvi.messages import CLIENT_MESSAGES, SERVER_MESSAGES

PAGE = Path(__file__).parents[2] / "docs" / "messages.md"


def test_the_page_is_not_stale() -> None:
    assert PAGE.read_text(encoding="utf-8") == document(), "run: python -m rtvi_local.rtvi.document > docs/messages.md"


def test_the_page_of_options_is_not_stale() -> None:
    assert PAGE.with_name("options.md").read_text(encoding="utf-8") == options_page(), "run: make docs"


def test_every_message_is_documented_with_a_sentence() -> None:
    page = document()
    for kind in (*CLIENT_MESSAGES, *SERVER_MESSAGES):
        assert f"### `{kind.type}`" in page
        assert vars(kind).get("__doc__"), kind
