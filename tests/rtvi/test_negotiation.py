from __future__ import annotations

import pytest

from rtvi_local.rtvi.negotiation import negotiate

JS = "@pipecat-ai/client-js"


@pytest.mark.parametrize(
    ("version", "about", "answer", "shape", "advised", "is_2_2"),
    [
        ("2.0.0", None, "2.2.0", "segments", False, False),
        ("2.1.0", None, "2.2.0", "segments", False, False),
        ("2.2.0", None, "2.2.0", "segments", False, True),
        ("2.10.0", None, "2.2.0", "segments", False, True),
        ("1.0.0", None, "1.0.0", "spoken-flag", False, False),
        ("1.4.0", None, "1.4.0", "spoken-flag", False, False),
        ("1.99.1", None, "1.99.1", "spoken-flag", False, False),
        ("0.3.0", None, "2.2.0", "segments", True, False),
        ("3.0.0", None, "2.2.0", "segments", True, True),
        (None, {"library": "mine"}, "2.2.0", "segments", True, False),
        ("2.1", None, "2.2.0", "segments", True, False),
        ("2.2.0-beta.1", None, "2.2.0", "segments", True, False),
        ("1.0.0 ", None, "2.2.0", "segments", True, False),
        ("²2.2.0", None, "2.2.0", "segments", True, False),
        ("9" * 5000 + ".0.0", None, "2.2.0", "segments", True, False),
        (2, None, "2.2.0", "segments", True, False),
        ({}, [], "2.2.0", "segments", True, False),
        (None, None, "0.3.0", "none", False, False),
    ],
)
def test_each_row_of_the_table(version: object, about: object, answer: str, shape: str, advised: bool, is_2_2: bool) -> None:
    dialect = negotiate(version, about)
    assert (dialect.bot_ready_version, dialect.bot_output, dialect.advisory is not None, dialect.is_2_2) == (
        answer,
        shape,
        advised,
        is_2_2,
    )


def test_the_advice_says_what_is_wrong() -> None:
    assert "RTVI version 3.0.0 is not compatible with server protocol 2.2.0" in str(negotiate("3.0.0").advisory)
    assert "Client version unknown" in str(negotiate(None, {}).advisory)
    assert "Invalid client version format (2.x)" in str(negotiate("2.x").advisory)


@pytest.mark.parametrize(
    ("version", "about", "form"),
    [
        ("2.1.0", {"library": JS, "library_version": "1.13.1"}, "in-progress"),
        ("1.2.0", {"library": JS, "library_version": "1.6.0"}, "in-progress"),
        ("1.0.0", {"library": JS, "library_version": "1.5.0"}, "call"),
        ("1.2.0", {"library": JS, "library_version": "1.6.0-beta"}, "in-progress"),
        ("2.0.0", {"library": "pipecat-client-ios", "library_version": "1.3.0"}, "call"),
        ("2.0.0", {"library": "Pipecat Android Client"}, "call"),
        ("1.1.0", {"library": "mine"}, "call"),
        ("2.0.0", {"library": "mine"}, "in-progress"),
        (None, {"library": "mine"}, "in-progress"),
        (None, None, "call"),
        ("2.0.0", "not an object", "in-progress"),
        ("2.0.0", {"library": ["x"], "library_version": {}}, "in-progress"),
    ],
)
def test_functions_are_called_in_one_form(version: object, about: object, form: str) -> None:
    assert negotiate(version, about).function_calls == form


@pytest.mark.parametrize(
    ("about", "waits"),
    [
        ({"library": JS, "library_version": "1.3.0"}, True),
        ({"library": JS, "library_version": "1.4.0"}, False),
        ({"library": JS}, False),
        ({"library": "mine", "library_version": "1.0.0"}, False),
        (None, False),
    ],
)
def test_only_early_javascript_clients_wait_for_a_response_to_what_they_append(about: object, waits: bool) -> None:
    assert negotiate("1.0.0", about).appended_is_response is waits
