"""A conversation with something to see: a test pattern; Chromium's fake camera shows it at 4:3 and its fake screen at 16:9."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from rtvi_local.images.picture import Rgb
from tests.browser.conformance.feature import configure, needs
from tests.browser.conformance.talk import LOOK, Talk
from tests.browser.test_camera import is_the_test_pattern, seen_in

_encoding = threading.Lock()
"""One browser at a time: several that encode are too much for a small machine."""


def shows_its_camera(talk: Talk) -> None:
    needs(talk.client.has_webrtc)
    with conversation(talk, "video_in", enableCam=True):
        height, width, _ = look(talk).shape
        assert width / height == pytest.approx(4 / 3, rel=0.05)


def shares_its_screen(talk: Talk) -> None:
    needs(talk.knows("getScreenVideoTransceiver"))
    with conversation(talk, "screen_in", enableScreenShare=True):
        height, width, _ = look(talk).shape
        assert width / height == pytest.approx(16 / 9, rel=0.05)


@contextmanager
def conversation(talk: Talk, capability: str, **shown: bool) -> Iterator[None]:
    """With a model that sees."""
    with _encoding:
        talk.appliance.sees = True
        talk.show(**shown)
        try:
            assert talk.do("reconnect")["capabilities"][capability] is True
            configure(talk, "tools", "builtin", ["get_camera_frame"])
            yield
        finally:
            talk.show()
            talk.appliance.sees = False
            talk.do("disconnect")


def look(talk: Talk) -> Rgb:
    """What the model is shown when it looks. It is asked twice: a busy browser may take longer for a picture than the
    appliance waits."""
    for _ in range(2):
        talk.begin()
        talk.do("append", LOOK, True)
        talk.until("BotStoppedSpeaking")
        for pixels in seen_in(talk.appliance.model.prompts[-1][-1]):
            assert is_the_test_pattern(pixels)
            return pixels
    raise AssertionError(f"no picture: {talk.appliance.model.prompts[-1][-1]['content']}")
