"""What tests with real models may ask for besides them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.still_voice import with_still_voice


@pytest.fixture(scope="session")
def still_models(models_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`models_directory`, and the voice `still_voice.NAME` with them."""
    return with_still_voice(models_directory, tmp_path_factory.mktemp("still"))
