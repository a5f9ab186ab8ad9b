"""Pictures and files in whole conversations, on engines without models, in virtual time."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rtvi_local import virtual_clock
from rtvi_local.engines.fakes import ScriptedModel
from rtvi_local.engines.interfaces import Message
from rtvi_local.files.uploads import Uploads
from rtvi_local.images.content import image_part, image_url, is_image, parts
from rtvi_local.images.picture import Picture, from_data_url, from_rgb, to_rgb
from rtvi_local.images.results import UNSEEN
from rtvi_local.pipeline.options import Wanted
from rtvi_local.rtvi.chunks import joined
from rtvi_local.rtvi.files import FileRules
from rtvi_local.tools.definitions import read_tools
from rtvi_local.tools.tool import WrittenCall
from tests.pipeline.test_conversation import CONFIG, HELLO, Call

RED, BLUE = (220, 20, 20), (20, 20, 220)
LOOK = WrittenCall("get_camera_frame", {})
TOOLS = replace(CONFIG, tools=replace(CONFIG.tools, builtin=("get_camera_frame",)))


def picture(colour: tuple[int, int, int], width: int = 64, height: int = 48) -> Picture:
    return from_rgb(np.full((height, width, 3), colour, np.uint8))


def colour_in(message: Message) -> tuple[int, ...]:
    """The mean colour of a message's picture, to the next ten."""
    (image,) = [part for part in parts(message["content"]) or () if is_image(part)]
    return tuple(int(round(value, -1)) for value in to_rgb(from_data_url(image_url(image))).mean((0, 1)))


def texts_in(message: Message) -> list[object]:
    return [part["text"] for part in parts(message["content"]) or () if not is_image(part)]


def seeing(*replies: Any, **more: Any) -> Call:
    return Call("What do you see?", model=ScriptedModel(replies, first_token_ms=50, token_ms=20, sees=True), **more)


def file(data: bytes, format: str = "image/jpeg", name: str | None = None, content: str = "", **options: Any) -> dict[str, Any]:
    source = {"type": "bytes", "bytes": base64.b64encode(data).decode()}
    return {"content": content, "file": {"format": format, "name": name, "source": source}, "options": options}


def prompts(call: Call) -> list[list[Message]]:
    assert isinstance(call.model, ScriptedModel)
    return call.model.prompts


# --- the camera ------------------------------------------------------------------------------------------------------------


def test_what_the_camera_shows_is_put_before_the_model_and_shown_to_the_client() -> None:
    async def story() -> None:
        call = seeing([LOOK], "I see a red wall.", config=TOOLS)
        call.transport.pictures["camera"] = picture(RED)
        await call.be_quiet(300)
        await call.speak(1000)
        await call.be_quiet(4000)
        seen = prompts(call)[-1][-1]
        assert seen["role"] == "tool"
        assert colour_in(seen) == (220, 20, 20)
        assert texts_in(seen) == ["What the user's camera shows now:"]
        assert "".join(data["text"] for data in call.news("bot-llm-text")) == "I see a red wall."
        (shown,) = [data for data in call.news("server-message") if data["type"] == "image"]
        assert (shown["source"], shown["format"], shown["width"], shown["height"]) == ("camera", "image/jpeg", 64, 48)
        assert base64.b64decode(shown["bytes"]) == call.transport.pictures["camera"].jpeg
        await call.hang_up()

    virtual_clock.run(story())


def test_the_newest_picture_is_shown_each_time_and_both_are_remembered() -> None:
    async def story() -> None:
        call = Call(
            "What is this?", "And now?",
            model=ScriptedModel([[LOOK], "Red.", [LOOK], "Blue."], first_token_ms=50, token_ms=20, sees=True), config=TOOLS,
        )  # fmt: skip
        for colour in (RED, BLUE):
            call.transport.pictures["camera"] = picture(colour)
            await call.be_quiet(300)
            await call.speak(1000)
            await call.be_quiet(4000)
        results = [message for message in call.said if message["role"] == "tool"]
        assert [colour_in(message) for message in results] == [RED, BLUE]
        await call.hang_up()

    virtual_clock.run(story())


def test_without_a_camera_the_screen_is_looked_at() -> None:
    async def story() -> None:
        call = seeing([LOOK], "Blue.", config=TOOLS)
        call.transport.pictures["screen"] = picture(BLUE)
        await call.speak(1000)
        await call.be_quiet(4000)
        assert texts_in(prompts(call)[-1][-1]) == ["What the user's screen shows now:"]
        await call.hang_up()

    virtual_clock.run(story())


@pytest.mark.parametrize("sees", [False, True])
def test_what_cannot_be_seen_is_said_to_the_model_instead_of_a_picture(sees: bool) -> None:
    async def story() -> None:
        model = ScriptedModel([[LOOK], "I can't see."], first_token_ms=50, token_ms=20, sees=sees)
        call = Call("What do you see?", model=model, config=TOOLS)
        if not sees:
            call.transport.pictures["camera"] = picture(RED)
        await call.speak(1000)
        await call.be_quiet(4000)
        told = str(prompts(call)[-1][-1]["content"])
        assert ("camera is switched off" if sees else "You cannot see") in told
        assert call.news("server-message") == []
        await call.hang_up()

    virtual_clock.run(story())


@pytest.mark.parametrize("sees", [False, True])
def test_a_picture_that_a_tool_of_the_client_gives_is_shown_and_a_model_without_eyes_is_told_of_it(sees: bool) -> None:
    async def story() -> None:
        model = ScriptedModel([[WrittenCall("draw", {})], "There it is."], sees=sees)
        call = Call(model=model, wanted=Wanted(tools=read_tools([{"name": "draw"}])))
        call.send("send-text", {"content": "Draw the sea."})
        await call.wait(500)
        drawn = [{"type": "text", "text": "Drawn:"}, image_part(picture(BLUE))]
        (began,) = call.news("llm-function-call-in-progress")
        call.send(
            "llm-function-call-result",
            {"function_name": "draw", "tool_call_id": began["tool_call_id"], "result": drawn},
        )
        await call.wait(3000)
        (shown,) = [data for data in call.news("server-message") if data["type"] == "image"]
        assert (shown["source"], shown["width"], shown["height"]) == ("draw", 64, 48)
        told = prompts(call)[-1][-1]
        if sees:
            assert colour_in(told) == BLUE
            assert texts_in(told) == ["Drawn:"]
        else:
            assert told["content"] == f"Drawn:\n{UNSEEN}"
        await call.hang_up()

    virtual_clock.run(story())


@pytest.mark.parametrize(("sees", "sources"), [(True, ["camera"]), (True, []), (False, ["camera", "screen"])])
def test_a_client_is_told_what_can_be_seen(sees: bool, sources: list[str]) -> None:
    async def story() -> None:
        call = Call(model=ScriptedModel(sees=sees))
        for source in sources:
            call.transport.pictures[source] = picture(RED)  # type: ignore[index]
        call.send("client-ready", HELLO)
        capabilities = call.news("bot-ready")[-1]["capabilities"]
        assert capabilities["video_in"] is (sees and "camera" in sources)
        assert capabilities["screen_in"] is False
        assert capabilities["audio_in"] is capabilities["audio_out"] is True
        await call.hang_up()

    virtual_clock.run(story())


# --- files -----------------------------------------------------------------------------------------------------------------


def test_a_picture_is_sent_and_answered() -> None:
    async def story() -> None:
        call = seeing("It is red.")
        call.send("send-file", file(picture(RED).jpeg, content="What colour is it?"))
        await call.wait(2000)
        (asked,) = [message for message in prompts(call)[-1] if message["role"] == "user"]
        assert colour_in(asked) == RED
        assert texts_in(asked) == ["What colour is it?"]
        assert "".join(data["text"] for data in call.news("bot-llm-text")) == "It is red."
        assert "bot-started-speaking" in call.types
        await call.hang_up()

    virtual_clock.run(story())


def test_a_question_right_behind_a_picture_finds_it_there() -> None:
    async def story() -> None:
        call = seeing()
        call.send("send-file", file(picture(RED).jpeg, run_immediately=False))
        call.send("send-text", {"content": "What is it?"})
        await call.wait(2000)
        (prompt,) = prompts(call)
        assert colour_in(prompt[-1]) == RED
        assert texts_in(prompt[-1]) == ["What is it?"]
        await call.hang_up()

    virtual_clock.run(story())


def test_an_answer_to_a_file_can_be_silent_and_interrupts() -> None:
    async def story() -> None:
        call = seeing("One two three four five six seven eight.", "A letter.")
        call.send("send-text", {"content": "Count."})
        await call.wait(1500)
        call.send("send-file", file(b"Dear Anna", "text/plain", "letter.txt", "What is it?", audio_response=False))
        await call.wait(3000)
        assert "bot-interrupted" in call.types
        assert prompts(call)[-1][-1]["content"] == "(The file letter.txt:)\nDear Anna\n\nWhat is it?"
        assert call.types.count("bot-started-speaking") == 1
        assert call.news("bot-output")[-1]["will_be_spoken"] is False
        await call.hang_up()

    virtual_clock.run(story())


def test_a_text_needs_no_eyes_and_a_picture_does() -> None:
    async def story() -> None:
        call = Call(replies=["Hello Anna."])
        refused = await call.ask("send-file", file(picture(RED).jpeg))
        assert "scripted cannot see" in refused["error"]
        assert call.said == []
        call.send("send-file", file(b"Dear Anna", "text/markdown"))
        await call.wait(2000)
        assert prompts(call)[0][-1]["content"] == "(A file:)\nDear Anna"
        await call.hang_up()

    virtual_clock.run(story())


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (file(b"nothing of the kind"), "JPEG, PNG, WebP and GIF"),
        (file(b"%PDF\0", "application/pdf", "a.pdf"), "a.pdf (application/pdf) cannot be read"),
        (file(b"word " * 5000, "text/plain"), "too long"),
        (file(b"x" * 5000, "text/plain"), "too large: at most 4000 bytes"),
        ({"content": "", "file": {"format": "image/png", "source": {"bytes": "***"}}}, "not valid base64"),
        ({"content": "", "file": {"format": "image/png", "source": {"url": "pipecat:" + "0" * 32}}}, "Upload it again"),
        ({"content": "", "file": {"format": "image/png", "source": {"url": "http://127.0.0.1/a.png"}}}, "server.fetch_from"),
        ({"content": "", "file": {"format": "image/png", "source": {"url": "file:///etc/passwd"}}}, "server.fetch_from"),
        ({"content": "", "file": {"format": "image/png", "source": {}}}, "either `bytes` or `url`"),
    ],
)
def test_what_cannot_be_used_is_refused_and_the_conversation_goes_on(data: dict[str, Any], error: str) -> None:
    async def story() -> None:
        limit = 4000 if "4000" in error else 100_000
        model = ScriptedModel(sees=True, context_tokens=1024)
        config = replace(CONFIG, llm=replace(CONFIG.llm, context_tokens=1024))
        call = Call(model=model, config=config, files=FileRules(max_bytes=limit))
        id = call.send("send-file", data)
        call.send("send-text", {"content": "Are you there?"})
        await call.wait(2000)
        (refused,) = [message for message in call.messages if message.get("id") == id]
        assert refused["type"] == "error-response"
        assert error in json.dumps(refused["data"], ensure_ascii=False)
        assert [message["content"] for message in prompts(call)[0][1:]] == ["Are you there?"]
        await call.hang_up()

    virtual_clock.run(story())


def test_an_uploaded_file_is_given_by_its_url_once() -> None:
    async def story() -> None:
        uploads = Uploads()
        url, _ = uploads.keep(picture(BLUE).jpeg, name="sea.jpg", declared=None)
        call = seeing("Blue.", files=FileRules(uploads=uploads))
        sent = {"content": "Where?", "file": {"name": "sea.jpg", "format": "image/jpeg", "source": {"type": "url", "url": url}}}
        call.send("send-file", sent)
        await call.wait(2000)
        assert colour_in(prompts(call)[0][-1]) == BLUE
        assert "Upload it again" in (await call.ask("send-file", sent))["error"]
        await call.hang_up()

    virtual_clock.run(story())


def test_the_context_is_told_without_the_pictures_bytes() -> None:
    async def story() -> None:
        call = seeing("Red.")
        call.send("send-file", file(picture(RED, 800, 600).jpeg, content="What is it?"))
        await call.wait(2000)
        told = await call.request("llm:get_context")
        assert told["messages"][1]["content"] == [
            {"type": "image_url", "image_url": {"url": "data:"}},
            {"type": "text", "text": "What is it?"},
        ]
        await call.hang_up()

    virtual_clock.run(story())


def test_a_picture_that_is_larger_than_a_message_comes_in_chunks() -> None:
    async def story() -> None:
        call = seeing([LOOK], "Noise.", config=TOOLS)
        noise = np.random.default_rng(1).integers(0, 255, (400, 600, 3), dtype=np.uint8)
        call.transport.pictures["camera"] = from_rgb(noise)
        await call.speak(1000)
        await call.be_quiet(4000)
        assert max(len(text) for text in call.transport.messages) <= 60_000
        data = joined([data for data in call.news("server-message") if data["type"] == "chunk"])
        assert base64.b64decode(data["bytes"]) == call.transport.pictures["camera"].jpeg
        await call.hang_up()

    virtual_clock.run(story())
