"""With the cable out: a network namespace where everything that would leave this machine goes into a cable that is watched."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtvi_local.bench.words import normalised_words, word_errors
from tests.integration.namespace import found_by
from tests.integration.offline import CABLE, QUESTIONS
from tests.integration.offline_page import QUESTION

pytestmark = pytest.mark.models

# Nobody is asked for hardware addresses (`arp off`), and the kernel itself says nothing (`addrgenmode none`): what is counted
# on the cable was sent by a program. Looking up a name is sending a packet too.
SETUP = " && ".join(
    (
        "ip link set lo up",
        f"ip link add {CABLE} type veth peer name wall",
        f"ip link set {CABLE} arp off addrgenmode none",
        "ip link set wall addrgenmode none",
        "ip link set wall up",
        f"ip link set {CABLE} up",
        f"ip addr add 192.0.2.2/24 dev {CABLE}",
        f"ip addr add 2001:db8::2/64 dev {CABLE} nodad",
        "ip route add default via 192.0.2.1",
        "ip -6 route add default via 2001:db8::1",
        "printf 'nameserver 192.0.2.1\\noptions timeout:1 attempts:1\\n' > {folder}/resolv.conf",
        "mount --bind {folder}/resolv.conf /etc/resolv.conf",
    )
)


def test_a_whole_conversation_with_the_cable_out_and_not_a_packet_leaves(still_models: Path, tmp_path: Path) -> None:
    setup = SETUP.format(folder=tmp_path)
    found = found_by("tests.integration.offline", still_models, setup=setup, what="OFFLINE", timeout_s=180)
    assert found["left"] == 0
    assert all(found["tried"]), f"packets are not counted: {found['tried']}"
    asked = normalised_words(" ".join(QUESTIONS))
    assert word_errors(asked, normalised_words(found["transcript"])) <= 0.05 * len(asked), found["transcript"]
    assert len(found["replies"]) == len(QUESTIONS)
    for answer, reply in zip(("madrid", "warsaw", "rome"), found["replies"], strict=True):
        assert answer in normalised_words(reply)
        assert answer in found["heard"]
    assert word_errors(found["told"], found["heard"]) <= 0.15 * len(found["told"]), found


@pytest.mark.browser
def test_without_any_network_the_page_converses_over_the_websocket_by_itself(models_directory: Path) -> None:
    found = found_by(
        "tests.integration.offline_page", models_directory, setup="ip link set lo up", what="THE PAGE", timeout_s=240
    )
    if "skipped" in found:
        pytest.skip(found["skipped"])
    assert (found["offers"], found["sockets"]) == ([], ["ws-client"])
    assert normalised_words(found["transcript"]) == normalised_words(QUESTION)
    assert found["reply"]
    assert found["unsaid"] == ""
    assert found["sound_s"] > 0.5, found
