"""The appliance before it is ready."""

from __future__ import annotations

from rtvi_local.appliance import Appliance
from rtvi_local.config import Config
from rtvi_local.hardware import Hardware, plan
from rtvi_local.model_store import Preset, open_store


def test_with_every_model_loaded_and_the_system_prompt_unread_it_is_not_ready() -> None:
    models: Preset = open_store().preset("laptop")
    appliance = Appliance(Config(), models, open_store(), plan(Hardware(2, None, None, "x86_64", frozenset(), {}), "cpu"))
    assert len(appliance.ready()) == 5
    for name in (models.stt, models.llm, models.tts, models.vad, models.turn):
        appliance._loading.pop(name)
    assert appliance.ready(), "a client that comes now would be told that something went wrong"
