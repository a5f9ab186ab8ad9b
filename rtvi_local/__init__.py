"""A voice appliance in one process: Whisper hears, a GGUF model thinks, Piper speaks, and any RTVI client can talk with it."""

__version__ = "0.1.0"
