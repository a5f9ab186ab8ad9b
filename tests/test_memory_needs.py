from __future__ import annotations

import pytest

from rtvi_local.errors import UserError
from rtvi_local.hardware import Placement, Plan
from rtvi_local.memory_needs import BESIDE_MODELS_BYTES, needed_memory_bytes, require_memory

CPU, CARD = Placement("cpu", "int8", 1), Placement("cuda", "float16", 1)
MODELS = {"stt": ("ears", 145_000_000), "llm": ("brain", 491_000_000), "vad": ("gate", 2_000_000)}
TOGETHER = 638_000_000


def placed(stt: Placement = CPU, llm: Placement = CPU) -> Plan:
    return Plan(vad=CPU, turn_detector=CPU, stt=stt, llm=llm, tts=CPU)


def test_models_that_do_not_fit_together_are_refused_before_they_are_loaded_with_their_names_and_a_fix() -> None:
    with pytest.raises(UserError, match=r"about 888 MB .* and 887 MB are free\. .*--preset tiny.* brain \(491 MB\)"):
        require_memory(MODELS, placed(), TOGETHER + BESIDE_MODELS_BYTES - 1_000_000)
    require_memory(MODELS, placed(), TOGETHER + BESIDE_MODELS_BYTES)


def test_where_the_free_memory_is_not_known_nothing_is_refused() -> None:
    require_memory(MODELS, placed(), None)


def test_what_is_on_a_graphics_card_takes_nothing_of_this_memory() -> None:
    sizes = {engine: size for engine, (_, size) in MODELS.items()}
    assert needed_memory_bytes(sizes, placed(stt=CARD, llm=CARD)) == BESIDE_MODELS_BYTES + 2_000_000
    assert needed_memory_bytes(sizes, None) == BESIDE_MODELS_BYTES + TOGETHER
