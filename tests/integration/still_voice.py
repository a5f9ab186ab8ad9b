"""The default voice without its chance: what is said in it sounds the same every time.

The voice never says a thing twice in the same way, and now and then a way of it is misheard: "Rome" for "wrong", or what is
clear to a test's Whisper as "the catapult of Spain" to that of the appliance, whose sound has come over a network.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from rtvi_local.model_store import open_store

NAME = "joe-without-chance"
VOICE = "piper-en_US-joe-medium"


def environment(models: Path) -> dict[str, str]:
    """For an appliance that leaves nothing to chance: what it answers is the same every time, too."""
    return {
        "RTVI_LOCAL_MODELS_DIRECTORY": str(models),
        "RTVI_LOCAL_MODELS_TTS": NAME,
        "RTVI_LOCAL_LLM_TEMPERATURE": "0",
    }


def with_still_voice(models: Path, folder: Path) -> Path:
    """A models folder, made in `folder`, with all of `models` and that voice."""
    store = open_store(folder / "models")
    store.directory.mkdir()
    for model in models.iterdir():
        if not model.name.startswith("."):
            (store.directory / model.name).symlink_to(model)
    shutil.copy(models / ".verified.json", store.directory)
    (sound,) = (models / VOICE).glob("*.onnx")
    still = folder / "still.onnx"
    still.symlink_to(sound)
    description = json.loads(Path(f"{sound}.json").read_text(encoding="utf-8"))
    description["inference"] |= {"noise_scale": 0.0, "noise_w": 0.0}
    Path(f"{still}.json").write_text(json.dumps(description), encoding="utf-8")
    store.add(still, NAME)
    return store.directory
