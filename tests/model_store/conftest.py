"""A server that can misbehave, and stores whose manifests point at it."""

from __future__ import annotations

import hashlib
import io
import json
import random
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from rtvi_local.model_store import ModelStore, Network
from rtvi_local.model_store.http_download import Patience
from rtvi_local.model_store.manifest import parse_manifest
from tests.model_store.http_server import Server

PATIENCE = Patience(connect_s=15, read_s=15, attempts=3, backoff_s=0.01, longest_backoff_s=0.02, progress_bytes=50_000)
"""With a machine that is busy elsewhere for a moment, and hardly any between two attempts: some tests count them."""


def some_bytes(count: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(count)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def file_entry(name: str, content: bytes, *sources: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "size": len(content), "sha256": sha256(content), "sources": list(sources)}


def model_entry(*files: Mapping[str, Any], kind: str = "llm") -> dict[str, Any]:
    return {"kind": kind, "purpose": "for tests", "licence": "none", "files": list(files)}


def wheel(members: Mapping[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return content.getvalue()


class Shop:
    """One server with an index of wheels, a hub and plain files, and stores that know it."""

    def __init__(self, server: Server, directory: Path) -> None:
        self.server = server
        self.directory = directory
        self.network = Network(package_index=server.url + "/simple", hub=server.url + "/hub", patience=PATIENCE)

    def store(self, **models: Mapping[str, Any]) -> ModelStore:
        named = {name.replace("_", "-"): model for name, model in models.items()}
        return ModelStore(self.directory, parse_manifest({"models": named}, "test"), self.network)

    def publish(self, package: str, members: Mapping[str, bytes], *, html: bool = False, digest: str = "") -> str:
        """Put a wheel (version 1.0) on the index; returns the path at which it is served."""
        content = wheel(members)
        filename = f"{package.replace('-', '_')}-1.0-py3-none-any.whl"
        digest = digest or sha256(content)
        self.server.put(f"/files/{filename}", content)
        if html:
            page = f'<!DOCTYPE html><a href="../../files/{filename}#sha256={digest}">{filename}</a>'.encode()
            self.server.put(f"/simple/{package}/", page, content_type="text/html")
        else:
            file = {"filename": filename, "url": f"../../files/{filename}", "hashes": {"sha256": digest}, "size": len(content)}
            listing = {"meta": {"api-version": "1.1"}, "name": package, "files": [file], "versions": ["1.0"]}
            body = json.dumps(listing).encode()
            self.server.put(f"/simple/{package}/", body, content_type="application/vnd.pypi.simple.v1+json")
        return f"/files/{filename}"


@pytest.fixture
def server() -> Iterator[Server]:
    with Server().running() as running:
        yield running


@pytest.fixture
def shop(server: Server, tmp_path: Path) -> Shop:
    return Shop(server, tmp_path / "models")
