"""Which tokens each sequence of the key-value cache holds, and how little of a new prompt has to be read because of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from rtvi_local.engines.chat_prompt import common_prefix


class Memory(Protocol):
    """The part of the context that `Memory` of llama_library wraps."""

    def truncate(self, sequence: int, length: int) -> bool: ...

    def share(self, source: int, target: int, length: int) -> None: ...


class SequenceCache:
    """The books of a unified cache. What they say is held has been computed for sure; `repair` makes the memory agree.

    All sequences draw on one pool of cells. Tokens that several sequences begin with lie in it once.
    """

    def __init__(
        self, memory: Memory, sequences: int, *, forgets_in_part: bool = True, everybodys: Collection[int] = ()
    ) -> None:
        """`forgets_in_part` is False for recurrent models: what they read is kept or forgotten as a whole. `everybodys` are
        sequences that hold what all others begin with."""
        self._memory = memory
        self._forgets_in_part = forgets_in_part
        self._everybodys = everybodys
        self._held: list[list[int]] = [[] for _ in range(sequences)]
        self._used: list[int] = [0] * sequences
        self._clock = 0

    def length(self, sequence: int) -> int:
        return len(self._held[sequence])

    def adopt(self, sequence: int, tokens: Sequence[int]) -> int:
        """Make `sequence` hold what is known anywhere of the beginning of `tokens`, and no more; returns how much that is."""
        shared = [self._usable(held, tokens) for held in self._held]
        best = max(range(len(shared)), key=lambda other: (shared[other], other == sequence))
        self._touch(sequence)
        if best == sequence or shared[best] == shared[sequence]:
            return self._truncate(sequence, shared[sequence])
        self._touch(best)
        self.clear(sequence)
        self._memory.share(best, sequence, shared[best])
        self._held[sequence] = list(tokens[: shared[best]])
        return shared[best]

    def _usable(self, held: Sequence[int], tokens: Sequence[int]) -> int:
        length = common_prefix(held, tokens)
        return length if self._forgets_in_part or length == len(held) else 0

    def forget_last(self, sequence: int) -> None:
        """Let go of the last token: the model answers only right after reading one."""
        self._truncate(sequence, max(0, self.length(sequence) - 1))

    def shorten(self, sequence: int, length: int) -> None:
        """Let go of what is behind the first `length` tokens."""
        if length < self.length(sequence):
            self._truncate(sequence, max(0, length))

    def extend(self, sequence: int, tokens: Sequence[int]) -> None:
        """`tokens` were computed into `sequence`."""
        self._held[sequence].extend(tokens)
        self._touch(sequence)

    def repair(self, sequence: int) -> None:
        """Throw out what an aborted decode may have left behind."""
        self._truncate(sequence, self.length(sequence))

    def clear(self, sequence: int) -> None:
        self._truncate(sequence, 0)

    def evict_one(self, busy: Collection[int]) -> bool:
        """Clear the sequence that was not used for longest and is not `busy`; False if there is none to clear.

        What is everybody's goes last: it rests while they talk, and while one of them holds it, too, clearing it frees nothing.
        """
        idle = [sequence for sequence, held in enumerate(self._held) if held and sequence not in busy]
        if not idle:
            return False
        self.clear(min(idle, key=lambda sequence: (sequence in self._everybodys, self._used[sequence])))
        return True

    def _truncate(self, sequence: int, length: int) -> int:
        if length == 0 or not self._memory.truncate(sequence, length):
            self._memory.truncate(sequence, 0)
            length = 0
        del self._held[sequence][length:]
        return length

    def _touch(self, sequence: int) -> None:
        self._clock += 1
        self._used[sequence] = self._clock
