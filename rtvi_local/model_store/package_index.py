"""Finding a wheel in the Python package index that the user's pip uses."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from urllib.parse import urlsplit

from packaging.utils import canonicalize_name
from pypi_simple import (
    ACCEPT_ANY,
    PYPI_SIMPLE_ENDPOINT,
    ProjectPage,
    UnsupportedRepoVersionError,
)

from rtvi_local.model_store.errors import SourceFailed
from rtvi_local.model_store.http_download import Downloader, Remote
from rtvi_local.model_store.manifest import PackageSource

LARGEST_PAGE_BYTES = 16 << 20
LARGEST_WHEEL_BYTES = 2 << 30


class PackageIndex:
    """One index, found at first use."""

    def __init__(self, downloader: Downloader, address: str = "") -> None:
        self._downloader = downloader
        self._address = address
        self._finding = asyncio.Lock()

    async def wheel(self, source: PackageSource) -> Remote:
        """Where the wheel of exactly this version is, with the index's own hash for it. Raises SourceFailed."""
        address = await self._find_address()
        host = urlsplit(address).hostname or ""
        url = f"{address.rstrip('/')}/{canonicalize_name(source.package)}/"
        final_url, content_type, body = await self._downloader.page(url, (host,), ACCEPT_ANY, LARGEST_PAGE_BYTES)
        for file in _parse(source.package, final_url, content_type, body).packages:
            if file.package_type == "wheel" and file.version == source.version and file.filename.endswith("-none-any.whl"):
                # The index may keep its files on another host; which one is for the index to say.
                hosts = (host, urlsplit(file.url).hostname or "")
                return Remote(file.url, hosts, file.size, file.digests.get("sha256"), LARGEST_WHEEL_BYTES)
        raise SourceFailed(f"{host} has no wheel of {source.package} {source.version}")

    async def _find_address(self) -> str:
        async with self._finding:
            if not self._address:
                self._address = os.environ.get("PIP_INDEX_URL", "") or await asyncio.to_thread(_pip_configuration)
            return self._address


def _pip_configuration() -> str:
    """The index that pip is configured for; the public one where pip says nothing, or is not there."""
    command = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return PYPI_SIMPLE_ENDPOINT
    return answer.stdout.strip() if answer.returncode == 0 and answer.stdout.strip() else PYPI_SIMPLE_ENDPOINT


def _parse(project: str, url: str, content_type: str, body: bytes) -> ProjectPage:
    try:
        if "json" in content_type:
            return ProjectPage.from_json_data(json.loads(body), base_url=url)
        return ProjectPage.from_html(project, body, base_url=url)
    except (ValueError, UnsupportedRepoVersionError) as error:
        raise SourceFailed(f"{urlsplit(url).hostname} sent a page that cannot be read: {error}") from None
