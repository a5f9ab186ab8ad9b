"""Uploaded files, until they are given to a model. They lie in memory and nowhere else."""

from __future__ import annotations

import mimetypes
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from rtvi_local.files.reading import FileError

SCHEME = "pipecat:"
"""Of the URLs by which clients name what they uploaded, as the reference server calls it."""
MOST_FILES = 32
MOST_BYTES = 64 << 20
"""All of them together; the oldest go first."""
KEPT_S = 600.0
_UNKNOWN = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Upload:
    name: str
    format: str
    data: bytes
    session_id: str | None
    at_s: float


class Uploads:
    """Used on the event loop alone."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._files: OrderedDict[str, Upload] = OrderedDict()

    def keep(self, data: bytes, *, name: str, declared: str | None, session_id: str | None = None) -> tuple[str, Upload]:
        """Keep a file for some minutes; returns its URL, which nobody can guess. Its format is guessed from its name, else it
        is what was `declared`."""
        format = mimetypes.guess_type(name)[0] or (declared or "").partition(";")[0].strip().lower() or _UNKNOWN
        upload = Upload(name, format, data, session_id, self._clock())
        url = f"{SCHEME}{uuid.uuid4().hex}"
        self._files[url] = upload
        while len(self._files) > MOST_FILES or sum(len(file.data) for file in self._files.values()) > MOST_BYTES:
            self._files.popitem(last=False)
        self._forget_old()
        return url, upload

    def take(self, url: str) -> Upload:
        """The file, which is forgotten then. Raises FileError."""
        self._forget_old()
        upload = self._files.pop(url, None)
        if upload is None:
            raise FileError("There is no such uploaded file: it was used already, or lay too long. Upload it again.")
        return upload

    def forget(self, session_id: str) -> None:
        """The session is over."""
        for url in [url for url, upload in self._files.items() if upload.session_id == session_id]:
            del self._files[url]

    def _forget_old(self) -> None:
        oldest_s = self._clock() - KEPT_S
        for url in [url for url, upload in self._files.items() if upload.at_s < oldest_s]:
            del self._files[url]
