from __future__ import annotations

from pathlib import Path

from rtvi_local.rtvi.clients import clients_page, page

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_not_stale() -> None:
    assert (DOCS / "clients.md").read_text(encoding="utf-8") == clients_page(DOCS), "run: make docs"


def test_a_client_is_a_column_and_a_feature_a_row() -> None:
    told = {"connects by": "offer", "protocol": "2.2.0"}
    table = {
        "new": {"packages": "new 2, wire 1", "features": {"speaks": "yes", "sings": "yes"}, **told},
        "old": {"packages": "old 1", "features": {"speaks": "yes", "sings": "–"}, **told},
    }
    text = page(table)
    assert "|  | new 2<br>wire 1 | old 1 |\n| --- | --- | --- |\n" in text
    assert "| sings | yes | – |\n" in text
