"""The typed side of the byte fixtures: line by line what the files next door say."""

from __future__ import annotations

from pathlib import Path

from rtvi_local.rtvi.messages import Message, bot, from_client, functions, legacy, metrics, session, ui, user

FIXTURES = Path(__file__).parent / "fixtures"


def wire(name: str) -> list[str]:
    return (FIXTURES / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()


JS_ABOUT = {
    "library": "@pipecat-ai/client-js",
    "library_version": "1.13.1",
    "platform": "Linux",
    "platform_details": {"browser": "Chrome"},
}
_SELECTED = from_client.UiNode("e2", "button", name="Go", state=["focused"])

FROM_CLIENT: list[tuple[str | None, Message]] = [
    ("a1b2c3d4", from_client.ClientReady("2.1.0", JS_ABOUT)),
    ("a1b2c3d5", from_client.ClientReady()),
    (None, from_client.ClientReady(7, {"name": "mine"})),
    ("e", from_client.DisconnectBot()),
    ("e", from_client.DisconnectBot()),
    ("e", from_client.DisconnectBot()),
    ("f", from_client.ClientMessage("volume", {"percent": 40, "was": None})),
    ("f", from_client.ClientMessage("ping")),
    ("t1", from_client.SendText("Zwölf?", from_client.TextOptions(False, True))),
    ("t2", from_client.SendText("hi")),
    ("t3", from_client.SendText("hi", from_client.TextOptions(None, False))),
    (
        "s1",
        from_client.SendFile(
            "",
            from_client.File("image/png", from_client.FileSource("bytes", bytes="aGk=", width=2)),
            from_client.FileOptions(custom_options={"detail": "low"}),
        ),
    ),
    (
        "s2",
        from_client.SendFile(
            "see", from_client.File("text/plain", from_client.FileSource(url="https://a.example/a.txt"), name="a.txt")
        ),
    ),
    ("c", from_client.AppendToContext("user", [{"type": "text", "text": "x"}], True)),
    ("r", from_client.LlmFunctionCallResult("f", "1", {"a": 1})),
    ("d", from_client.Dtmf(["1", "#"])),
    ("d", from_client.Dtmf(button="*")),
    ("u", from_client.UiEvent("click", {"x": 1})),
    (
        "u",
        from_client.UiSnapshot(
            from_client.UiTree(
                from_client.UiNode("e1", "main", children=[_SELECTED]), 1790000000000, from_client.UiSelection("e2", "Go")
            )
        ),
    ),
    ("u", from_client.UiCancelJobGroup("j", "no")),
    ("u", from_client.UiCancelTask("j")),
    ("w", from_client.RawAudio("AAA=", 16000, 1)),
    ("w", from_client.RawAudioBatch(["AAA="], 16000, 1)),
    ("0", legacy.DescribeConfig()),
    ("0", legacy.GetConfig()),
    (
        "0",
        legacy.UpdateConfig(
            [legacy.ServiceConfig("llm", [legacy.NamedValue("model", "m"), legacy.NamedValue("temperature", 0.5)])], True
        ),
    ),
    ("0", legacy.DescribeActions()),
    ("0", legacy.Action("tts", "say", [legacy.NamedValue("text", "Hi."), legacy.NamedValue("interrupt", False)])),
    ("0", legacy.Action("tts", "interrupt")),
]

AT = "2026-08-21T12:00:00.123+00:00"

TO_CLIENT: list[tuple[str | None, Message]] = [
    (
        "a1b2c3d4",
        session.BotReady(
            "2.2.0", {"library": "rtvi-local", "library_version": "0.1.0"}, session.Capabilities(True, video_in=False)
        ),
    ),
    ("a1b2c3d5", session.BotReady("0.3.0", config=[])),
    (None, session.Error.saying("the model is gone", fatal=True)),
    ("f", session.ErrorResponse.saying("Unsupported type x")),
    (None, session.ServerMessage(["anything", None, 1.5])),
    (None, session.ServerMessage("Zwölf")),
    ("f", session.ServerResponse("volume", {"percent": 50})),
    ("f", session.ServerResponse("ping")),
    ("c", session.AppendToContextResult("success")),
    (None, session.SystemLog("up")),
    (None, user.UserStartedSpeaking()),
    (None, user.UserStoppedSpeaking()),
    (None, user.VadUserStartedSpeaking()),
    (None, user.VadUserStoppedSpeaking()),
    (None, user.UserMuteStarted()),
    (None, user.UserMuteStopped()),
    (None, user.UserTranscription("Hi.", False, AT, "")),
    (None, user.UserInput("Hi.", "transcription", AT, True, user_id="")),
    (None, user.UserInput("hi", "chat", AT, True, msg_id="t2")),
    (None, user.SttRawText("Hi.", True, AT, "")),
    (None, user.UserLlmText("Hi.")),
    (None, user.UserAudioLevel(0.25)),
    (None, bot.BotLlmStarted()),
    (None, bot.BotLlmText(" Hel")),
    (None, bot.LlmRawText(" Hel")),
    (None, bot.BotLlmStopped()),
    (None, bot.BotLlmMarker("", "✓", ["✓"], "complete")),
    (None, bot.BotTranscription("Hello.")),
    (None, bot.BotTtsStarted()),
    (None, bot.BotTtsText("Hello.")),
    (None, bot.TtsRawText("Hello.")),
    (None, bot.BotTtsAudio("AAA=", 24000, 1)),
    (None, bot.BotTtsStopped()),
    (None, bot.BotStartedSpeaking()),
    (None, bot.BotStoppedSpeaking()),
    (None, bot.BotInterrupted()),
    (None, bot.BotOutput("Your card", "sentence", "sentence", 3, True, "new", bot.SpokenProgress("", "Your card"))),
    (None, bot.BotOutput("Your card", "sentence", "sentence", 3, True, "in-progress", bot.SpokenProgress("Your", " card"))),
    (None, bot.BotOutput("x = 1", "sentence", "sentence", 4, False, "new")),
    (None, bot.BotOutput1("Your card", False, "sentence")),
    (None, bot.BotAudioLevel(0.5)),
    (None, bot.BotLlmSearchResponse([bot.SearchOrigin([bot.SearchResult("t", [0.9])], site_title="s")], "r")),
    (None, functions.LlmFunctionCallStarted("f")),
    (None, functions.LlmFunctionCallInProgress("1", "f", {})),
    (None, functions.LlmFunctionCallStopped("1", False, "f", 0)),
    ("1", functions.LlmFunctionCall("f", "1", {"a": 1})),
    (None, functions.LlmFunctionCallStart("f")),
    (None, ui.UiCommand("toast", {"title": "Hi"})),
    (None, ui.UiJobGroup("job_update", "j", 1790000000000, worker_name="w", data=[1])),
    (None, ui.UiTask("task_completed", "j", 1790000000000, agent_name="w", status="cancelled")),
    (None, metrics.Metrics()),
    (
        None,
        metrics.Metrics(
            ttfb=[metrics.Metric("llm", 0.125, "qwen")],
            processing=[metrics.Metric("stt", 0.25)],
            characters=[metrics.Metric("tts", 12)],
            tokens=[metrics.TokenUsage(10, 5, 15)],
            stt_usage=[metrics.SttUsage("stt", metrics.AudioSeconds(2.5))],
            ttfa=[metrics.FirstAudio("tts", 0.5, 0.25, 0.25)],
            ttfat=[metrics.FirstAnswerToken("llm", 0.5, 0.25, 0.25)],
        ),
    ),
    (
        "0",
        legacy.ConfigAvailable(
            [
                legacy.DescribedService(
                    "vad",
                    [
                        legacy.DescribedOption("params", "object"),
                        legacy.DescribedOption("stop_ms", "number", "silence", 96, "ms", 32, 2000, None, "now"),
                    ],
                )
            ]
        ),
    ),
    ("0", legacy.CurrentConfig([legacy.ServiceConfig("tts", [legacy.NamedValue("speed", 1.0)])])),
    (None, legacy.ConfigUpdated([legacy.ServiceConfig("tts", [legacy.NamedValue("voice", "v")])])),
    (None, legacy.ConfigError("no such voice")),
    (
        "0",
        legacy.ActionsAvailable(
            [legacy.DescribedAction("tts", "say", [legacy.DescribedArgument("text", "string")], "bool", "speak")]
        ),
    ),
    ("0", legacy.ActionResponse(True)),
]
