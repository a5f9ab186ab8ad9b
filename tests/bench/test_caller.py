"""A caller whose call is over."""

from __future__ import annotations

import asyncio

import pytest

from rtvi_local.bench.caller import Caller
from rtvi_local.bench.server_process import free_port
from tests.integration.fake_world import fake_server


def test_it_hangs_up_where_the_library_was_cut_short_at_that() -> None:
    """As where the other side is gone and everything is cancelled: the library hangs up by itself then."""

    async def scene() -> None:
        async with fake_server() as (url, _):
            caller = await Caller(url).__aenter__()
            by_itself = asyncio.create_task(caller._pc.close())
            await asyncio.sleep(0)
            by_itself.cancel()
            await asyncio.wait({by_itself})
            assert by_itself.cancelled()
            await asyncio.wait_for(caller.close(), 20)
            for transceiver in caller._pc.getTransceivers():
                await transceiver.receiver.transport.transport.stop()  # the socket that the library left open

    asyncio.run(scene())


def test_where_nobody_answers_the_call_fails_with_the_address() -> None:
    async def scene(url: str) -> None:
        with pytest.raises(ConnectionError, match=url):
            await Caller(url).__aenter__()

    asyncio.run(scene(f"http://127.0.0.1:{free_port()}"))
