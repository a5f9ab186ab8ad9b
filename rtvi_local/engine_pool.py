"""Engines that conversations share: each model is loaded once, and freed when nobody uses it any more."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

log = logging.getLogger(__name__)

Kind = Literal["stt", "llm", "tts"]


class Closable(Protocol):
    def close(self) -> None:
        """Wait for what runs, then free everything. Blocks."""
        ...


class Lease:
    """The right to use an engine until `release`."""

    def __init__(self, engine: Any, release: Callable[[], None]) -> None:
        self.engine = engine
        self._release: Callable[[], None] | None = release

    def release(self) -> None:
        """Nobody may use the engine on behalf of this lease any more. More than once is once."""
        if self._release is not None:
            self._release()
            self._release = None


class Shelf(Protocol):
    """Where a conversation gets engines from."""

    def installed(self, kind: Kind) -> tuple[str, ...]:
        """The names of the models that can be leased."""
        ...

    async def look_again(self) -> None:
        """Models may have been added or removed since."""
        ...

    async def lease(self, kind: Kind, name: str) -> Lease:
        """The engine, loaded if it is not. Raises UserError."""
        ...


@dataclass(slots=True)
class _Entry:
    loading: asyncio.Task[Any]
    users: int = 0


@dataclass(slots=True)
class EnginePool:
    """A Shelf. `load` gives an engine by kind and name, `find` the names of what is installed; both block."""

    load: Callable[[Kind, str], Closable]
    find: Callable[[], Mapping[Kind, tuple[str, ...]]]
    _entries: dict[tuple[Kind, str], _Entry] = field(default_factory=dict)
    _installed: Mapping[Kind, tuple[str, ...]] = field(default_factory=dict)
    _closing: set[asyncio.Task[None]] = field(default_factory=set)

    def installed(self, kind: Kind) -> tuple[str, ...]:
        return self._installed.get(kind, ())

    async def look_again(self) -> None:
        self._installed = await asyncio.to_thread(self.find)

    async def lease(self, kind: Kind, name: str) -> Lease:
        key = kind, name
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = _Entry(asyncio.create_task(asyncio.to_thread(self.load, kind, name)))
        entry.users += 1
        try:
            engine = await asyncio.shield(entry.loading)
        except BaseException:
            self._leave(key, entry)
            raise
        return Lease(engine, lambda: self._leave(key, entry))

    async def close(self) -> None:
        """Free everything; all leases must have been given back."""
        for key, entry in list(self._entries.items()):
            entry.users = 1
            self._leave(key, entry)
        while self._closing:
            await asyncio.gather(*self._closing)

    def _leave(self, key: tuple[Kind, str], entry: _Entry) -> None:
        entry.users -= 1
        if entry.users == 0 and self._entries.get(key) is entry:
            del self._entries[key]
            closing = asyncio.create_task(self._free(key[1], entry))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def _free(self, name: str, entry: _Entry) -> None:
        try:
            engine = await entry.loading
        except Exception:
            return  # whoever wanted it was told
        await asyncio.to_thread(engine.close)
        log.info("%s is no longer used and was freed", name)
