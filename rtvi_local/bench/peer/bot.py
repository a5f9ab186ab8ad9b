"""Pipecat's own parts, joined as its documentation joins them, for the comparison: run by the peer's Python, as a file.

Local throughout: Silero (stop after 0.2 s) and Smart Turn v3.2 end a turn, faster-whisper (int8) hears, a llama.cpp server
thinks, Piper speaks in process, SmallWebRTC carries it. Its one argument is a JSON object, see `Peer` in processes.py.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import uvicorn
from loguru import logger
from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADParams
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.processors.frameworks.rtvi import RTVIObserverParams
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.services.piper.tts import PiperTTSService
from pipecat.services.whisper.stt import WhisperSTTService
from pipecat.transcriptions.language import Language
from pipecat.transports.base_transport import TransportParams
from pipecat.transports.smallwebrtc.request_handler import SmallWebRTCRequest, SmallWebRTCRequestHandler
from pipecat.transports.smallwebrtc.transport import SmallWebRTCTransport
from pipecat.turns.user_stop import TurnAnalyzerUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.workers.runner import WorkerRunner
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

SILENCE_S = 0.2


def engines(asked: dict[str, Any]) -> tuple[WhisperSTTService, OpenAILLMService, PiperTTSService]:
    stt = WhisperSTTService(
        device="cpu",
        compute_type="int8",
        settings=WhisperSTTService.Settings(model=asked["whisper"], language=Language.EN),
    )
    llm = OpenAILLMService(
        base_url=asked["llm_url"],
        api_key="none",
        settings=OpenAILLMService.Settings(
            model="local",
            system_instruction=asked["system_prompt"],
            temperature=asked["temperature"],
            max_tokens=asked["max_tokens"],
        ),
    )
    voice = Path(asked["voice"])
    tts = PiperTTSService(download_dir=voice.parent, settings=PiperTTSService.Settings(voice=voice.stem))
    return stt, llm, tts


async def converse(connection: Any, asked: dict[str, Any]) -> None:
    transport = SmallWebRTCTransport(connection, TransportParams(audio_in_enabled=True, audio_out_enabled=True))
    stt, llm, tts = await asyncio.to_thread(engines, asked)
    ends = TurnAnalyzerUserTurnStopStrategy(turn_analyzer=LocalSmartTurnAnalyzerV3())
    user = LLMUserAggregatorParams(
        vad_analyzer=SileroVADAnalyzer(params=VADParams(stop_secs=SILENCE_S)),
        user_turn_strategies=UserTurnStrategies(stop=[ends]),
    )
    context = LLMContextAggregatorPair(LLMContext(), user_params=user)
    stages = [transport.input(), stt, context.user(), llm, tts, transport.output(), context.assistant()]
    worker = PipelineWorker(
        Pipeline(stages),
        params=PipelineParams(enable_metrics=True),
        rtvi_observer_params=RTVIObserverParams(vad_user_speaking_enabled=True),
    )

    async def hang_up(*_: Any) -> None:
        await worker.cancel()

    transport.event_handler("on_client_disconnected")(hang_up)
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()


def app(asked: dict[str, Any]) -> Starlette:
    handler = SmallWebRTCRequestHandler(ice_servers=[])
    conversations: set[asyncio.Task[None]] = set()

    async def begin(connection: Any) -> None:
        task = asyncio.create_task(converse(connection, asked))
        conversations.add(task)
        task.add_done_callback(conversations.discard)

    async def offer(request: Request) -> Response:
        answer = await handler.handle_web_request(SmallWebRTCRequest.from_dict(await request.json()), begin)
        return JSONResponse(answer)

    async def ready(_: Request) -> Response:
        return Response()

    return Starlette(routes=[Route("/api/offer", offer, methods=["POST"]), Route("/readyz", ready)])


if __name__ == "__main__":
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    wanted = json.loads(sys.argv[1])
    uvicorn.run(app(wanted), host="127.0.0.1", port=wanted["port"], log_level="warning")
