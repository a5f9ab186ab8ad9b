"""Whether the files of a model are what the manifest says, hashed once and remembered.

What is remembered is a file's size, time of change and hash: a file that was touched is hashed again, one that was not
costs a stat. (Hashing the default models takes a second or two on a laptop, ten on a small board: too much for each start.)
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Union

from rtvi_local.model_store.errors import ModelBroken, ModelMissing
from rtvi_local.model_store.files import sha256_of, write_text
from rtvi_local.model_store.manifest import Model, ModelFile

_State = list[Union[int, str]]


class Verification:
    """The files under one models folder, with the memory beside them in `.verified.json`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._memory = directory / ".verified.json"

    def check(self, model: Model, *, afresh: bool = False) -> None:
        """Raise ModelMissing or ModelBroken unless every file is right; `afresh` hashes what is remembered, too."""
        for file in model.files:
            self.check_file(model, file, afresh=afresh)

    def check_file(self, model: Model, file: ModelFile, *, afresh: bool = False) -> None:
        """The same for one file."""
        path = self._directory / model.name / file.name
        fix = _fix(model)
        try:
            status = path.stat()
        except OSError:
            raise ModelMissing(f"The model {model.name} is not complete: {path} is missing. {fix}") from None
        if status.st_size != file.size:
            raise ModelBroken(f"{path} of {model.name} has {status.st_size} bytes instead of {file.size}. {fix}")
        state: _State = [status.st_size, status.st_mtime_ns, file.sha256]
        if not afresh and self._remembered().get(f"{model.name}/{file.name}") == state:
            return
        try:
            found = sha256_of(path)
        except OSError as error:
            raise ModelBroken(f"{path} of {model.name} cannot be read: {error.strerror}. {fix}") from None
        if found != file.sha256:
            raise ModelBroken(f"{path} of {model.name} has sha256 {found}, but {file.sha256} was expected. {fix}")
        self._remember(f"{model.name}/{file.name}", state)

    def passed(self, model: Model, file: ModelFile) -> None:
        """Remember a file that was verified on its way here."""
        status = (self._directory / model.name / file.name).stat()
        self._remember(f"{model.name}/{file.name}", [status.st_size, status.st_mtime_ns, file.sha256])

    def _remembered(self) -> dict[str, _State]:
        try:
            memory = json.loads(self._memory.read_text())
        except (OSError, ValueError):
            return {}
        return memory if isinstance(memory, dict) else {}

    def _remember(self, key: str, state: _State) -> None:
        # A folder that cannot be written (a system's own models) only costs the hashing at each start.
        with contextlib.suppress(OSError):
            write_text(self._memory, json.dumps(self._remembered() | {key: state}, indent=0))


def _fix(model: Model) -> str:
    if model.added:
        return f"Add it again: rtvi-local models remove {model.name}, then rtvi-local models add PATH --name {model.name}"
    return f"Fetch it with: rtvi-local models pull {model.name}"
