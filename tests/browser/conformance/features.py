"""What a client should be able to do with this appliance, and how one sees that it can."""

from __future__ import annotations

from tests.browser.conformance import asking, sessions, showing, speaking
from tests.browser.conformance.feature import Feature

FEATURES = (
    Feature("`action` over HTTP, without a connection", asking.acts_alone),
    Feature("connects; the version is agreed", sessions.connects),
    Feature("a spoken question is heard (`user-transcription`)", speaking.is_heard),
    Feature("the reply is heard", speaking.hears_the_reply),
    Feature("`bot-output`, word by word", speaking.shows_what_is_said),
    Feature("`bot-transcription`", speaking.shows("BotTranscript", " ")),
    Feature("`bot-llm-text`", speaking.shows("BotLlmText", "")),
    Feature("`bot-tts-text`", speaking.shows("BotTtsText", " ")),
    Feature("beginnings and ends of thinking, synthesis and speech", speaking.is_told_when),
    Feature("`user-llm-text`", speaking.shows_what_the_model_is_asked),
    Feature("`metrics`", speaking.shows_metrics),
    Feature("what is said is shown while it is said (`user-transcription`, not final)", speaking.hears_as_it_is_said),
    Feature("speaking interrupts the bot", speaking.interrupts),
    Feature("the muted microphone is not heard", speaking.is_silent_when_muted),
    Feature("`send-text`, answered by voice or in writing", asking.writes),
    Feature("`send-text` without an answer", asking.writes_without_an_answer),
    Feature("`append-to-context`, with and without an answer", asking.appends),
    Feature("`client-message`, answered or refused", asking.requests),
    Feature("`action`, done or refused", asking.acts),
    Feature("options are described, read and changed", asking.configures),
    Feature("a function of the client is called, and its result spoken", asking.runs_functions),
    Feature("a call of one is cancelled by who interrupts", asking.cancels_functions),
    Feature("the context is read and exchanged", asking.exchanges_the_context),
    Feature("`ui-snapshot` is looked at, `ui-command` done", asking.does_what_the_bot_wants_of_its_page),
    Feature("news of another model (`server-message`)", asking.is_told_of_another_model),
    Feature("`dtmf`", asking.presses_keys),
    Feature("`ui-event`", asking.tells_of_its_page),
    Feature("nonsense is refused, the conversation goes on", asking.survives_nonsense),
    Feature("`disconnect-bot`", sessions.ends_the_bot),
    Feature("a pipeline of its own, and the refusal of an impossible one", sessions.chooses_its_pipeline),
    Feature("the camera is looked through", showing.shows_its_camera),
    Feature("the screen that is shared is looked at", showing.shares_its_screen),
    Feature("a second conversation", sessions.comes_back),
    Feature("the conversation goes on over a new connection when the old one is lost", sessions.survives_a_broken_network),
    Feature("leaving ends the conversation", sessions.leaves),
)
