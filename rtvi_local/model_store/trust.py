"""Which authorities a download trusts. Networks that look into TLS have one of their own, and tell programs by a variable."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from pathlib import Path

import httpx

from rtvi_local.model_store.errors import ModelStoreError

VARIABLES = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE")
"""OpenSSL's, and those that pip takes: where pip gets through, the models come too."""


def trust(environment: Mapping[str, str] = os.environ) -> ssl.SSLContext:
    """For the first of the variables that is set (a file of certificates, or a folder of them), else httpx's own authorities.
    Raises ModelStoreError."""
    for name in VARIABLES:
        if path := environment.get(name):
            try:
                folder = Path(path).is_dir()
                return ssl.create_default_context(cafile=None if folder else path, capath=path if folder else None)
            except OSError as error:
                raise ModelStoreError(f"{name} is {path}, which holds no certificates ({error.strerror or error}).") from None
    return httpx.create_ssl_context()
