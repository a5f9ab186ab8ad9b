from __future__ import annotations

import numpy as np

from rtvi_local.audio.talkspurts import LEAD_MS, Talkspurts
from rtvi_local.transports.pieces import Pieces

FRAME = np.arange(1, 161, dtype=np.int16)


def test_frames_are_put_together_and_nothing_is_lost_or_added() -> None:
    pieces = Pieces(400)
    sent = [piece for _ in range(10) for piece in pieces.push(FRAME)]
    assert [piece.size for piece in sent] == [400] * 4
    assert np.array_equal(np.concatenate(sent), np.tile(FRAME, 10))


def test_without_a_size_every_frame_is_a_piece() -> None:
    assert next(Pieces(0).push(FRAME)) is FRAME


def test_after_a_clear_the_next_frame_is_filled_up_with_silence_and_those_behind_it_are_not() -> None:
    pieces = Pieces(400)
    assert list(pieces.push(FRAME)) == []
    pieces.clear()
    (piece,) = pieces.push(FRAME)
    assert np.array_equal(piece, np.pad(FRAME, (0, 240)))
    assert list(pieces.push(FRAME)) == []


def test_what_begins_after_lasting_silence_has_no_silence_in_it() -> None:
    pieces = Pieces(400)
    pieces.clear()
    pieces.end()
    assert list(pieces.push(FRAME)) == []


def test_the_providers_buffer_never_runs_lower_than_without_pieces() -> None:
    spurts, pieces = Talkspurts(8_000, lead_ms=LEAD_MS + 80), Pieces(800)
    buffered_ms, began = 0.0, False
    for _ in range(200):
        spoken = spurts.push(FRAME)
        assert spoken is not None
        arrived_ms = sum(piece.size for piece in pieces.push(spoken)) / 8
        if began and arrived_ms:
            assert buffered_ms >= LEAD_MS
        began = began or arrived_ms > 0
        buffered_ms += arrived_ms - (20 if began else 0)
        assert buffered_ms >= 0
