"""What a client asks for in writing: text, context, options, functions, and nonsense."""

from __future__ import annotations

from typing import Any

from tests.browser.conformance.feature import asked, configure, needs, one
from tests.browser.conformance.talk import GET_WEATHER, PRESS, WEATHER, Refused, Talk
from tests.browser.fake_server import until


def writes(talk: Talk) -> None:
    needs(talk.has("write"))
    talk.quiet()
    talk.begin()
    talk.page.evaluate("takePeak()")
    talk.do("write", "Written.", {"run_immediately": True, "audio_response": False})
    talk.until("BotLlmStopped")
    assert "".join(data["text"] for data in talk.given("BotLlmText")) == "You said: Written."
    if talk.knows("onBotOutput"):
        output = talk.until("BotOutput")
        assert output["text"] == "You said: Written."
        assert output["will_be_spoken" if talk.client.major == 2 else "spoken"] is False
    talk.page.wait_for_timeout(300)
    assert "BotStartedSpeaking" not in talk.names()
    assert talk.page.evaluate("takePeak()") < 0.02
    talk.begin()
    talk.do("write", "Say it.", {})
    talk.until("BotStoppedSpeaking")


def writes_without_an_answer(talk: Talk) -> None:
    needs(talk.has("write"))
    talk.begin()
    talk.do("write", "Only to know.", {"run_immediately": False})
    talk.do("write", "And now?", {"audio_response": False})
    talk.until("BotLlmStopped")
    assert asked(talk).endswith("Only to know. And now?"), asked(talk)


def appends(talk: Talk) -> None:
    talk.quiet()
    talk.begin()
    assert talk.do("append", "My name is Anna.", False) is True
    assert "BotLlmStarted" not in talk.names()
    assert talk.do("append", "Who am I?", True) is True
    talk.until("BotStoppedSpeaking")
    assert asked(talk).endswith("My name is Anna. Who am I?"), asked(talk)


def exchanges_the_context(talk: Talk) -> None:
    held = [{"role": "user", "content": "My name is Anna."}, {"role": "assistant", "content": "Hello Anna."}]
    talk.quiet()
    if talk.has("ask"):
        talk.do("ask", "context:set", {"messages": held})
        known = talk.do("ask", "context:get", {})["messages"]
    else:
        assert talk.do("act", "llm", "set_context", {"messages": held}) is True
        known = talk.do("context")["messages"]
    assert known[-2:] == held
    assert not [message for message in known[:-2] if message["role"] != "system"]
    talk.begin()
    talk.do("append", "Who am I?", True)
    talk.until("BotStoppedSpeaking")
    assert [message["content"] for message in talk.appliance.model.prompts[-1][-3:]][:2] == [m["content"] for m in held]


def requests(talk: Talk) -> None:
    needs(talk.has("ask"))
    context = talk.do("ask", "context:get", {})
    assert context["messages"][0]["role"] == "system"
    talk.begin()
    try:
        talk.do("ask", "nobody", {})
    except Refused as refused:
        assert "No handler for client message nobody" in str(refused)
    else:
        raise AssertionError("a request that nobody knows was answered")
    error = talk.until("MessageError")
    assert "No handler" in error["data"]["error"] == error["data"]["message"]


def acts(talk: Talk) -> None:
    needs(talk.has("act"))
    assert {"service": "tts", "action": "interrupt"}.items() <= one(talk.do("actions"), action="interrupt").items()
    assert talk.do("context")["messages"][0]["role"] == "system"
    talk.quiet()
    talk.begin()
    assert talk.do("act", "tts", "say", {"text": "This was asked for.", "interrupt": True}) is True
    talk.until("BotStoppedSpeaking")
    assert " ".join(data["text"] for data in talk.given("BotTtsText")) == "This was asked for."
    try:
        talk.do("act", "llm", "foo")
    except Refused as refused:
        assert "llm:foo not registered" in str(refused)
    else:
        raise AssertionError("an action that nobody knows was done")


def acts_alone(talk: Talk) -> None:
    needs(talk.has("act"))
    result = talk.do("act", "llm", "get_context")
    assert result["messages"][0]["role"] == "system"


def configures(talk: Talk) -> None:
    refuse: Any
    if talk.has("update"):
        speed = next(o for o in one(talk.do("describe"), name="tts")["options"] if o["name"] == "speed")
        assert speed["type"] == "number"
        change = [{"service": "tts", "options": [{"name": "speed", "value": 2.0}]}]
        assert talk.do("update", change) == talk.do("config")
        options = {option["name"]: option["value"] for option in one(talk.do("config"), service="tts")["options"]}
        assert options["speed"] == 2.0
        refuse = [{"service": "tts", "options": [{"name": "pitch", "value": 2.0}]}]
    else:
        assert talk.do("ask", "config:update", {"config": {"tts": {"speed": 2.0}}})["config"]["tts"]["speed"] == 2.0
        assert talk.do("ask", "config:get", {})["config"]["tts"]["speed"] == 2.0
        refuse = {"config": {"tts": {"pitch": 2.0}}}
    try:
        talk.do("update", refuse) if talk.has("update") else talk.do("ask", "config:update", refuse)
    except Refused as refused:
        assert "There is no option 'pitch' of tts" in str(refused)
    else:
        raise AssertionError("an option that is not there was set")


def is_told_of_another_model(talk: Talk) -> None:
    talk.begin()
    configure(talk, "llm", "model", "other")
    if talk.has("update"):
        talk.until("GenericMessage", lambda given: "config" in (given or {}))
    else:
        talk.until("ServerMessage", lambda given: given["type"] == "config-updated")


def runs_functions(talk: Talk) -> None:
    """The client is asked once, whatever its version, and what it answers is spoken."""
    talk.quiet()
    talk.do("handle", "get_weather", "64 degrees and foggy")
    configure(talk, "llm", "tools", [GET_WEATHER])
    try:
        talk.ask(WEATHER)
        talk.until("BotStoppedSpeaking")
    finally:
        configure(talk, "llm", "tools", [])
    assert " ".join(data["text"] for data in talk.given("BotTtsText")) == "I was told: 64 degrees and foggy"
    calls = [(call["functionName"], call["arguments"]) for call in talk.page.evaluate("calls")]
    assert calls == [("get_weather", {"location": "Oslo"})]


def cancels_functions(talk: Talk) -> None:
    """What interrupts the bot ends the call that it waits for; its result, when it comes, is not told."""
    talk.quiet()
    talk.do("handleLate", "get_weather")
    configure(talk, "llm", "tools", [GET_WEATHER])
    try:
        talk.ask(WEATHER)
        until(lambda: talk.page.evaluate("'answerLate' in window"), "the call")
        # Whoever goes on within a second and a half is taken to go on with their own turn.
        talk.page.wait_for_timeout(1600)
        talk.ask("How are you?")
        if talk.knows("onLLMFunctionCallStopped") and talk.client.major == 2:
            assert talk.until("LLMFunctionCallStopped")["cancelled"] is True
        until(lambda: asked(talk).endswith("How are you?"), "the question")
        talk.page.evaluate("answerLate('64 degrees and foggy')")
        talk.until("BotStoppedSpeaking")
        talk.page.wait_for_timeout(300)
    finally:
        configure(talk, "llm", "tools", [])
    assert "I was told: 64" not in " ".join(data["text"] for data in talk.given("BotTtsText"))


def presses_keys(talk: Talk) -> None:
    needs(talk.has("press"))
    talk.quiet()
    talk.begin()
    talk.do("press", "12#")
    talk.until("UserLlmText", lambda given: given["text"] == "(The caller pressed 1 2 #)")
    talk.until("BotStoppedSpeaking")


def tells_of_its_page(talk: Talk) -> None:
    needs(talk.has("uiEvent"))
    talk.do("uiEvent", "opened", {"menu": "file"})
    held = talk.do("ask", "context:get", {})["messages"]
    assert 'On the user\'s screen: opened: {"menu": "file"}' in str(held[-1]["content"])


def does_what_the_bot_wants_of_its_page(talk: Talk) -> None:
    needs(talk.knows("onUICommand"))
    talk.quiet()
    talk.begin()
    configure(talk, "tools", "builtin", ["act_on_page"])
    tree = {"root": {"ref": "e1", "role": "main", "children": [{"ref": "e2", "role": "button"}]}, "captured_at": 1}
    talk.do("send", {"label": "rtvi-ai", "type": "ui-snapshot", "id": "s1", "data": {"tree": tree}})
    try:
        talk.do("append", PRESS, True)
        assert talk.until("UICommand") == {"command": "click", "payload": {"ref": "e2"}}
        talk.until("BotStoppedSpeaking")
    finally:
        configure(talk, "tools", "builtin", [])


def survives_nonsense(talk: Talk) -> None:
    talk.quiet()
    talk.begin()
    talk.do("send", {"label": "rtvi-ai", "type": "nonsense", "id": "n1", "data": {}})
    error = talk.until("MessageError")
    assert (error["id"], error["data"]["error"]) == ("n1", "Unsupported type nonsense")
    talk.do("send", {"label": "rtvi-ai", "type": "send-text", "id": "n2", "data": {"content": 7}})
    until(lambda: len(talk.given("MessageError")) == 2, "second refusal")
    talk.do("append", "Are you there?", True)
    talk.until("BotStoppedSpeaking")
