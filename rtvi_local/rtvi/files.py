"""`send-file`: a file becomes part of the context, and is answered if asked to."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Union

from rtvi_local.engines.interfaces import LanguageModel
from rtvi_local.engines.worker import Worker
from rtvi_local.files.fetching import Allowed, fetch
from rtvi_local.files.reading import FileError, TextFile, read_file
from rtvi_local.files.uploads import SCHEME, Uploads
from rtvi_local.images.content import image_part, text_part
from rtvi_local.images.picture import Picture, from_data_url
from rtvi_local.pipeline.controls import Controls
from rtvi_local.rtvi.messages.from_client import SendFile
from rtvi_local.rtvi.session import RtviSession

_reading = Worker("file-reader")
"""One at a time for all conversations: a large picture takes a while and some memory."""


@dataclass(frozen=True, slots=True)
class FileRules:
    """What the settings say of files."""

    uploads: Uploads = field(default_factory=Uploads)
    fetch_from: Allowed = field(default_factory=lambda: Allowed(()))
    max_bytes: int = 16_777_216


class Files:
    """Takes in one client's files. Small ones, and those that were uploaded, are read before any later message is handled: the
    question about a picture may come right behind it."""

    def __init__(
        self,
        session: RtviSession,
        controls: Controls,
        rules: FileRules,
        model: Callable[[], LanguageModel],
        room: Callable[[object], int],
    ) -> None:
        """`room` says how many tokens the model would have left if it were shown this content and nothing else."""
        self._session = session
        self._controls = controls
        self._model = model
        self._room = room
        self._rules = rules
        session.on(SendFile, lambda message, _: self._take(message))

    def _take(self, message: SendFile) -> Coroutine[Any, Any, None]:
        source = message.file.source
        if source.url is not None and not source.url.startswith(SCHEME):
            return self._take_from_elsewhere(message, source.url)
        name, format = message.file.name or "", message.file.format
        if source.url is not None:
            upload = self._rules.uploads.take(source.url)
            data, name, format = upload.data, name or upload.name, format or upload.format
        else:
            data = from_data_url(source.bytes or "")
        return self._session.holding(self._give(message, data, name, format))

    async def _take_from_elsewhere(self, message: SendFile, url: str) -> None:
        data, served = await fetch(url, self._rules.fetch_from, self._rules.max_bytes)
        name = message.file.name or url.partition("?")[0].rpartition("/")[2]
        await self._give(message, data, name, message.file.format or served)

    async def _give(self, message: SendFile, data: bytes, name: str, format: str) -> None:
        if len(data) > self._rules.max_bytes:
            raise FileError(f"The file is too large: at most {self._rules.max_bytes} bytes are taken (server.max_file_bytes).")
        model = self._model()
        if format.strip().lower().startswith("image/") and not model.sees:
            why = "it has no projector (mmproj). Pictures need a model that has one."
            raise FileError(f"The language model {model.model_name} cannot see: {why}")
        content = content_of(await _reading.run(read_file, data, format=format, name=name), message.content)
        self._require_room(content, model.context_tokens)
        options = message.options
        self._controls.give(
            content,
            run_immediately=options is None or options.run_immediately is not False,
            speak_reply=options is None or options.audio_response is not False,
        )

    def _require_room(self, content: object, context_tokens: int) -> None:
        # No text has more than so many characters a token, and counting a long one takes a while.
        if isinstance(content, str) and len(content) > 8 * context_tokens:
            raise FileError(f"The file is too long: {len(content)} characters, and the model sees {context_tokens} tokens.")
        if (room := self._room(content)) < 0:
            raise FileError(f"The file is too long by {-room} tokens: the model sees {context_tokens} (llm.context_tokens).")


def content_of(file: Union[Picture, TextFile], words: str) -> object:
    """The content of the message that a file and the words beside it make."""
    words = words.strip()
    if isinstance(file, TextFile):
        return f"{file.in_words()}\n\n{words}" if words else file.in_words()
    return [image_part(file), *([text_part(words)] if words else [])]
