from __future__ import annotations

import contextlib
import socket
import sys

import pytest

from rtvi_local.bench.server_process import free_port
from rtvi_local.config_forms import ANY_PORT, read_ports
from rtvi_local.transports.udp_ports import NoFreePort, bind

BOTH = ("127.0.0.1", "127.0.0.2")


@pytest.mark.parametrize(("text", "ports"), [("", ANY_PORT), ("7", range(7, 8)), ("50000-50099", range(50_000, 50_100))])
def test_ports_are_read(text: str, ports: range) -> None:
    assert read_ports(text) == ports


@pytest.mark.parametrize("text", ["0", "-", "5-4", "1-65536", "a-b", "1-2-3", " 5", "５"])
def test_what_is_no_range_of_ports_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read_ports(text)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere only 127.0.0.1 is a loopback address")
def test_one_port_is_taken_on_all_addresses_and_one_that_is_taken_on_any_of_them_is_left_out() -> None:
    first = free_port()
    ports = range(first, first + 4)
    with contextlib.ExitStack() as taken:
        elsewhere = taken.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        elsewhere.bind(("127.0.0.2", first + 1))
        got = [{one.getsockname()[1] for one in map(taken.enter_context, bind(BOTH, ports))} for _ in range(3)]
        assert sorted(map(sorted, got)) == [[first], [first + 2], [first + 3]]
        with pytest.raises(NoFreePort, match=rf"from {first} to {first + 3} \(webrtc\.udp_ports\) is in use"):
            bind(BOTH, ports)
    for one in bind(BOTH, ports):
        one.close()


def test_an_address_that_is_gone_costs_nothing_but_itself() -> None:
    (one,) = bind(["192.0.2.1", "127.0.0.1"], ANY_PORT)
    assert one.getsockname()[0] == "127.0.0.1"
    one.close()
