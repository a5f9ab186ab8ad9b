"""Plays scenes to an appliance over real WebRTC, and keeps what was observed: also what there is when it is cut short.

A report: {"version", "machine", "measured", "kinds": {kind: [outcome, …]}}. Scenes that it holds already are not played again,
so a long sitting may be taken in pieces.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rtvi_local import __version__
from rtvi_local.audio.pcm import to_float
from rtvi_local.audio.resampling import resampled
from rtvi_local.bench.server_process import ServerProcess
from rtvi_local.bench.sitting import machine, now
from rtvi_local.bench.speech import CALLER_RATE, understood
from rtvi_local.bench.turns.kind import Kind, Place, Played
from rtvi_local.bench.turns.sounds import Studio, silence
from rtvi_local.engines.interfaces import LISTENING_SAMPLE_RATE
from rtvi_local.engines.whisper import Whisper
from rtvi_local.memory import spare_from_collection

Report = dict[str, Any]
Say = Callable[[str], None]

FAILED = "failed"
"""An outcome with this was none: something that must happen in every scene did not in time."""
QUICK = 6
"""Every so many-th scene is played in a quick run."""
_CUT_SHORT_S = 5.0
"""What is left to transcribe in when scenes are cut short; what was not, is played again."""
_LATER_S = 0.2
"""How much further on in Whisper's window a sound is when it is listened to again."""


def new_report() -> Report:
    return {"version": __version__, "machine": machine(), "measured": now(), "kinds": {}}


def run(
    kinds: Sequence[Kind[Any]],
    detectors: Sequence[bool],
    report: Report,
    *,
    studio: Studio,
    whisper: Whisper,
    recordings: Path | None,
    every: int,
    url: str | None,
    server: Sequence[str],
    say: Say,
) -> None:
    """Play every `every`-th scene of the kinds that `report` does not hold yet, and add what was observed to it as it comes.

    Raises ServerFailed, OSError, KeyboardInterrupt; the report then holds what was observed until then."""
    for kind in kinds:
        say(f"{kind.name}: making its sounds …")
        scenes = kind.scenes(studio, recordings)[::every]
        for detector in detectors:
            missing = [scene for scene in scenes if not _is_in(report, kind.name, scene.name, detector)]
            if not missing:
                continue
            say(f"{kind.name}, Smart Turn {'on' if detector else 'off'}: {len(missing)} scenes")
            if url is not None:
                asyncio.run(_play(kind, missing, Place(url, detector), report, whisper, say))
                continue
            environment = {"RTVI_LOCAL_SERVER_MAX_CONVERSATIONS": str(2 * kind.at_once + 2)}
            with ServerProcess(server, environment=environment) as process:
                process.run(_play(kind, missing, Place(process.url, detector), report, whisper, say))


def _is_in(report: Report, kind: str, name: str, detector: bool) -> bool:
    return any(one["name"] == name and one["detector"] == detector for one in report["kinds"].get(kind, ()))


async def _play(kind: Kind[Any], scenes: Sequence[Any], place: Place, report: Report, whisper: Whisper, say: Say) -> None:
    waiting = list(reversed(scenes))
    played: list[tuple[str, Played]] = []

    async def player() -> None:
        while waiting:
            scene = waiting.pop()
            try:
                one = await kind.play(place, scene)
            except (TimeoutError, asyncio.TimeoutError) as error:
                one = Played({FAILED: str(error)[:200]})
            played.append((scene.name, one))
            if one.listen_to is None:
                _add(report, kind, place, scene.name, one)
            say(f"{len(scenes) - len(waiting):4} of {len(scenes)}  {scene.name}: {_short(one)}")

    spare_from_collection()
    players = [asyncio.create_task(player()) for _ in range(kind.at_once)]
    try:
        await asyncio.gather(*players)
    except BaseException:
        for task in players:
            task.cancel()
        await asyncio.gather(*players, return_exceptions=True)
        with contextlib.suppress(TimeoutError, asyncio.TimeoutError):
            await asyncio.wait_for(_understand(kind, place, report, played, whisper, say), _CUT_SHORT_S)
        raise
    await _understand(kind, place, report, played, whisper, say)


async def _understand(
    kind: Kind[Any], place: Place, report: Report, played: Sequence[tuple[str, Played]], whisper: Whisper, say: Say
) -> None:
    """Transcribe what was received. Afterwards: while somebody else's scene is played it would take the CPU from it."""
    unheard = [(name, one) for name, one in played if one.listen_to is not None]
    if unheard:
        say(f"transcribing {len(unheard)} recordings …")
    for name, one in unheard:
        assert one.listen_to is not None
        audio = to_float(resampled(one.listen_to, CALLER_RATE, LISTENING_SAMPLE_RATE))
        one.outcome["heard"] = await understood(whisper, audio)
        if one.is_wrong(one.outcome):
            one.outcome["heard_again"] = await understood(whisper, np.concatenate([silence(_LATER_S), audio]))
        _add(report, kind, place, name, one)


def _add(report: Report, kind: Kind[Any], place: Place, name: str, one: Played) -> None:
    report["kinds"].setdefault(kind.name, []).append({"name": name, "detector": place.detector, **one.outcome})


def _short(one: Played) -> str:
    shown = {key: value for key, value in one.outcome.items() if key not in ("group", "text") and value not in (None, [])}
    return ", ".join(f"{key} {value:.0f}" if isinstance(value, float) else f"{key} {value}" for key, value in shown.items())
