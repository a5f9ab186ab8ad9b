"""What tests may ask for: the real models and recordings of people, where this machine has them."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Generator
from pathlib import Path

import platformdirs
import pytest
from hypothesis import HealthCheck, settings

from rtvi_local.bench.people import recordings_folder
from rtvi_local.engines.interfaces import Float32

NOTHING_MISSING = re.compile(
    r"no recordings"  # of people: they are not everywhere
    r"|root may read everything|this build can use a GPU|only 127\.0\.0\.1 is a loopback address"
    r"|no address but loopback|no graphics card"
    r"|no network namespaces|lets nobody make a network namespace",  # which is the kernel's decision, and a container's host's
    re.IGNORECASE,
)
"""Reasons to skip a test that are no gap in what a machine is set up for."""

# A busy machine may take its 200 ms over an example, and a test would fail of which nothing is wrong. CI tries the
# same examples each time: others are for a desk, where they can be looked at.
settings.register_profile(
    "patient",
    settings(),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=os.environ.get("RTVI_TESTS_NO_SKIPS") == "1",
)
settings.load_profile("patient")

DEFAULT_MODELS = ("whisper-base", "qwen2.5-coder-0.5b", "piper-en_US-joe-medium", "silero-vad-v6", "smart-turn-v3.2")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With RTVI_TESTS_NO_SKIPS=1, which CI sets, a test that cannot run here fails: a skipped one looks like a passed one."""
    report = yield
    if os.environ.get("RTVI_TESTS_NO_SKIPS") == "1" and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not NOTHING_MISSING.search(reason):
            report.outcome = "failed"
            report.longrepr = f"may not be skipped where RTVI_TESTS_NO_SKIPS is 1. {reason}"
    return report


def pytest_unconfigure() -> None:
    """llama_cpp opens /dev/null twice when it is imported and never closes it, of which Python may warn after the last test."""
    library = sys.modules.get("llama_cpp._utils")
    if library is not None:
        library.outnull_file.close()
        library.errnull_file.close()


@pytest.fixture(scope="session")
def models_directory() -> Path:
    """The folder that holds one folder per model. Skips the test if a default model is not in it."""
    configured = os.environ.get("RTVI_LOCAL_MODELS_DIRECTORY")
    folder = Path(configured) if configured else Path(platformdirs.user_data_dir("rtvi-local")) / "models"
    missing = [name for name in DEFAULT_MODELS if not (folder / name).is_dir()]
    if missing:
        pytest.skip(
            f"REAL MODELS ARE NOT TESTED: {folder} lacks {', '.join(missing)}; "
            "run `rtvi-local models pull` or set RTVI_LOCAL_MODELS_DIRECTORY"
        )
    return folder


def tiny_model(models_directory: Path, name: str) -> Path:
    """The folder of a model of the preset tiny, which `make test` fetches, too."""
    assert (models_directory / name).is_dir(), f"{name} is missing: `make test` or `rtvi-local models pull --preset tiny`"
    return models_directory / name


@pytest.fixture(scope="session")
def recordings() -> Path | None:
    """The folder with recordings of people (tests/data/recordings.toml says what they say), None where there is none."""
    folder = recordings_folder()
    return folder if folder is not None and folder.is_dir() else None


SPEECH_TEXT = "Could you turn the lights in the kitchen down a little? I would like to read my book."


@pytest.fixture(scope="session")
def speech(models_directory: Path) -> Float32:
    """SPEECH_TEXT, spoken by the default voice, at 16 kHz: always the same, for one way in thirty is misheard."""
    from rtvi_local.bench.utterances import speak

    return speak(models_directory / "piper-en_US-joe-medium", SPEECH_TEXT, varied=False)
