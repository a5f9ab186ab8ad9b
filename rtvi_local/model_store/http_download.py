"""Downloads that survive: resumed where they broke off, retried with patience, never led to a host that was not meant."""

from __future__ import annotations

import asyncio
import ipaddress
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from rtvi_local.model_store.errors import SourceFailed
from rtvi_local.model_store.files import flush_to_disk, sha256_of, write_text
from rtvi_local.model_store.progress import Meter, megabytes

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class Patience:
    """How long to wait and how often to try again."""

    connect_s: float = 15.0
    read_s: float = 30.0
    attempts: int = 5
    backoff_s: float = 0.5
    longest_backoff_s: float = 15.0
    progress_bytes: int = 1 << 20
    """An attempt that brought at least this much does not count as a failed one: a line that breaks every minute
    still gets the whole file, and a server that sends nothing is given up."""


@dataclass(frozen=True)
class Remote:
    """What to download. `size` (bytes) and `sha256` where they are known; never more than `limit` bytes."""

    url: str
    hosts: tuple[str, ...]
    size: int | None
    sha256: str | None
    limit: int


class _Passing(Exception):
    """A failure that may be gone at the next attempt."""

    def __init__(self, text: str, wait_s: float = 0.0) -> None:
        super().__init__(text)
        self.wait_s = wait_s


def check_address(url: str, hosts: tuple[str, ...]) -> None:
    """Refuse an address that is not https (http: this machine only) or not on one of the hosts; raises SourceFailed."""
    try:
        parts = urlsplit(url)
        host, scheme = parts.hostname or "", parts.scheme
    except ValueError as error:
        raise SourceFailed(f"not an address: {error}") from None
    if scheme != "https" and not (scheme == "http" and _is_loopback(host)):
        raise SourceFailed(f"refused to go to {scheme}://{host}: only https is allowed")
    for allowed in hosts:
        if host == allowed or (allowed.startswith("*.") and host.endswith(allowed[1:])):
            return
    raise SourceFailed(f"refused to go to {host}: allowed are {', '.join(hosts)}")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Downloader:
    """Fetches over one HTTP client."""

    def __init__(self, client: httpx.AsyncClient, patience: Patience) -> None:
        self._client = client
        self._patience = patience

    async def fetch(self, remote: Remote, partial: Path, meter: Meter) -> None:
        """Have the whole, verified file at `partial`; SourceFailed if that cannot be.

        What is there when this starts is gone on from. When it is cancelled or killed, what has come stays there.
        """
        went_on = _size(partial) > 0
        went_on |= await self._complete(remote, partial, meter) > 1
        problem = await _mismatch(remote, partial)
        if problem and went_on:
            # What was there can be damaged (a power cut leaves zeros), or of another version than what came after it.
            _forget(partial)
            await self._complete(remote, partial, meter)
            problem = await _mismatch(remote, partial)
        if problem:
            _forget(partial)
            raise SourceFailed(problem)

    async def page(self, url: str, hosts: tuple[str, ...], accept: str, limit: int) -> tuple[str, str, bytes]:
        """A small document: its final address, content type and bytes. Raises SourceFailed."""
        for attempt in range(self._patience.attempts):
            try:
                async with self._open(url, hosts, {"accept": accept}) as response:
                    _check_status(response)
                    body = b""
                    async for chunk in response.aiter_bytes():
                        body += chunk
                        if len(body) > limit:
                            raise SourceFailed(f"the page is larger than {megabytes(limit)}")
                    return str(response.url), response.headers.get("content-type", ""), body
            except (_Passing, httpx.TransportError) as error:
                if attempt + 1 == self._patience.attempts:
                    raise SourceFailed(_name(error)) from None
                await asyncio.sleep(self._wait_s(attempt, error))
            except httpx.DecodingError as error:
                raise SourceFailed(f"the page cannot be decoded: {error}") from None
        raise AssertionError("unreachable")

    async def _complete(self, remote: Remote, partial: Path, meter: Meter) -> int:
        """Have all bytes; returns how many attempts it took."""
        failures, best = 0, _size(partial)
        for attempts in itertools.count(1):
            try:
                await self._attempt(remote, partial, meter)
                return attempts
            except _Passing as error:
                have = _size(partial)
                failures = 0 if have >= best + self._patience.progress_bytes else failures + 1
                best = max(best, have)
                if failures >= self._patience.attempts:
                    raise SourceFailed(str(error)) from None
                await asyncio.sleep(self._wait_s(failures, error))
        raise AssertionError("unreachable")

    def _wait_s(self, failures: int, error: Exception) -> float:
        asked_s = error.wait_s if isinstance(error, _Passing) else 0.0
        return min(max(self._patience.backoff_s * 2.0**failures, asked_s), self._patience.longest_backoff_s)

    async def _attempt(self, remote: Remote, partial: Path, meter: Meter) -> None:
        have = _size(partial)
        if remote.size is not None and have >= remote.size:
            if have == remote.size:
                meter.at(1, 1)
                return
            have = 0
        headers = {"accept-encoding": "identity"}
        if have and (condition := _condition(partial, remote)) is not None:
            headers |= {"range": f"bytes={have}-"} | condition
        else:
            have = 0
        async with self._open(remote.url, remote.hosts, headers) as response:
            if response.status_code == 416:
                _forget(partial)
                raise _Passing("the server has less than was already fetched")
            _check_status(response)
            if response.status_code != 206 or not _continues(response, have, remote):
                if response.status_code == 206:
                    _forget(partial)
                    raise _Passing("the server sent another part than the one asked for")
                have = 0
            await self._receive(response, remote, partial, have, meter)

    async def _receive(self, response: httpx.Response, remote: Remote, partial: Path, have: int, meter: Meter) -> None:
        announced = response.headers.get("content-length")
        total = remote.size or (have + int(announced) if announced and announced.isdigit() else remote.limit)
        if not have:
            # Written before the first byte: a partial file must never be paired with an older file's validators.
            _forget(partial)
            write_text(_notes(partial), json.dumps({key: response.headers.get(key) for key in ("etag", "last-modified")}))
        with partial.open("ab") as file:
            meter.at(have, total)
            try:
                async for chunk in response.aiter_raw():
                    have += len(chunk)
                    if have > (remote.size or remote.limit):
                        _forget(partial)
                        raise SourceFailed(f"the server sent more than the {remote.size or remote.limit} bytes expected")
                    file.write(chunk)
                    meter.at(have, total)
            except httpx.TransportError as error:
                raise _Passing(f"broke off after {have} bytes ({_name(error)})") from None
            if remote.size is not None and have < remote.size:
                raise _Passing(f"ended after {have} of {remote.size} bytes")
            await asyncio.to_thread(flush_to_disk, file)

    @asynccontextmanager
    async def _open(self, url: str, hosts: tuple[str, ...], headers: dict[str, str]) -> AsyncIterator[httpx.Response]:
        for _ in range(6):
            check_address(url, hosts)
            try:
                request = self._client.build_request("GET", url, headers=headers)
                response = await self._client.send(request, stream=True)
            except httpx.TransportError as error:
                raise _Passing(f"{urlsplit(url).hostname} could not be reached ({_name(error)})") from None
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise SourceFailed(f"not an address: {error}") from None
            try:
                if response.status_code not in _REDIRECTS:
                    yield response
                    return
                url = str(response.url.join(response.headers.get("location", "")))
            except httpx.InvalidURL as error:
                raise SourceFailed(f"redirected to no address: {error}") from None
            finally:
                await response.aclose()
        raise SourceFailed("redirected too often")


def _check_status(response: httpx.Response) -> None:
    if response.status_code in _PASSING:
        asked = response.headers.get("retry-after", "")
        raise _Passing(f"{response.url.host} answered {response.status_code}", float(asked) if asked.isdigit() else 0.0)
    if response.status_code not in (200, 206):
        raise SourceFailed(f"{response.url.host} answered {response.status_code}")


def _condition(partial: Path, remote: Remote) -> dict[str, str] | None:
    """The header under which a download may go on, {} if none is needed, None if it must start again."""
    try:
        notes = json.loads(_notes(partial).read_text())
    except (OSError, ValueError):
        notes = {}
    if (etag := notes.get("etag")) and not etag.startswith("W/"):
        return {"if-range": etag}
    if modified := notes.get("last-modified"):
        return {"if-range": modified}
    return {} if remote.sha256 else None  # the hash finds out if it was another file


def _continues(response: httpx.Response, have: int, remote: Remote) -> bool:
    unit, _, rest = response.headers.get("content-range", "").partition(" ")
    span, _, total = rest.partition("/")
    fits = total == "*" or remote.size is None or total == str(remote.size)
    return have > 0 and unit == "bytes" and span.partition("-")[0] == str(have) and fits


async def _mismatch(remote: Remote, partial: Path) -> str:
    if remote.sha256 is None:
        return ""
    found = await asyncio.to_thread(sha256_of, partial)
    if found == remote.sha256:
        return ""
    return f"{partial.name.rpartition('.')[0]} has sha256 {found}, but {remote.sha256} was expected"


def _notes(partial: Path) -> Path:
    return partial.with_name(partial.name + ".json")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _forget(partial: Path) -> None:
    partial.unlink(missing_ok=True)
    _notes(partial).unlink(missing_ok=True)


def _name(error: Exception) -> str:
    return str(error) or type(error).__name__
