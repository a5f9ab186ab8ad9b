"""A real browser for the tests of the page: Debian's Chromium, else Playwright's own, else the tests are skipped."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import wave
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, Request, expect, sync_playwright

from tests.browser.fake_server import TIMEOUT_S, FakeServer

expect.set_options(timeout=TIMEOUT_S * 1000)

SYSTEM_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
"""As the Makefile looks for them."""
FLAGS = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
READY_TIMEOUT_S = 180.0
LATE_CANDIDATE = r"404 \(Not Found\) \(.*/api/offer\)"
"""Chromium may find a candidate long after the connection stands, and tell it to a server whose conversation is over."""
MICROPHONE_RATE = 48_000
LEAD_IN_S = 6.0
"""Silence before the recording: Chromium starts to play it when the page opens the microphone, not when it is connected."""
TAIL_S = 60


@dataclass
class Visit:
    """One page, and everything about it that must not happen."""

    page: Page
    hosts: frozenset[str]
    allowed_errors: tuple[str, ...]
    faults: list[str] = field(default_factory=list)

    def watch(self) -> None:
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self._note(f"uncaught: {error}"))
        self.page.on("request", self._on_request)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._note(f"console: {message.text} ({message.location.get('url', '')})")

    def _note(self, text: str) -> None:
        if not any(re.search(pattern, text) for pattern in self.allowed_errors):
            self.faults.append(text)

    def _on_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.hostname not in self.hosts:
            self.faults.append(f"request to another host: {request.url}")


def _chromium(playwright: Playwright) -> str:
    """The browser to run: what cannot be started is a failure, and only where there is none the test is skipped."""
    installed = next(filter(None, map(shutil.which, SYSTEM_BROWSERS)), playwright.chromium.executable_path)
    if not Path(installed).exists():
        pytest.skip("NO BROWSER, so the page is NOT tested: install Debian's chromium, or run `playwright install chromium`")
    return installed


class BrowserHouse:
    """Opens pages in browsers that differ in their flags, and closes them all."""

    def __init__(self, playwright: Playwright) -> None:
        self._playwright = playwright
        self._browsers: list[Browser] = []
        self._visits: list[Visit] = []

    def visit(
        self,
        url: str,
        *,
        microphone: Path | None = None,
        permission: bool = True,
        flags: Sequence[str] = (),
        allowed_errors: Sequence[str] = (),
        init_script: str = "",
        width: int = 1280,
        height: int = 800,
        dark: bool = False,
        go: bool = True,
    ) -> Page:
        """A page at `url` whose microphone plays a WAV file once; `permission` False denies the microphone."""
        fake = ["--use-fake-device-for-media-stream"]
        if permission:
            fake.append("--use-fake-ui-for-media-stream")
        if microphone:
            fake.append(f"--use-file-for-fake-audio-capture={microphone}%noloop")
        browser = self._launch([*FLAGS, *fake, *flags])
        self._browsers.append(browser)
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            reduced_motion="no-preference",
        )
        if init_script:
            context.add_init_script(init_script)
        page = context.new_page()
        host = urlsplit(url).hostname or ""
        visit = Visit(page, frozenset({host}), tuple(allowed_errors))
        visit.watch()
        self._visits.append(visit)
        if go:
            page.goto(url)
        return page

    def allow(self, page: Page, *errors: str) -> None:
        """From now on these patterns are no faults of the page."""
        (visit,) = [visit for visit in self._visits if visit.page is page]
        visit.allowed_errors += errors

    def _launch(self, flags: list[str]) -> Browser:
        # Chromium refuses its sandbox to root, as which containers and CI run.
        root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        return self._playwright.chromium.launch(executable_path=_chromium(self._playwright), args=[*flags, *root])

    def leave(self) -> None:
        """Close all pages. To be done while their server still answers: Chromium may find a candidate long after the
        connection stands, and a page that tells it to a server that has gone writes an error to the console."""
        for browser in self._browsers:
            browser.close()
        self._browsers = []

    def close(self) -> None:
        self.leave()
        faults = [fault for visit in self._visits for fault in visit.faults]
        self._visits = []
        assert not faults, "\n".join(faults)


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as instance:
        yield instance


@pytest.fixture
def house(playwright: Playwright) -> Iterator[BrowserHouse]:
    """Fails the test at its end on any console error, uncaught exception or request to another host."""
    instance = BrowserHouse(playwright)
    yield instance
    instance.close()


@pytest.fixture
def server(house: BrowserHouse) -> Iterator[FakeServer]:
    instance = FakeServer()
    instance.start()
    yield instance
    house.leave()
    instance.stop()


@pytest.fixture(scope="session")
def tone_wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A minute of a tone, for a microphone that is never silent."""
    path = tmp_path_factory.mktemp("microphone") / "tone.wav"
    at = np.arange(60 * 48_000) / 48_000
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes((12_000 * np.sin(2 * np.pi * 440 * at) * (np.sin(2 * np.pi * 3 * at) > 0)).astype("<i2").tobytes())
    return path


@pytest.fixture(scope="session")
def silence(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A microphone that hears nothing; Chromium's own beeps."""
    path = tmp_path_factory.mktemp("microphone") / "silence.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(bytes(2 * 48_000 * 60))
    return path


@pytest.fixture(scope="session")
def question_wav(tmp_path_factory: pytest.TempPathFactory, models_directory: Path) -> Path:
    """A question, spoken by the default voice, as the file of a microphone."""
    return spoken("What is the capital of France?", models_directory, tmp_path_factory.mktemp("microphone"))


@pytest.fixture(scope="session")
def weather_wav(tmp_path_factory: pytest.TempPathFactory, models_directory: Path) -> Path:
    """The question of the founding document."""
    return spoken("What's the weather in San Francisco?", models_directory, tmp_path_factory.mktemp("microphone"))


def spoken(text: str, models_directory: Path, folder: Path, *, lead_in_s: float = LEAD_IN_S) -> Path:
    """The file of a microphone: `text`, spoken by the default voice, with silence before it and after it."""
    from piper import PiperVoice, SynthesisConfig

    always_the_same = SynthesisConfig(noise_scale=0.0, noise_w_scale=0.0)
    voice = PiperVoice.load(next(models_directory.glob("piper-*/*.onnx")))
    speech = np.concatenate([chunk.audio_int16_array for chunk in voice.synthesize(text, always_the_same)]).astype(np.float64)
    seconds = len(speech) / voice.config.sample_rate
    at = np.arange(int(seconds * MICROPHONE_RATE)) / MICROPHONE_RATE * voice.config.sample_rate
    resampled = np.interp(at, np.arange(len(speech)), speech)
    silence = [np.zeros(int(s * MICROPHONE_RATE)) for s in (lead_in_s, TAIL_S)]
    path = folder / "question.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(MICROPHONE_RATE)
        file.writeframes(np.concatenate([silence[0], resampled, silence[1]]).astype("<i2").tobytes())
    return path


@pytest.fixture(scope="package")
def appliance_url(tmp_path_factory: pytest.TempPathFactory, models_directory: Path) -> Iterator[str]:
    """The real appliance with the real models, on a free port of this machine. What it answers is not left to chance: once in a
    while that is a word too short to be heard, or leaves out what a tool said."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://localhost:{port}/"
    log = tmp_path_factory.mktemp("appliance") / "log"
    with log.open("wb") as output:
        environment = {
            **os.environ,
            "RTVI_LOCAL_MODELS_DIRECTORY": str(models_directory),
            "RTVI_LOCAL_LLM_TEMPERATURE": "0",
        }
        command = [sys.executable, "-m", "rtvi_local", "serve", "--port", str(port)]
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)
    try:
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not _answers(f"{url}readyz"):
            assert process.poll() is None, f"the appliance ended: {log.read_text()}"
            assert time.monotonic() < deadline, f"the appliance is not ready: {log.read_text()}"
            time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        process.wait(60)


def _answers(url: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as response:
        return bool(response.status == 200)
    return False
