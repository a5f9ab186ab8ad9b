"""The page about the clients that exist, made from what the conformance run found out (docs/clients.json)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_HEAD = """# Clients

Clients as their makers publish them, unmodified, in a real browser against this appliance. The table is what
`python -m pytest tests/browser/conformance` finds out; that run fails where a client does not do what stands here, and
`REWRITE_CLIENTS=1` before it writes the table anew. "–" means that this client has no such thing.
"""
_TAIL = """
None of them needs anything from another host. Left alone, the transports open the microphone with code from Daily's servers;
give them the other media manager of their own package, and they don't:

```js
new SmallWebRTCTransport({ mediaManager: new WavMediaManager() })
new WebSocketTransport({ mediaManager: new WavMediaManager(512, 16000) })
```

The WebSocket transports of client-js 1.0 and 0.4 take no media manager from an application. For these two the test puts
WavMediaManager into the transport's own private field (`tests/browser/conformance/clients/common/without_daily.js`); nothing
else of any client is replaced or changed. WavMediaManager opens no camera and shares no screen: for these the test
derives from it (`clients/common/pictures.js`), as an application can, and Chromium's fake devices show a test pattern.

The table is made with engines that need no models, so that what is said is known to the letter. With the real models
client-js 1.13 over both transports and client-js 0.4 are heard, understood and answered (`test_real_models.py`).

client-react 1.8.2 is tried on a page of its own: its bubbles open, fill as the words are heard, and close.

For client-js 1.0 only a WebSocket transport was published, and for 0.3 none that needs no cloud.

## What they taught

- client-js before 1.4 waits for ever after `append-to-context`, unless a `server-response` with a `result` comes: it gets one,
  the others get `append-to-context-result`.
- `user-llm-text` is in the list of messages of every version, but only 1.12 and later hand it to the application.
- A WebSocket that the server closes is an error to the WebSocket transports, whatever its close code. The conversation's end is
  told to the application all the same.
- small-webrtc-transport replaces a lost connection, and stops the track of its own microphone together with the old one. The
  conversation goes on in writing; to speak again, an application connects anew. From 1.7 on it does not tell the application of
  the bot's new track either, because the end of the old one is taken for the end of both.
- The bubbles of client-react close some seconds after the last word; one that was interrupted keeps what was not said apart.
"""


def clients_page(folder: Path) -> str:
    """The whole page, in Markdown, from the table in `folder`."""
    return page(json.loads((folder / "clients.json").read_text(encoding="utf-8")))


def page(table: dict[str, Any]) -> str:
    clients = list(table.values())
    features = list(dict.fromkeys(feature for client in clients for feature in client["features"]))
    rows = [
        ["", *(client["packages"].replace(", ", "<br>") for client in clients)],
        ["---"] * (len(clients) + 1),
        ["connects by", *(client["connects by"] for client in clients)],
        ["`bot-ready` says", *(client["protocol"] for client in clients)],
        *([feature, *(client["features"].get(feature, "") for client in clients)] for feature in features),
    ]
    return _HEAD + "\n" + "".join(f"| {' | '.join(row)} |\n" for row in rows) + _TAIL
