"""What clients send to negotiate a WebRTC connection: read, checked and limited. Pure; nothing here opens anything."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiortc import RTCIceCandidate
from aiortc.sdp import SessionDescription, candidate_from_sdp

MAX_SDP_BYTES = 65_536
"""Chromium's offer with audio, two videos and data is 8 KiB."""
MAX_MEDIA_SECTIONS = 8
MAX_CANDIDATES = 64
"""In one offer or one PATCH, and in a session's PATCHes together twice as many: a laptop with VPNs has a dozen."""
MAX_CANDIDATE_CHARS = 512


class OfferError(ValueError):
    """The client's request cannot be used; the text says why, for the client."""


@dataclass(frozen=True, slots=True)
class Offer:
    sdp: str
    pc_id: str | None
    restart: bool
    request_data: dict[str, Any]
    """Empty says nothing: Android always sends it."""


def read_offer(body: object) -> Offer:
    """The body of `POST …/api/offer`. Raises OfferError."""
    if not isinstance(body, dict):
        raise OfferError("the body must be a JSON object")
    sdp, kind, pc_id = body.get("sdp"), body.get("type"), body.get("pc_id")
    if not isinstance(sdp, str) or not sdp:
        raise OfferError("'sdp' must be a string")
    if kind != "offer":
        raise OfferError("'type' must be 'offer'")
    if pc_id is not None and not isinstance(pc_id, str):
        raise OfferError("'pc_id' must be a string or null")
    if len(sdp.encode(errors="replace")) > MAX_SDP_BYTES:
        raise OfferError(f"'sdp' is larger than {MAX_SDP_BYTES} bytes")
    # Browsers' SDKs write requestData, Android's writes request_data.
    data = body.get("requestData") or body.get("request_data")
    return Offer(
        sdp=sdp,
        pc_id=pc_id or None,
        restart=body.get("restart_pc") is True,
        request_data=data if isinstance(data, dict) else {},
    )


def clean_sdp(sdp: str, accept_address: Callable[[str], bool] = lambda address: True) -> str:
    """The offer without candidates that must not be tried, and without the mark that there are no more. Raises OfferError if it
    cannot be parsed, has too much in it, or has no use.

    Left out are mDNS names, which aioice would ask the whole network for, and addresses that `accept_address` refuses: nothing
    is sent to them, and the client's own checks reveal where it is. That is also why the end-of-candidates mark goes: with it
    and no candidate left, aioice gives up before those checks arrive.
    """
    if sdp.count("\nm=") > MAX_MEDIA_SECTIONS:
        raise OfferError(f"the offer has more than {MAX_MEDIA_SECTIONS} media sections")
    lines = []
    candidates = 0
    for line in sdp.splitlines():
        if line.startswith("a=candidate:"):
            candidates += 1
            candidate = read_candidate_line(line[2:])
            if candidate is None or not accept_address(candidate.ip):
                continue
        if line and line != "a=end-of-candidates":
            lines.append(line)
    if candidates > MAX_CANDIDATES:
        raise OfferError(f"the offer has more than {MAX_CANDIDATES} candidates")
    cleaned = "\r\n".join(lines) + "\r\n"
    try:
        media = SessionDescription.parse(cleaned).media
    except Exception as error:  # the parser asserts, indexes and converts its way through hostile text
        raise OfferError("'sdp' is not a session description that can be read") from error
    if not any(section.kind in ("audio", "application") for section in media):
        raise OfferError("the offer has neither audio nor a data channel")
    for section in media:
        if section.kind == "audio" and not any(codec.name.lower() == "opus" for codec in section.rtp.codecs):
            raise OfferError("the offer's audio must include Opus")
    return cleaned


def read_candidates(body: object) -> tuple[str | None, list[RTCIceCandidate]]:
    """The body of `PATCH …/api/offer`: the pc_id and the candidates that can be used; those that cannot (mDNS names, the empty
    end-of-candidates, garbage) are left out, as one bad candidate must not cost the connection. Raises OfferError."""
    if not isinstance(body, dict):
        raise OfferError("the body must be a JSON object")
    pc_id, items = body.get("pc_id"), body.get("candidates")
    if pc_id is not None and not isinstance(pc_id, str):
        raise OfferError("'pc_id' must be a string or null")
    if not isinstance(items, list):
        raise OfferError("'candidates' must be a list")
    if len(items) > MAX_CANDIDATES:
        raise OfferError(f"more than {MAX_CANDIDATES} candidates in one request")
    return pc_id, [candidate for candidate in map(_read_candidate, items) if candidate is not None]


def _read_candidate(item: object) -> RTCIceCandidate | None:
    if not isinstance(item, dict) or not isinstance(item.get("candidate"), str):
        return None
    candidate = read_candidate_line(item["candidate"])
    mid, index = item.get("sdp_mid"), item.get("sdp_mline_index")
    if candidate is None:
        return None
    candidate.sdpMid = mid if isinstance(mid, str) else None
    candidate.sdpMLineIndex = index if isinstance(index, int) else (0 if candidate.sdpMid is None else None)
    return candidate


def read_candidate_line(line: str) -> RTCIceCandidate | None:
    """A candidate attribute (RFC 8839 §5.1) that can be tried: UDP, a numeric address. None for all else."""
    if len(line) > MAX_CANDIDATE_CHARS:
        return None
    try:
        candidate = candidate_from_sdp(line.strip().removeprefix("a=").removeprefix("candidate:"))
    except (AssertionError, ValueError, IndexError, KeyError):
        return None
    usable = candidate.protocol.lower() == "udp" and 0 < candidate.port < 65536
    return candidate if usable and not candidate.ip.lower().rstrip(".").endswith(".local") else None


@dataclass(frozen=True, slots=True)
class Ping:
    """`ping: <ms>`: the client is alive."""


@dataclass(frozen=True, slots=True)
class TrackStatus:
    """The client switched a track on or off: 0 its microphone, 1 its camera, 2 its screen."""

    receiver_index: int
    enabled: bool


@dataclass(frozen=True, slots=True)
class OtherSignal:
    """A signalling message of a kind that is not known here."""


@dataclass(frozen=True, slots=True)
class Message:
    """Everything else: RTVI."""

    text: str


def classify(data: str | bytes) -> Ping | TrackStatus | OtherSignal | Message | None:
    """What came over the data channel. iOS sends text as bytes. None for what is no text at all."""
    if isinstance(data, bytes):
        try:
            data = data.decode()
        except UnicodeDecodeError:
            return None
    if data.startswith("ping"):
        return Ping()
    if '"signalling"' not in data:
        # The common case: do not parse twice what the RTVI layer parses anyway.
        return Message(data)
    try:
        envelope = json.loads(data)
    except (ValueError, RecursionError):
        return Message(data)
    if not isinstance(envelope, dict) or envelope.get("type") != "signalling" or "message" not in envelope:
        return Message(data)
    message = envelope["message"]
    if isinstance(message, dict) and message.get("type") == "trackStatus":
        index, enabled = message.get("receiver_index"), message.get("enabled")
        if isinstance(index, int) and isinstance(enabled, bool):
            return TrackStatus(index, enabled)
    return OtherSignal()


def signal(kind: str) -> str:
    """A signalling message to the client: 'renegotiate' or 'peerLeft'."""
    return json.dumps({"type": "signalling", "message": {"type": kind}}, separators=(",", ":"))
