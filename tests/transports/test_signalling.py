from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtvi_local.transports.signalling import (
    MAX_CANDIDATES,
    MAX_MEDIA_SECTIONS,
    MAX_SDP_BYTES,
    Message,
    OfferError,
    OtherSignal,
    Ping,
    TrackStatus,
    classify,
    clean_sdp,
    read_candidate_line,
    read_candidates,
    read_offer,
    signal,
)

HEADER = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
AUDIO = (
    "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendrecv\r\na=rtcp-mux\r\na=ice-ufrag:abcd\r\n"
    "a=ice-pwd:abcdefghijklmnopqrstuv\r\na=rtpmap:111 opus/48000/2\r\n"
)
OFFER = HEADER + AUDIO
CANDIDATE = "candidate:1 1 udp 2122260223 192.0.2.7 50000 typ host"


def test_an_offer_is_read_in_both_spellings() -> None:
    body = {"sdp": OFFER, "type": "offer", "pc_id": "x", "restart_pc": True}
    assert read_offer(body | {"requestData": {"a": 1}}).request_data == {"a": 1}
    assert read_offer(body | {"requestData": {}, "request_data": {"a": 1}}).request_data == {"a": 1}
    offer = read_offer(body | {"request_data": {"a": 1}, "unknown": 1})
    assert (offer.pc_id, offer.restart, offer.request_data) == ("x", True, {"a": 1})


def test_an_offer_from_ios_says_less() -> None:
    offer = read_offer({"sdp": OFFER, "type": "offer"})
    assert (offer.pc_id, offer.restart, offer.request_data) == (None, False, {})


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "offer",
        {},
        {"sdp": OFFER},
        {"sdp": OFFER, "type": "answer"},
        {"sdp": 1, "type": "offer"},
        {"sdp": "", "type": "offer"},
        {"sdp": OFFER, "type": "offer", "pc_id": 7},
        {"sdp": "x" * (MAX_SDP_BYTES + 1), "type": "offer"},
        {"sdp": "\ud800" * MAX_SDP_BYTES * 2, "type": "offer"},
    ],
)
def test_other_bodies_are_refused(body: object) -> None:
    with pytest.raises(OfferError):
        read_offer(body)


def test_mdns_names_and_the_end_of_candidates_are_left_out() -> None:
    sdp = OFFER + (
        f"a={CANDIDATE}\r\na=candidate:2 1 udp 2122 c0ffee.local 50001 typ host\r\n"
        "a=candidate:3 1 tcp 1518 192.0.2.7 9 typ host tcptype active\r\na=candidate:rubbish\r\na=end-of-candidates\r\n"
    )
    cleaned = clean_sdp(sdp)
    assert [line for line in cleaned.splitlines() if "candidate" in line] == [f"a={CANDIDATE}"]


def test_addresses_that_are_not_accepted_are_left_out() -> None:
    assert "192.0.2.7" not in clean_sdp(OFFER + f"a={CANDIDATE}\r\n", lambda address: False)


@pytest.mark.parametrize(
    ("sdp", "why"),
    [
        ("hello", "neither"),
        (HEADER, "neither"),
        (HEADER + "m=audio\r\n", "cannot be read|not a session"),
        (HEADER + AUDIO.replace("opus", "PCMU"), "Opus"),
        (HEADER + AUDIO * (MAX_MEDIA_SECTIONS + 1), "media sections"),
        (OFFER + f"a={CANDIDATE}\r\n" * (MAX_CANDIDATES + 1), "candidates"),
    ],
)
def test_useless_offers_are_refused_with_the_reason(sdp: str, why: str) -> None:
    with pytest.raises(OfferError, match=why):
        clean_sdp(sdp)


@given(st.text())
def test_no_text_does_worse_than_be_refused(text: str) -> None:
    for sdp in (text, OFFER + text, OFFER + "a=" + text):
        with contextlib.suppress(OfferError):
            clean_sdp(sdp)
        read_candidate_line(text)
        read_candidate_line("candidate:" + text)


def test_candidates_are_read_with_their_place() -> None:
    pc_id, candidates = read_candidates(
        {"pc_id": "x", "candidates": [{"candidate": CANDIDATE, "sdp_mid": "0", "sdp_mline_index": 0}]}
    )
    assert pc_id == "x"
    assert [(c.ip, c.port, c.sdpMid, c.sdpMLineIndex) for c in candidates] == [("192.0.2.7", 50000, "0", 0)]


def test_a_candidate_without_a_place_belongs_to_the_first_media() -> None:
    _, (candidate,) = read_candidates({"pc_id": "x", "candidates": [{"candidate": CANDIDATE, "sdp_mid": None}]})
    assert (candidate.sdpMid, candidate.sdpMLineIndex) == (None, 0)


@pytest.mark.parametrize(
    "item",
    [
        None,
        {},
        {"candidate": ""},
        {"candidate": None},
        {"candidate": "candidate:garbage"},
        {"candidate": CANDIDATE.replace("192.0.2.7", "abc.local")},
        {"candidate": CANDIDATE.replace("50000", "99999")},
        {"candidate": CANDIDATE.replace("50000", "port")},
        {"candidate": CANDIDATE + " x" * 1000},
    ],
)
def test_one_bad_candidate_is_left_out_alone(item: object) -> None:
    _, candidates = read_candidates({"pc_id": "x", "candidates": [item, {"candidate": CANDIDATE, "sdp_mid": "0"}]})
    assert len(candidates) == 1


@pytest.mark.parametrize("body", [None, {"pc_id": "x"}, {"pc_id": 1, "candidates": []}, {"candidates": [{}] * 65}])
def test_other_patches_are_refused(body: object) -> None:
    with pytest.raises(OfferError):
        read_candidates(body)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ("ping: 1732348800000", Ping()),
        (b"ping: 1", Ping()),
        (json.dumps({"type": "signalling", "message": {"type": "trackStatus", "receiver_index": 0, "enabled": False}}),
         TrackStatus(0, False)),
        (json.dumps({"type": "signalling", "message": {"type": "new"}}), OtherSignal()),
        (json.dumps({"type": "signalling", "message": None}), OtherSignal()),
        (json.dumps({"type": "signalling", "message": {"type": "trackStatus", "receiver_index": "0"}}), OtherSignal()),
        ('{"label":"rtvi-ai","type":"client-ready"}', Message('{"label":"rtvi-ai","type":"client-ready"}')),
        (b'{"label":"rtvi-ai"}', Message('{"label":"rtvi-ai"}')),
        ('say "signalling"', Message('say "signalling"')),
        ('{"type":"send-text","data":{"content":"\\"signalling\\""}}',
         Message('{"type":"send-text","data":{"content":"\\"signalling\\""}}')),
        ("", Message("")),
        (b"\xff\xfe", None),
    ],
)  # fmt: skip
def test_what_comes_over_the_channel_is_told_apart(data: str | bytes, kind: object) -> None:
    assert classify(data) == kind


@given(st.text() | st.binary())
def test_nothing_that_comes_over_the_channel_raises(data: str | bytes) -> None:
    classify(data)


def test_signals_have_the_shape_that_clients_know() -> None:
    assert json.loads(signal("peerLeft")) == {"type": "signalling", "message": {"type": "peerLeft"}}
