"""A voice appliance in one process: Whisper hears, a GGUF model thinks, Piper speaks, and any RTVI client can talk with it."""

import os

__version__ = "0.1.0"

# Since 1.32 onnxruntime keeps an identifier of this machine and, ten seconds after it was loaded, reports to its makers, from
# native code. It reads this when it is loaded, hence here, before anything imports it; its function
# `disable_telemetry_events` comes after the first report. Source: "Disabling Telemetry" in the Privacy.md of its package.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
