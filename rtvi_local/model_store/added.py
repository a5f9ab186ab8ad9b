"""The models that the user added: their manifest, kept beside them as JSON in the form of the built-in one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from rtvi_local.model_store.errors import BadManifest
from rtvi_local.model_store.files import write_text
from rtvi_local.model_store.manifest import Model, parse_manifest

FILE_NAME = "added-models.json"


def read_added(directory: Path) -> Mapping[str, Model]:
    """The added models by name; BadManifest if the file cannot be understood."""
    path = directory / FILE_NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise BadManifest(f"{path} cannot be read ({error}). Move it away and add your models again.") from None
    return parse_manifest(content, str(path), added=True).models


def write_added(directory: Path, models: Mapping[str, Model]) -> None:
    """Replace the manifest of added models."""
    content = {name: _plain(model) for name, model in models.items()}
    write_text(directory / FILE_NAME, json.dumps({"models": content}, indent=2) + "\n")


def _plain(model: Model) -> dict[str, object]:
    files = [{key: value for key, value in asdict(file).items() if key != "sources"} for file in model.files]
    return {"kind": model.kind, "purpose": model.purpose, "licence": model.licence, "files": files}
