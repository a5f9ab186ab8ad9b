from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from rtvi_local.audio.opus import FRAME_SAMPLES, SAMPLE_RATE, OpusDecoder, OpusEncoder, packet_samples
from rtvi_local.audio.pcm import Int16

SILENCE = np.zeros(FRAME_SAMPLES, np.int16)


def tone(frames: int, hz: float = 440.0) -> Int16:
    time_s = np.arange(frames * FRAME_SAMPLES) / SAMPLE_RATE
    return (8000 * np.sin(2 * np.pi * hz * time_s)).astype(np.int16)


def decoded(decoder: OpusDecoder, packet: bytes) -> Int16:
    return np.concatenate([frame.to_ndarray().astype(np.int16)[0] for frame in decoder.decode(packet)])


def rms(samples: npt.NDArray[np.generic]) -> float:
    return float(np.sqrt(np.mean(samples.astype(np.float64) ** 2)))


def test_sound_survives_and_is_2_5_ms_late() -> None:
    sound = tone(50)
    encoder, decoder = OpusEncoder(), OpusDecoder()
    heard = np.concatenate([decoded(decoder, encoder.encode(frame)) for frame in sound.reshape(-1, FRAME_SAMPLES)])
    assert len(heard) == len(sound)
    lookahead = 120
    assert rms(heard[lookahead + 4800 :].astype(int) - sound[4800:-lookahead].astype(int)) < 0.1 * rms(sound)


def test_lasting_silence_becomes_packets_of_one_byte_that_decode_to_silence() -> None:
    encoder, decoder = OpusEncoder(), OpusDecoder()
    for frame in tone(10).reshape(-1, FRAME_SAMPLES):
        decoded(decoder, encoder.encode(frame))
    sizes, heard = [], []
    for _ in range(40):
        packet = encoder.encode(SILENCE)
        sizes.append(len(packet))
        heard.append(decoded(decoder, packet))
    assert encoder.silent
    assert sizes[0] > 1
    assert set(sizes[12:]) == {1}
    assert np.abs(np.concatenate(heard[12:])).max() < 50


def test_sound_after_lasting_silence_is_there_at_once() -> None:
    encoder, decoder = OpusEncoder(), OpusDecoder()
    for _ in range(40):
        decoded(decoder, encoder.encode(SILENCE))
    frames = tone(5).reshape(-1, FRAME_SAMPLES)
    assert rms(decoded(decoder, encoder.encode(frames[0]))) > 0.8 * rms(frames[0])
    assert not encoder.silent


def test_lost_sound_is_continued_and_fades() -> None:
    encoder, decoder = OpusEncoder(), OpusDecoder()
    for frame in tone(20).reshape(-1, FRAME_SAMPLES):
        decoded(decoder, encoder.encode(frame))
    concealed = np.concatenate([frame.to_ndarray()[0] for frame in decoder.conceal(5 * FRAME_SAMPLES)])
    assert len(concealed) == 5 * FRAME_SAMPLES
    assert rms(concealed[:FRAME_SAMPLES]) > 0.5 * rms(tone(1))
    assert rms(concealed[-FRAME_SAMPLES:]) < 0.5 * rms(concealed[:FRAME_SAMPLES])


def test_nothing_is_made_up_before_the_first_packet() -> None:
    assert OpusDecoder().conceal(960) == []


@pytest.mark.parametrize(
    ("packet", "samples"),
    [
        (b"", 0),
        (b"\xf8", 960),  # CELT 20 ms, one frame
        (b"\xf9ab", 1920),  # two frames
        (b"\xe0x", 120),  # CELT 2.5 ms
        (b"\x18x", 2880),  # SILK 60 ms
        (b"\x60x", 480),  # hybrid 10 ms
        (b"\xfb\x03abc", 2880),  # three frames
        (b"\xfb", 0),  # says that a count follows, but none does
        (b"\xfb\x3f", 0),  # 63 frames of 20 ms are more than 120 ms
    ],
)
def test_the_length_of_a_packet_is_read_from_its_first_bytes(packet: bytes, samples: int) -> None:
    assert packet_samples(packet) == samples


def test_frames_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match="960"):
        OpusEncoder().encode(np.zeros(480, np.int16))
