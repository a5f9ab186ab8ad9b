from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from aiortc import RTCPeerConnection

from rtvi_local import virtual_clock
from rtvi_local.transports.webrtc_datagrams import Datagrams, Item, pass_through

FIRST_MS = 1000.0
RTP, RTCP, DTLS = b"\x80\x6frtp", b"\x80\xc8rtcp", b"\x17dtls"


class Network:
    """What comes, and when which of it has been read."""

    def __init__(self) -> None:
        self.rests = True
        self.read: list[tuple[Item, float]] = []
        self.datagrams = Datagrams(lambda: self.rests, asyncio.get_running_loop())

    async def come(self, *datagrams: bytes | None, every_ms: float = 20) -> int:
        """They come one after another; returns how many have been read by then, of all that came so far."""
        for datagram in datagrams:
            await asyncio.sleep(every_ms / 1000)
            self.datagrams.put_nowait(None if datagram is None else (datagram, 1))
            for _ in range(5):
                await asyncio.sleep(0)
        return len(self.read)

    async def reading(self) -> None:
        while True:
            item = await self.datagrams.get()
            self.read.append((item, self.datagrams.arrived_ms() - FIRST_MS))


def played(scenario: Callable[[Network], Coroutine[None, None, None]]) -> Network:
    async def run() -> Network:
        network = Network()
        reader = asyncio.create_task(network.reading())
        await network.come(RTP, every_ms=FIRST_MS)
        network.read.clear()
        await scenario(network)
        reader.cancel()
        return network

    return virtual_clock.run(run())


def test_at_rest_packets_are_read_five_at_a_time_with_the_times_at_which_they_came() -> None:
    async def scenario(network: Network) -> None:
        assert [await network.come(RTP) for _ in range(10)] == [0, 0, 0, 0, 5, 5, 5, 5, 5, 10]

    network = played(scenario)
    assert [at_ms for _, at_ms in network.read] == pytest.approx([20 * number for number in range(1, 11)])


def test_otherwise_every_packet_is_read_at_once_and_what_waited_before_it() -> None:
    async def scenario(network: Network) -> None:
        assert await network.come(RTP) == 0
        network.rests = False
        assert await network.come(RTP) == 2
        assert await network.come(RTP) == 3

    played(scenario)


@pytest.mark.parametrize("other", [RTCP, DTLS, None])
def test_messages_and_the_end_do_not_wait_and_keep_their_place(other: bytes | None) -> None:
    async def scenario(network: Network) -> None:
        assert await network.come(RTP, other) == 2
        assert await network.come(RTP) == 2

    network = played(scenario)
    assert [item and item[0] for item, _ in network.read] == [RTP, other]


def test_what_comes_after_a_pause_may_be_a_first_word_and_does_not_wait() -> None:
    async def scenario(network: Network) -> None:
        assert await network.come(RTP, every_ms=400) == 1
        assert await network.come(RTP, every_ms=400) == 2

    played(scenario)


def test_what_waits_is_read_soon_though_no_fifth_comes() -> None:
    async def scenario(network: Network) -> None:
        assert await network.come(RTP, RTP) == 0
        await asyncio.sleep(0.095)
        assert len(network.read) == 0
        await asyncio.sleep(0.01)
        assert len(network.read) == 2
        assert await network.come(RTP) == 3

    network = played(scenario)
    assert [at_ms for _, at_ms in network.read] == pytest.approx([20, 40, 165])


def test_a_fifth_that_comes_leaves_no_wait_behind_that_would_cut_the_next_one_short() -> None:
    async def scenario(network: Network) -> None:
        assert await network.come(*[RTP] * 9) == 5
        assert await network.come(RTP) == 10

    played(scenario)


def test_the_hook_into_aioice_fits_the_installed_version() -> None:
    async def scenario() -> None:
        pc = RTCPeerConnection()
        receiver = pc.addTransceiver("audio").receiver
        datagrams = Datagrams(lambda: True, asyncio.get_running_loop())
        pass_through(receiver, datagrams)
        connection: Any = receiver.transport.transport.iceGatherer._connection
        connection.data_received(DTLS, 1)
        assert await datagrams.get() == (DTLS, 1)
        del connection._queue
        with pytest.raises(RuntimeError, match="aioice"):
            pass_through(receiver, datagrams)
        connection._queue = datagrams
        await pc.close()

    asyncio.run(scenario())
