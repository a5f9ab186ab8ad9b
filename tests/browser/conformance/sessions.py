"""How conversations begin, go on and end."""

from __future__ import annotations

from typing import Any

from rtvi_local.stages.registry import DEFAULT_PIPELINE
from tests.browser.conformance.feature import needs
from tests.browser.conformance.talk import Refused, Talk
from tests.browser.fake_server import until

RECEIVED_BYTES = """async () => [...(await client.transport.pc.getStats()).values()]
    .find(({type, kind}) => type === "inbound-rtp" && kind === "audio").bytesReceived"""
LEAST_SOUND_BYTES = 5000
"""A second of Opus is 4000 or more; lasting silence is not sent."""


def connects(talk: Talk) -> None:
    ready = talk.do("connect")
    assert ready["version"] == talk.client.protocol
    if talk.client.major == 0:
        assert [service["service"] for service in ready["config"]][-1] == "llm"
    else:
        assert ready["capabilities"]["audio_in"] is True
    assert talk.names().count("BotReady") == 1


def ends_the_bot(talk: Talk) -> None:
    talk.begin()
    talk.do("disconnectBot")
    talk.until("Disconnected")
    until(lambda: talk.appliance.opened[-1]._ended, "end of the conversation")


def chooses_its_pipeline(talk: Talk) -> None:
    needs(talk.client.connects_by != "offer")
    began, stages = len(talk.appliance.opened), (*DEFAULT_PIPELINE[:1], "processing_sound_emitter", *DEFAULT_PIPELINE[1:])
    talk.begin()
    talk.choose({"pipeline": ["phrase_endpointing", "nobody"]})
    try:
        talk.do("reconnect")
    except Refused as refused:
        assert "never answered" not in str(refused)
    else:
        raise AssertionError("a stage that nobody knows was taken")
    finally:
        talk.choose(None)
    assert len(talk.appliance.opened) == began
    talk.choose({"pipeline": stages})
    talk.do("reconnect")
    assert talk.appliance.requests[-1].stages == stages
    talk.choose(None)
    talk.do("disconnect")


def comes_back(talk: Talk) -> None:
    talk.begin()
    assert talk.do("reconnect")["version"] == talk.client.protocol
    talk.ask("How are you?")
    talk.until("UserTranscript", lambda given: given["final"])
    talk.until("BotStoppedSpeaking")
    until(lambda: talk.page.evaluate("takePeak()") > 0.05, "sound")


def survives_a_broken_network(talk: Talk) -> None:
    """No packet gets through any more on the connection that was; the client makes another one for the same conversation. It
    ends its own microphone's track with the old one, and newer ones do not tell of the bot's new track: what is looked at is
    what is written, and that sound comes."""
    needs(talk.client.has_webrtc)
    conversation = talk.appliance.opened[-1]
    transport: Any = conversation._transport
    broken = transport._peer
    for protocol in broken._pc.sctp.transport.transport._connection._protocols:
        protocol.datagram_received = lambda *_: None
        protocol.transport.sendto = lambda *_: None
    until(lambda: transport._peer is not broken, "another connection", 60)
    until(lambda: transport._peer.state == "connected", "its coming up")
    until(lambda: talk.page.evaluate("client.transport.dc?.readyState === 'open'"), "the channel's opening")
    talk.begin()
    assert talk.do("append", "Tell me a story.", True) is True
    talk.until("BotStoppedSpeaking")
    assert talk.page.evaluate(RECEIVED_BYTES) > LEAST_SOUND_BYTES
    assert talk.appliance.opened[-1] is conversation


def leaves(talk: Talk) -> None:
    """The appliance is told of it: it does not take the client for lost."""
    why: list[str] = []
    conversation = talk.appliance.opened[-1]
    end = conversation.end

    def noted(reason: str) -> None:
        why.append(reason)
        end(reason)

    conversation.end = noted  # type: ignore[method-assign]
    talk.begin()
    talk.do("disconnect")
    talk.until("Disconnected")
    until(lambda: why, "end of the conversation")
    assert why[0] in ("the client left", "the client asked for it"), why
