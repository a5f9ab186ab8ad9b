"""Write the pages of the documentation that come from the code. `make docs` runs it."""

from __future__ import annotations

from pathlib import Path

from rtvi_local.bench.figures import figures_page, latency_picture, with_cancelling, with_figures
from rtvi_local.config_text import settings_page
from rtvi_local.rtvi.clients import clients_page
from rtvi_local.rtvi.document import document, options_page
from rtvi_local.server.document import endpoints_page

FOLDER = Path(__file__).parent
README = FOLDER.parent / "README.md"
LATENCY = FOLDER / "latency.md"

(FOLDER / "settings.md").write_text(settings_page(), encoding="utf-8")
(FOLDER / "options.md").write_text(options_page(), encoding="utf-8")
(FOLDER / "messages.md").write_text(document(), encoding="utf-8")
(FOLDER / "endpoints.md").write_text(endpoints_page(), encoding="utf-8")
(FOLDER / "figures.md").write_text(figures_page(FOLDER), encoding="utf-8")
(FOLDER / "latency.svg").write_text(latency_picture(FOLDER), encoding="utf-8")
LATENCY.write_text(with_cancelling(LATENCY.read_text(encoding="utf-8"), FOLDER), encoding="utf-8")
README.write_text(with_figures(README.read_text(encoding="utf-8"), FOLDER), encoding="utf-8")
(FOLDER / "clients.md").write_text(clients_page(FOLDER), encoding="utf-8")
