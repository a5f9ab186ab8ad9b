"""Uploads over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from rtvi_local.config import Config
from rtvi_local.files.reading import FileError
from rtvi_local.files.uploads import Uploads
from rtvi_local.rtvi.files import FileRules
from rtvi_local.server.app import create_app
from tests.server.appliance import FakeAppliance

LIMIT = 300_000


@pytest.fixture
def uploads() -> Uploads:
    return Uploads()


@pytest.fixture
def client(uploads: Uploads) -> Iterator[TestClient]:
    appliance = FakeAppliance(files=FileRules(uploads=uploads, max_bytes=LIMIT))
    with TestClient(create_app(Config(), appliance), base_url="http://localhost:7860") as client:
        yield client


def test_an_upload_is_answered_with_what_send_file_takes(client: TestClient, uploads: Uploads) -> None:
    answer = client.post("/files", files={"file": ("über das.txt", b"Hello\r\n\x00", "application/x-odd")})
    assert answer.status_code == 200
    url = answer.json()["source"]["url"]
    assert answer.json() == {"name": "über das.txt", "format": "text/plain", "source": {"type": "url", "url": url}}
    assert uploads.take(url).data == b"Hello\r\n\x00"


def test_a_sessions_files_end_with_it(client: TestClient, uploads: Uploads) -> None:
    started = client.post("/start", json={}).json()
    path = f"/sessions/{started['sessionId']}/files"
    url = client.post(path, files={"file": ("a.txt", b"x")}).json()["source"]["url"]
    uploads.forget(started["sessionId"])
    with pytest.raises(FileError):
        uploads.take(url)
    assert client.post("/sessions/nobody/files", files={"file": ("a.txt", b"x")}).status_code == 404


def test_start_says_where_to_upload_to_if_it_is_asked(client: TestClient, uploads: Uploads) -> None:
    assert "fileUploadUrl" not in client.post("/start", json={}).json(), "clients of 1.x throw at it"
    started = client.post("/start", json={"enableFileUploads": True}).json()
    assert started["fileUploadUrl"] == f"/sessions/{started['sessionId']}/files"
    answer = client.post(started["fileUploadUrl"], files={"file": ("a.txt", b"x")})
    assert uploads.take(answer.json()["source"]["url"]).session_id == started["sessionId"]
    for transport in ("websocket", "twilio"):
        asked = {"enableFileUploads": True, "transport": transport}
        assert set(client.post("/start", json=asked).json()) == {"wsUrl"}


def test_a_file_may_be_larger_than_other_bodies_but_not_than_the_limit(client: TestClient) -> None:
    assert client.post("/files", files={"file": ("a.txt", bytes(LIMIT))}).status_code == 200
    for size in (LIMIT + 1, 2 * LIMIT):
        answer = client.post("/files", files={"file": ("a.txt", bytes(size))})
        assert answer.status_code == 413
        assert "larger than" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"", {}),
        (b"hello", {"Content-Type": "application/octet-stream"}),
        (b"--x\r\nbroken", {"Content-Type": "multipart/form-data; boundary=x"}),
        (b"--x\r\nbroken", {"Content-Type": "multipart/form-data"}),
        (
            b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\ntext\r\n--x--\r\n',
            {"Content-Type": "multipart/form-data; boundary=x"},
        ),
    ],
)
def test_a_body_without_a_file_is_refused_in_json(client: TestClient, body: bytes, headers: dict[str, str]) -> None:
    answer = client.post("/files", content=body, headers=headers)
    assert answer.status_code == 422
    assert "multipart/form-data" in answer.json()["detail"]


def test_pages_of_other_origins_may_not_upload(client: TestClient) -> None:
    answer = client.post("/files", files={"file": ("a.txt", b"x")}, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403


def test_other_paths_take_no_forms(client: TestClient) -> None:
    assert client.post("/api/offer", files={"file": ("a.txt", b"x")}).status_code == 415
    assert client.post("/sessions/a/b/files", files={"file": ("a.txt", b"x")}).status_code == 415


def test_uploads_are_limited_like_other_requests(uploads: Uploads) -> None:
    appliance = FakeAppliance(files=FileRules(uploads=uploads))
    with TestClient(create_app(Config(), appliance), base_url="http://localhost:7860") as client:
        codes = [client.post("/files", files={"file": ("a.txt", b"x")}).status_code for _ in range(40)]
    assert 429 in codes
