"""A request to be quiet that Whisper base writes too unsurely to be believed, on the real model."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from rtvi_local.bench.turns.noises import SHORT
from rtvi_local.bench.turns.sounds import SPEECH_DBFS, at_level, silence
from rtvi_local.bench.utterances import Speaker
from rtvi_local.config import Vad
from rtvi_local.engines.interfaces import Float32
from rtvi_local.engines.invented import is_nobody
from rtvi_local.engines.whisper import Whisper
from rtvi_local.pipeline.misheard_hushes import HUSHES_IN_WRITING, meant
from rtvi_local.stages.rolling_transcription import RollingTranscription

pytestmark = pytest.mark.models


def test_it_is_told_from_a_cough_by_how_well_it_fits(models_directory: Path) -> None:
    whisper = Whisper.load(models_directory / "whisper-base", device="cpu", threads=2)

    async def request_in(sound: Float32) -> str:
        samples = np.concatenate([silence(0.25), at_level(sound, SPEECH_DBFS), silence(0.1)])
        words = RollingTranscription(whisper, partial(is_nobody, least_treble_db=Vad().least_treble_db))
        words.language = "en"
        heard = await words.words(samples, 0, may_settle=False)
        assert heard.text == "", "not believed"
        if not heard.doubted:
            return "nothing is asked"
        return meant("", await whisper.fits(samples, (heard.doubted, *HUSHES_IN_WRITING), language="en"))

    speaker = Speaker(models_directory / "piper-en_US-joe-medium", keep=False, varied=False)
    try:
        assert asyncio.run(request_in(speaker.say("Be silent.", 1.08, 1.07))) == "Be silent."
        assert asyncio.run(request_in(SHORT["cough"](509))) in ("", "nothing is asked")
    finally:
        whisper.close()
