from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping

import pytest

from rtvi_local.engine_pool import Closable, EnginePool, Kind
from rtvi_local.engines.interfaces import EngineError


class Engine:
    def __init__(self, name: str) -> None:
        self.name = name
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


class Factory:
    def __init__(self) -> None:
        self.made: list[Engine] = []
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.fail = False

    def load(self, kind: Kind, name: str) -> Closable:
        assert self.may_go_on.wait(5)
        if self.fail:
            raise EngineError(f"{name} is broken")
        self.made.append(Engine(name))
        return self.made[-1]

    def find(self) -> Mapping[Kind, tuple[str, ...]]:
        return {"llm": ("big", "small")}


def test_an_engine_is_loaded_once_for_all_and_freed_with_its_last_lease() -> None:
    async def story() -> None:
        factory = Factory()
        pool = EnginePool(factory.load, factory.find)
        one, two = await asyncio.gather(pool.lease("llm", "big"), pool.lease("llm", "big"))
        assert one.engine is two.engine
        one.release()
        one.release()
        await asyncio.sleep(0)
        assert factory.made[0].closed == 0
        two.release()
        await pool.close()
        assert [engine.closed for engine in factory.made] == [1]

    asyncio.run(story())


def test_an_engine_that_was_freed_is_loaded_anew() -> None:
    async def story() -> None:
        factory = Factory()
        pool = EnginePool(factory.load, factory.find)
        (await pool.lease("tts", "joe")).release()
        again = await pool.lease("tts", "joe")
        assert again.engine is factory.made[1]
        await pool.close()
        assert [engine.closed for engine in factory.made] == [1, 1]

    asyncio.run(story())


def test_a_wish_that_is_withdrawn_while_it_loads_leaves_nothing_behind() -> None:
    async def story() -> None:
        factory = Factory()
        factory.may_go_on.clear()
        pool = EnginePool(factory.load, factory.find)
        wish = asyncio.create_task(pool.lease("llm", "big"))
        await asyncio.sleep(0.01)
        wish.cancel()
        with pytest.raises(asyncio.CancelledError):
            await wish
        factory.may_go_on.set()
        await pool.close()
        assert [engine.closed for engine in factory.made] == [1]

    asyncio.run(story())


def test_a_load_that_fails_is_told_to_all_who_wait_and_can_be_tried_again() -> None:
    async def story() -> None:
        factory = Factory()
        factory.fail = True
        pool = EnginePool(factory.load, factory.find)
        results = await asyncio.gather(*(pool.lease("llm", "big") for _ in range(2)), return_exceptions=True)
        assert [str(result) for result in results] == ["big is broken"] * 2
        factory.fail = False
        assert (await pool.lease("llm", "big")).engine.name == "big"
        await pool.close()

    asyncio.run(story())


def test_what_is_installed_is_looked_up_when_asked() -> None:
    async def story() -> None:
        pool = EnginePool(Factory().load, Factory().find)
        assert pool.installed("llm") == ()
        await pool.look_again()
        assert (pool.installed("llm"), pool.installed("tts")) == (("big", "small"), ())

    asyncio.run(story())
