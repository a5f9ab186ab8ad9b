"""The books of the cache against a memory that behaves as llama.cpp's does."""

from hypothesis import given
from hypothesis import strategies as st

from rtvi_local.engines.llama_cache import SequenceCache


class FakeMemory:
    """What each sequence really holds; tokens get in by `compute` alone."""

    def __init__(self, *, forgets_in_part: bool = True) -> None:
        self.held: dict[int, list[int]] = {}
        self._forgets_in_part = forgets_in_part

    def truncate(self, sequence: int, length: int) -> bool:
        held = self.held.setdefault(sequence, [])
        if 0 < length < len(held) and not self._forgets_in_part:
            return False
        del held[length:]
        return True

    def share(self, source: int, target: int, length: int) -> None:
        assert not self.held.get(target), "llama.cpp would keep both"
        self.held[target] = self.held[source][:length]

    def compute(self, sequence: int, tokens: list[int]) -> None:
        self.held.setdefault(sequence, []).extend(tokens)


def read(cache: SequenceCache, memory: FakeMemory, sequence: int, tokens: list[int]) -> int:
    """Adopt and compute the rest, as the scheduler does; returns how much was there already."""
    known = cache.adopt(sequence, tokens)
    memory.compute(sequence, tokens[known:])
    cache.extend(sequence, tokens[known:])
    return known


def test_a_longer_prompt_keeps_its_beginning() -> None:
    memory = FakeMemory()
    cache = SequenceCache(memory, 2)
    assert read(cache, memory, 0, [1, 2, 3]) == 0
    assert read(cache, memory, 0, [1, 2, 9, 10]) == 2
    assert memory.held[0] == [1, 2, 9, 10]


def test_a_new_sequence_shares_what_another_has_read() -> None:
    memory = FakeMemory()
    cache = SequenceCache(memory, 3)
    read(cache, memory, 2, [1, 2, 3])
    assert read(cache, memory, 0, [1, 2, 3, 4]) == 3
    assert memory.held[2] == [1, 2, 3]


def test_what_an_aborted_decode_left_behind_is_thrown_out() -> None:
    memory = FakeMemory()
    cache = SequenceCache(memory, 1)
    read(cache, memory, 0, [1, 2])
    memory.compute(0, [7, 7, 7])
    cache.repair(0)
    assert memory.held[0] == [1, 2]


def test_the_sequence_that_rested_longest_is_evicted_and_never_a_busy_one() -> None:
    memory = FakeMemory()
    cache = SequenceCache(memory, 3)
    for sequence in (1, 0, 2):
        read(cache, memory, sequence, [sequence])
    assert cache.evict_one(busy={1})
    assert [cache.length(sequence) for sequence in range(3)] == [0, 1, 1]
    assert not cache.evict_one(busy={1, 2})


def test_what_all_begin_with_is_evicted_last_however_long_it_rested() -> None:
    memory = FakeMemory()
    cache = SequenceCache(memory, 3, everybodys={2})
    for sequence in (2, 0, 1):
        read(cache, memory, sequence, [sequence])
    evicted = []
    while cache.evict_one(busy=()):
        evicted.append(next(s for s in range(3) if not cache.length(s) and s not in evicted))
    assert evicted == [0, 1, 2]


@given(
    st.booleans(),
    st.lists(st.tuples(st.integers(0, 2), st.lists(st.integers(0, 1), min_size=1, max_size=6), st.booleans()), max_size=30),
)
def test_the_memory_always_holds_exactly_what_was_asked_for(
    forgets_in_part: bool, prompts: list[tuple[int, list[int], bool]]
) -> None:
    memory = FakeMemory(forgets_in_part=forgets_in_part)
    cache = SequenceCache(memory, 3, forgets_in_part=forgets_in_part)
    for sequence, tokens, answer in prompts:
        read(cache, memory, sequence, tokens)
        assert memory.held[sequence] == tokens
        if answer:
            cache.forget_last(sequence)
            assert memory.held[sequence] == tokens[: cache.length(sequence)]
