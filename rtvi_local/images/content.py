"""Pictures in the content of messages, in the OpenAI form: `{"type": "image_url", "image_url": {"url": "data:…"}}`. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rtvi_local.images.picture import Picture

Message = dict[str, object]
Part = dict[str, object]


def image_part(picture: Picture) -> Part:
    return image_at(picture.data_url)


def image_at(url: str) -> Part:
    return {"type": "image_url", "image_url": {"url": url}}


def text_part(text: str) -> Part:
    return {"type": "text", "text": text}


def parts(content: object) -> list[Part] | None:
    """The parts of a content that is a list of them; None for a text, and for what else a content may be."""
    if isinstance(content, (list, tuple)) and content and all(isinstance(part, dict) and "type" in part for part in content):
        return list(content)
    return None


def is_image(part: Mapping[str, object]) -> bool:
    return part.get("type") == "image_url"


def image_url(part: Mapping[str, object]) -> str:
    """Where the picture is; empty if the part does not say it in a form that is known."""
    url = part.get("image_url")
    if isinstance(url, Mapping):
        url = url.get("url")
    return url if isinstance(url, str) else ""


def holds_image(content: object) -> bool:
    return any(is_image(part) for part in parts(content) or ())


def joined(first: object, second: object) -> object:
    """Two contents as one: texts with a space between them; with parts in either, a list of parts."""
    if isinstance(first, str) and isinstance(second, str):
        return f"{first} {second}" if first and second else first or second
    together: list[Part] = []
    for content in (first, second):
        found = parts(content)
        if found is not None:
            together += found
        elif content:
            together.append(text_part(str(content)))
    return together


def without_pictures(messages: Sequence[Message]) -> list[Message]:
    """The messages with every picture's bytes left out, for whoever wants to read what was said."""
    return [
        {**message, "content": _without(message.get("content"))} if "content" in message else message for message in messages
    ]


def _without(content: object) -> object:
    found = parts(content)
    if found is None:
        return content
    return [image_at("data:") if is_image(part) else part for part in found]
