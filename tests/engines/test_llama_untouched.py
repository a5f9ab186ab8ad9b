"""What the cache does not hold takes no memory, and nothing else is touched."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rtvi_local.engines.llama_library import Batch
from rtvi_local.engines.llama_loading import Loaded, load
from rtvi_local.engines.llama_untouched import let_go_of_cache, state_of
from tests.engines.tiny_gguf import tiny_llama

pytestmark = pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="reads /proc")
TOKENS = [1, 4, 9, 16, 25, 31, 30, 29, 28, 27] * 6


@pytest.fixture(params=("f16", "q8_0"))
def kv_type(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def loaded(tmp_path: Path, kv_type: str) -> Iterator[Loaded]:
    path = tiny_llama(tmp_path / "tiny.gguf")
    loaded = load(
        path, device="cpu", threads=1, context_tokens=64, cache_tokens=1024, sequences=16, batch_tokens=64, kv_type=kv_type
    )
    yield loaded
    loaded.free()


def read(loaded: Loaded) -> bytes:
    """What the cache holds of TOKENS after they were computed."""
    batch = Batch(len(TOKENS))
    batch.add(3, 0, TOKENS, wants_output=True)
    assert batch.decode(loaded.context) == 0
    batch.free()
    return state_of(loaded.context, 3)


def test_its_pages_are_let_go_and_are_as_good_as_new(loaded: Loaded, kv_type: str) -> None:
    before = read(loaded)
    let_go_of_cache(loaded, 3, kv_type)
    assert state_of(loaded.context, 3).count(0) > len(before) / 2 > before.count(0)
    loaded.memory.truncate(3, 0)
    assert read(loaded) == before


def test_a_cache_that_looks_otherwise_is_left_as_it_is(loaded: Loaded, kv_type: str) -> None:
    before = read(loaded)
    let_go_of_cache(loaded, 3, {"f16": "q8_0", "q8_0": "f16"}[kv_type])
    assert state_of(loaded.context, 3) == before


def test_a_sequence_that_holds_nothing_shows_nothing(loaded: Loaded, kv_type: str) -> None:
    before = read(loaded)
    let_go_of_cache(loaded, 2, kv_type)
    assert state_of(loaded.context, 3) == before
