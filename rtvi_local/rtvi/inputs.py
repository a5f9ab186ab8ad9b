"""What a client sends besides speech and text: telephone keys, events and pictures of its page, sound in messages."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections.abc import Callable

import numpy as np

from rtvi_local.audio.pcm import Int16
from rtvi_local.audio.resampling import Resampler
from rtvi_local.engines.interfaces import LISTENING_SAMPLE_RATE
from rtvi_local.errors import UserError
from rtvi_local.pipeline.controls import Controls
from rtvi_local.rtvi.messages.from_client import (
    Dtmf,
    RawAudio,
    RawAudioBatch,
    UiCancelJobGroup,
    UiCancelTask,
    UiEvent,
    UiSnapshot,
)
from rtvi_local.rtvi.session import RtviSession

KEYS_PAUSE_S = 1.5
"""After which the keys pressed so far are taken for all of them; '#' ends them at once."""
_MOST_KEYS = 64
_TRACK_IS_LIVE_S = 1.0
_PIECE_SAMPLES = 320
_LEAST_RATE, _MOST_RATE = 8_000, 48_000


class InputError(UserError):
    """What the client sent cannot be used. The text says why."""


class Inputs:
    """Takes in one client's messages of these kinds."""

    def __init__(self, session: RtviSession, controls: Controls, hear: Callable[[Int16, float], None]) -> None:
        self._controls = controls
        self._hear = hear
        self._loop = asyncio.get_running_loop()
        self._keys = ""
        self._keys_timer: asyncio.TimerHandle | None = None
        self._track_heard_s = float("-inf")
        self._resampler: tuple[int, Resampler] | None = None
        self.on_ui_event: Callable[[str, object], bool] = lambda event, payload: False
        """Takes a ui-event; where it returns true, the model is not told of the event."""
        self.on_cancel_job: Callable[[str, str | None], bool] = lambda job_id, reason: False
        """Cancels a group of jobs; false if there is none of that id."""
        session.on(Dtmf, lambda message, _: self._press(message.keys))
        session.on(UiEvent, lambda message, _: self._ui_event(message))
        session.on(UiSnapshot, lambda message, _: self._snapshot(message))
        session.on(UiCancelJobGroup, lambda message, _: self._cancel_job(message.job_id, message.reason))
        session.on(UiCancelTask, lambda message, _: self._cancel_job(message.task_id, message.reason))
        session.on(RawAudio, lambda message, _: self._raw_audio(message))
        session.on(RawAudioBatch, lambda message, _: self._raw_audio_batch(message))

    def close(self) -> None:
        if self._keys_timer is not None:
            self._keys_timer.cancel()

    def track_heard(self) -> None:
        """The microphone's track delivered sound."""
        self._track_heard_s = self._loop.time()

    # --- keys ----------------------------------------------------------------------------------------------------------

    def _press(self, keys: tuple[str, ...]) -> None:
        self._keys = (self._keys + "".join(keys))[:_MOST_KEYS]
        self.close()
        if self._keys.endswith("#"):
            self._take_keys()
        else:
            self._keys_timer = self._loop.call_later(KEYS_PAUSE_S, self._take_keys)

    def _take_keys(self) -> None:
        keys, self._keys = self._keys, ""
        self._controls.send_text(f"(The caller pressed {' '.join(keys)})", run_immediately=True, speak_reply=True)

    # --- the page ------------------------------------------------------------------------------------------------------

    def _ui_event(self, message: UiEvent) -> None:
        if self.on_ui_event(message.event, message.payload):
            return
        details = "" if message.payload is None else f": {json.dumps(message.payload, ensure_ascii=False)}"
        self._controls.note(f"On the user's screen: {message.event}{details}")

    def _snapshot(self, message: UiSnapshot) -> None:
        self._controls.snapshot = message.tree

    def _cancel_job(self, job_id: str, reason: str | None) -> None:
        if not self.on_cancel_job(job_id, reason):
            raise InputError(f"There is no job {job_id[:60]!r} that could be cancelled.")

    # --- sound in messages ---------------------------------------------------------------------------------------------

    def _raw_audio(self, message: RawAudio) -> None:
        if self._loop.time() - self._track_heard_s < _TRACK_IS_LIVE_S:
            raise InputError("raw-audio is taken only while no microphone track delivers sound: the two would be mixed up.")
        self._take_audio([message.base64_audio], message.sample_rate, message.num_channels)

    def _raw_audio_batch(self, message: RawAudioBatch) -> None:
        """What was said before the connection stood; the track takes over from it."""
        self._take_audio(message.base64_audio_batch, message.sample_rate, message.num_channels)

    def _take_audio(self, encoded: list[str], sample_rate: int, channels: int) -> None:
        if not _LEAST_RATE <= sample_rate <= _MOST_RATE:
            raise InputError(f"sampleRate is {sample_rate}; it must be from {_LEAST_RATE} to {_MOST_RATE}.")
        if channels not in (1, 2):
            raise InputError(f"numChannels is {channels}; it must be 1 or 2.")
        if self._resampler is None or self._resampler[0] != sample_rate:
            self._resampler = sample_rate, Resampler(sample_rate, LISTENING_SAMPLE_RATE)
        samples = self._resampler[1].push(np.concatenate([_decoded(text, channels) for text in encoded] or [_EMPTY]))
        ends_ms = self._loop.time() * 1000
        for start in range(0, samples.size, _PIECE_SAMPLES):
            piece = samples[start : start + _PIECE_SAMPLES]
            # As if it had come in real time: the last sample now, the others before it.
            self._hear(piece, ends_ms - (samples.size - start - piece.size) * 1000 / LISTENING_SAMPLE_RATE)


_EMPTY = np.zeros(0, np.int16)


def _decoded(text: str, channels: int) -> Int16:
    """16-bit PCM in base64, as mono."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise InputError("The audio is not base64.") from None
    if len(raw) % (2 * channels):
        raise InputError("The audio is not 16-bit PCM: its length is no whole number of samples.")
    samples = np.frombuffer(raw, "<i2").astype(np.int16)
    return samples if channels == 1 else samples.reshape(-1, 2).mean(axis=1).astype(np.int16)
