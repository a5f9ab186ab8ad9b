"""What the appliance tells about the bot's side of the conversation."""

from __future__ import annotations

from typing import ClassVar, Literal

from rtvi_local.rtvi.messages.base import Message, Part


class BotLlmStarted(Message, frozen=True):
    """The model begins to answer: once per inference."""

    type: ClassVar[str] = "bot-llm-started"
    since: ClassVar[str] = "0.2"


class BotLlmText(Message, frozen=True):
    """A piece of the answer as the model wrote it."""

    type: ClassVar[str] = "bot-llm-text"
    since: ClassVar[str] = "0.2"
    text: str


class LlmRawText(Message, frozen=True):
    """`bot-llm-text` under a lasting name; sent to 2.2 clients where `messages.raw_text` is on."""

    type: ClassVar[str] = "llm-raw-text"
    since: ClassVar[str] = "2.2"
    text: str


class BotLlmStopped(Message, frozen=True):
    """The model has finished, or was stopped."""

    type: ClassVar[str] = "bot-llm-stopped"
    since: ClassVar[str] = "0.2"


class BotLlmMarker(Message, frozen=True):
    """The model's own opinion on whether the user had finished, as a mark that it writes; not sent, as no model here is asked
    to write one."""

    type: ClassVar[str] = "bot-llm-marker"
    since: ClassVar[str] = "2.1"
    text: str
    raw: str
    markers: list[str]
    kind: Literal["complete", "short", "long"] | None = None


class BotTranscription(Message, frozen=True):
    """A whole sentence of the answer, as soon as the model wrote it."""

    type: ClassVar[str] = "bot-transcription"
    since: ClassVar[str] = "0.2"
    text: str


class BotTtsStarted(Message, frozen=True):
    """The voice begins to be made; it may be heard later."""

    type: ClassVar[str] = "bot-tts-started"
    since: ClassVar[str] = "0.2"


class BotTtsText(Message, frozen=True):
    """Words that were just heard."""

    type: ClassVar[str] = "bot-tts-text"
    since: ClassVar[str] = "0.2"
    text: str


class TtsRawText(Message, frozen=True):
    """`bot-tts-text` under a lasting name; sent to 2.2 clients where `messages.raw_text` is on."""

    type: ClassVar[str] = "tts-raw-text"
    since: ClassVar[str] = "2.2"
    text: str


class BotTtsAudio(Message, frozen=True):
    """The voice's sound in base64; not sent, as the transports carry sound."""

    type: ClassVar[str] = "bot-tts-audio"
    since: ClassVar[str] = "0.2"
    audio: str
    sample_rate: int
    num_channels: int


class BotTtsStopped(Message, frozen=True):
    """All of the voice has been made; it may still be playing."""

    type: ClassVar[str] = "bot-tts-stopped"
    since: ClassVar[str] = "0.2"


class BotStartedSpeaking(Message, frozen=True):
    """The bot is heard from now on."""

    type: ClassVar[str] = "bot-started-speaking"
    since: ClassVar[str] = "0.1"


class BotStoppedSpeaking(Message, frozen=True):
    """The bot fell silent."""

    type: ClassVar[str] = "bot-stopped-speaking"
    since: ClassVar[str] = "0.1"


class BotInterrupted(Message, frozen=True):
    """The user took the floor from the bot; what was not heard yet will not be."""

    type: ClassVar[str] = "bot-interrupted"
    since: ClassVar[str] = "1.2"


class SpokenProgress(Part, frozen=True):
    """Both together are the segment's text; the space between them belongs to the second."""

    accumulated_text: str
    remaining_text: str


class BotOutput(Message, frozen=True):
    """A segment of the answer as it is heard: `new` once, `in-progress` as words are heard, `completed`. Text that is not
    spoken is one `new` without progress. A segment that was cut off gets no `completed`. `output_type` is "sentence", and to
    clients of 2.2 or more "backchannel" for what is said while a tool takes its time. `aggregated_by` repeats it under the
    only name that shipped clients read."""

    type: ClassVar[str] = "bot-output"
    since: ClassVar[str] = "2.0"
    text: str
    output_type: str
    aggregated_by: str
    segment_id: int
    """Unique in the session, below 2^31."""
    will_be_spoken: bool
    spoken_status: Literal["new", "in-progress", "completed"]
    spoken_progress: SpokenProgress | None = None


class BotOutput1(Message, frozen=True):
    """`bot-output` for 1.x clients: a sentence, then the same words again when they were spoken. It carries none of the 2.x
    fields, which the clients' older parser would look at first."""

    type: ClassVar[str] = "bot-output"
    since: ClassVar[str] = "1.1"
    text: str
    spoken: bool
    aggregated_by: str


class BotAudioLevel(Message, frozen=True):
    """How loud the voice is, 0 (-60 dBFS) … 1 (full scale), every 150 ms; sent where `messages.audio_levels` is on."""

    type: ClassVar[str] = "bot-audio-level"
    since: ClassVar[str] = "1.0"
    value: float


class SearchResult(Part, frozen=True):
    text: str
    confidence: list[float]


class SearchOrigin(Part, frozen=True):
    results: list[SearchResult]
    site_uri: str | None = None
    site_title: str | None = None


class BotLlmSearchResponse(Message, frozen=True):
    """What a model with a search engine found; not sent, as this appliance has none."""

    type: ClassVar[str] = "bot-llm-search-response"
    since: ClassVar[str] = "0.3"
    origins: list[SearchOrigin]
    search_result: str | None = None
    rendered_content: str | None = None
