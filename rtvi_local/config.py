"""Every setting: its section, type, default, unit, bounds and what it is for. `config_sources` reads their values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rtvi_local.config_forms import ADDRESS, ICE_URLS, UDP_PORTS, Form
from rtvi_local.engines.sampling import DEFAULT_SAMPLING

EVERY_ADDRESS = "0.0.0.0"
DEFAULT_SYSTEM_PROMPT = (
    "You are a helpful assistant in a spoken conversation. What you write is read aloud: answer in one or two short, "
    "plain sentences. No lists, no code, no emoji, no markup. Begin with a short phrase. "
    "If you don't know something, say so in a few words."
)


def setting(
    default: Any,
    help: str,
    *,
    unit: str = "",
    least: float | None = None,
    most: float | None = None,
    choices: tuple[str, ...] = (),
    form: Form | None = None,
    secret: bool = False,
) -> Any:
    """A dataclass field that knows how to be explained and checked. What is `secret` is not printed."""
    metadata = {
        "help": help,
        "unit": unit,
        "least": least,
        "most": most,
        "choices": choices,
        "form": form,
        "secret": secret,
    }
    if isinstance(default, tuple):
        return field(default_factory=lambda: default, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Server:
    host: str = setting("127.0.0.1", "address to listen on; anything but loopback needs TLS and a token")
    lan: bool = setting(False, "answer to the local network too: over HTTPS, with a token, on every address")
    port: int = setting(7860, "TCP port of the page and the API", least=0, most=65535)
    allowed_origins: tuple[str, ...] = setting((), "web origins besides this machine's own that may use the API")
    max_conversations: int = setting(4, "conversations at the same time", least=1, most=64)
    max_body_bytes: int = setting(262_144, "largest HTTP request body", unit="bytes", least=1024)
    max_message_bytes: int = setting(65_536, "largest RTVI message", unit="bytes", least=1024)
    max_file_bytes: int = setting(16_777_216, "largest file that a client may give to the model", unit="bytes", least=1024)
    fetch_from: tuple[str, ...] = setting(
        (), "networks (192.168.1.0/24), or 'public', from which files that a client names by URL are fetched"
    )


@dataclass(frozen=True)
class Models:
    preset: str = setting("laptop", "set of models to use", choices=("tiny", "laptop", "quality", "jetson", "gpu"))
    directory: str = setting("", "where models are kept; empty for the user's data folder")
    device: str = setting("auto", "what to compute on", choices=("auto", "cpu", "cuda"))
    stt: str = setting("", "transcription model; empty for the preset's")
    llm: str = setting("", "language model; empty for the preset's")
    tts: str = setting("", "voice; empty for the preset's")
    recode: bool = setting(True, "re-encode weights that this CPU computes slowly, once, when a model is installed; use them")


@dataclass(frozen=True)
class Stt:
    language: str = setting(
        "en", "language that is spoken (ISO 639-1), or 'auto' to detect it with every turn, and to answer in it"
    )
    interim_ms: int = setting(500, "pause between two interim transcripts; 0 for none", unit="ms", least=0)


@dataclass(frozen=True)
class Llm:
    system_prompt: str = setting(DEFAULT_SYSTEM_PROMPT, "what the model is told before every conversation")
    temperature: float = setting(0.6, "how much chance is in the answers", least=0, most=2)
    top_k: int = setting(
        DEFAULT_SAMPLING.top_k, "chance chooses among so many of the likeliest tokens", unit="tokens", least=1, most=1000
    )
    top_p: float = setting(DEFAULT_SAMPLING.top_p, "and among those that together are so likely", least=0, most=1)
    repeat_penalty: float = setting(
        DEFAULT_SAMPLING.repeat_penalty, "how much a token that was just written is held back; 1: not at all", least=0.5, most=2
    )
    seed: int = setting(
        DEFAULT_SAMPLING.seed,
        "what chance begins with, for the same answers again; -1: other ones every time",
        least=-1,
        most=2**31,
    )
    max_tokens: int = setting(200, "longest answer", unit="tokens", least=1)
    context_tokens: int = setting(4096, "how much of a conversation the model sees", unit="tokens", least=512)


@dataclass(frozen=True)
class Tts:
    speed: float = setting(1.0, "how fast the voice speaks", least=0.5, most=2)
    speaker: int = setting(0, "which speaker of a voice that has several", least=0)
    language: str = setting(
        "", "language of the voice (ISO 639-1): an installed voice for it speaks, if there is one; empty for that of tts.voice"
    )


@dataclass(frozen=True)
class Vad:
    threshold: float = setting(0.5, "speech probability that starts speech; it ends 0.15 below", least=0.05, most=0.95)
    start_ms: int = setting(64, "speech needed before it counts", unit="ms", least=0, most=1000)
    stop_ms: int = setting(64, "silence after which the end of the turn is suspected", unit="ms", least=32, most=2000)
    preroll_ms: int = setting(400, "audio kept from before the start of speech", unit="ms", least=0, most=2000)
    least_treble_db: float = setting(
        -21.0,
        "speech whose brightest sounds have less between 1.5 and 3.4 kHz, relative to 100 to 700 Hz, comes through a wall "
        "and is ignored; -120: none is",
        unit="dB",
        least=-120,
        most=0,
    )


@dataclass(frozen=True)
class Turns:
    wait_complete_ms: int = setting(170, "silence that ends a turn when it sounds finished", unit="ms", least=0, most=1500)
    wait_incomplete_ms: int = setting(1500, "silence that ends a turn when it surely does not", unit="ms", least=0, most=1500)
    interruptions: str = setting(
        "polite",
        "what speech over the bot does: nothing, pause the voice until it is clear what it is, or end the reply at once",
        choices=("never", "polite", "eager"),
    )
    push_to_talk: bool = setting(False, "hear only what is said while the client holds its button (talk:press, talk:release)")
    detector: bool = setting(True, "use the turn detector; without it silence alone ends a turn")
    wait_unjudged_ms: int = setting(500, "silence that ends a turn without the turn detector", unit="ms", least=0, most=1500)
    max_turn_ms: int = setting(30_000, "longest turn; it ends there whatever is said", unit="ms", least=1000)


@dataclass(frozen=True)
class Echo:
    ignore: bool = setting(True, "what is only the appliance's own voice, come back to the microphone, is no person speaking")
    cancel: bool = setting(False, "take its own voice out of what is heard, where no browser does (needs the extra 'echo')")


@dataclass(frozen=True)
class Pipeline:
    stages: tuple[str, ...] = setting(
        (), "what a conversation is made of, in order, where its client does not say; see pipelines"
    )


@dataclass(frozen=True)
class Wake:
    words: tuple[str, ...] = setting(
        (), "sleep until one of these is said; alexa, hey jarvis, hey mycroft and okay nabu cost least"
    )
    follow_up_s: float = setting(
        8.0, "how long it listens for more after an answer, before it sleeps again", unit="s", least=1, most=600
    )


@dataclass(frozen=True)
class Sounds:
    processing: str = setting(
        "ding",
        "what a pipeline's processing_sound_emitter plays while an answer is thought of",
        choices=("ding", "tick", "none"),
    )


@dataclass(frozen=True)
class Tools:
    builtin: tuple[str, ...] = setting(
        (),
        "builtin tools of every conversation: get_current_time, set_timer, end_conversation, set_volume, get_camera_frame, "
        "read_page, act_on_page",
    )
    timeout_s: float = setting(30.0, "how long a tool may take", unit="s", least=1, most=600)
    mcp_servers: tuple[str, ...] = setting(
        (),
        "commands that start MCP servers over stdio; their tools are offered to every conversation (needs the extra 'mcp')",
        secret=True,  # tokens are given to such servers as arguments
    )


@dataclass(frozen=True)
class Messages:
    vad: bool = setting(False, "tell clients of raw voice activity (vad-user-started-speaking, vad-user-stopped-speaking)")
    raw_text: bool = setting(False, "send stt-raw-text, llm-raw-text and tts-raw-text to clients of protocol 2.2")
    audio_levels: bool = setting(False, "send user-audio-level and bot-audio-level, six times a second")
    system_log: bool = setting(False, "send system-log: what is decided and done, and never what anybody said")


@dataclass(frozen=True)
class WebRtc:
    ice_servers: tuple[str, ...] = setting(
        (), "STUN and TURN servers, for both sides; none are needed on one machine or LAN", form=ICE_URLS
    )
    turn_username: str = setting("", "who the TURN servers among them are to take us for")
    turn_credential: str = setting("", "and the password for that; clients are told both", secret=True)
    udp_ports: str = setting(
        "", "UDP ports for sound and messages, for a firewall that lets only these through", form=UDP_PORTS
    )
    announced_address: str = setting(
        "", "where clients reach this machine behind a port forwarding, instead of its own addresses", form=ADDRESS
    )


@dataclass(frozen=True)
class Config:
    server: Server = field(default_factory=Server)
    models: Models = field(default_factory=Models)
    stt: Stt = field(default_factory=Stt)
    llm: Llm = field(default_factory=Llm)
    tts: Tts = field(default_factory=Tts)
    vad: Vad = field(default_factory=Vad)
    turns: Turns = field(default_factory=Turns)
    echo: Echo = field(default_factory=Echo)
    pipeline: Pipeline = field(default_factory=Pipeline)
    wake: Wake = field(default_factory=Wake)
    sounds: Sounds = field(default_factory=Sounds)
    tools: Tools = field(default_factory=Tools)
    messages: Messages = field(default_factory=Messages)
    webrtc: WebRtc = field(default_factory=WebRtc)
