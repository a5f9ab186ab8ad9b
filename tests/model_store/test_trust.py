"""Downloads in networks with an authority of their own."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from rtvi_local.model_store import ModelStoreError, PullFailed
from rtvi_local.model_store.trust import VARIABLES, trust
from rtvi_local.server.certificate import Certificate, kept_certificate
from tests.model_store.conftest import Shop, file_entry, model_entry
from tests.model_store.http_server import Server

CONTENT = b"a model"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Of an authority that nobody knows."""
    return kept_certificate(tmp_path_factory.mktemp("authority"), ["localhost"], ["127.0.0.1"])


@pytest.fixture
def secure_shop(certificate: Certificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    server = Server()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate, certificate.key)
    server.speak_tls(context)
    with server.running() as running:
        yield Shop(running, tmp_path / "models")


@pytest.mark.parametrize("name", VARIABLES)
def test_the_authority_that_a_variable_names_is_trusted(
    secure_shop: Shop, certificate: Certificate, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = secure_shop.server.put("/a", CONTENT)
    store = secure_shop.store(m=model_entry(file_entry("m.gguf", CONTENT, {"url": url})))
    with pytest.raises(PullFailed, match="CERTIFICATE_VERIFY_FAILED"):
        store.pull(["m"])
    monkeypatch.setenv(name, str(certificate.certificate))
    store.pull(["m"])
    assert (store.path("m") / "m.gguf").read_bytes() == CONTENT


def test_a_variable_that_names_nothing_is_an_error_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(ModelStoreError, match=r"PIP_CERT is .*nowhere\.pem, which holds no certificates \(No such file"):
        trust({"PIP_CERT": str(tmp_path / "nowhere.pem")})
    (tmp_path / "empty.pem").write_text("")
    with pytest.raises(ModelStoreError, match=r"REQUESTS_CA_BUNDLE is .*empty\.pem, which holds no certificates"):
        trust({"REQUESTS_CA_BUNDLE": str(tmp_path / "empty.pem")})


def test_a_folder_of_certificates_is_taken_too(tmp_path: Path) -> None:
    assert trust({"SSL_CERT_FILE": str(tmp_path)}).verify_mode is ssl.CERT_REQUIRED
