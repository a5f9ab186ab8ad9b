"""`python -m rtvi_local.bench.tools`: are tools called when they are asked for, and only then? By voice, over real WebRTC.

The project's own voice asks; a caller that has the tools answers each call with a result that cannot be guessed; what the bot
says must contain it. Every utterance begins a conversation of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rtvi_local.bench.caller import Caller
from rtvi_local.bench.server_process import ServerProcess
from rtvi_local.bench.speech import synthesize
from rtvi_local.bench.words import normalised_words
from rtvi_local.engines.interfaces import Voice

ANSWERED_S = 60

Json = dict[str, Any]


def _tool(name: str, description: str, **properties: Json) -> Json:
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {"name": name, "description": description, "input_schema": schema}


WEATHER = _tool(
    "get_weather",
    "Get the current weather in a given location",
    location={"type": "string", "description": "The city and state, e.g. San Francisco, CA"},
)
"""As in RTVI's founding document."""
HOME = (
    _tool("turn_on_light", "Turn on the light in a room", room={"type": "string"}),
    _tool("set_thermostat", "Set the thermostat to a temperature", degrees={"type": "number", "description": "Celsius"}),
    _tool("play_music", "Play a song or music of an artist", query={"type": "string", "description": "Artist, song or genre"}),
    _tool("add_to_shopping_list", "Add an item to the shopping list", item={"type": "string"}),
)


@dataclass(frozen=True, slots=True)
class Question:
    text: str
    tool: str
    argument: str
    """What its arguments must contain."""


WEATHER_QUESTIONS = (
    Question("What is the weather in San Francisco?", "get_weather", "san francisco"),
    Question("How is the weather in Boston today?", "get_weather", "boston"),
    Question("Is it raining in London right now?", "get_weather", "london"),
    Question("Tell me the current weather in Tokyo.", "get_weather", "tokyo"),
    Question("Do I need an umbrella in Seattle?", "get_weather", "seattle"),
    Question("How warm is it in Madrid at the moment?", "get_weather", "madrid"),
    Question("Can you check the weather for Berlin?", "get_weather", "berlin"),
    Question("What is it like outside in Chicago?", "get_weather", "chicago"),
    Question("I am flying to Denver. What is the weather there?", "get_weather", "denver"),
    Question("Is it sunny in Chicago today?", "get_weather", "chicago"),
)
RESULTS = (
    ("64 degrees and foggy", ("64", "foggy")),
    ("18 degrees and sunny", ("18", "sunny")),
    ("41 degrees with heavy rain", ("41", "rain")),
    ("73 degrees and windy", ("73", "windy")),
)
"""What the weather is, in turn, and what of it must be said."""
HOME_QUESTIONS = (
    Question("Turn on the light in the kitchen.", "turn_on_light", "kitchen"),
    Question("Please switch on the lamp in the bedroom.", "turn_on_light", "bedroom"),
    Question("Set the thermostat to twenty one degrees.", "set_thermostat", "21"),
    Question("Make it nineteen degrees in here.", "set_thermostat", "19"),
    Question("Play some jazz.", "play_music", "jazz"),
    Question("I want to hear a song by the Beatles.", "play_music", "beatles"),
    Question("Put milk on the shopping list.", "add_to_shopping_list", "milk"),
    Question("We need eggs, add them to the list.", "add_to_shopping_list", "eggs"),
)
DONE: tuple[str, tuple[str, ...]] = ("It is done.", ())
"""Of what these tools do there is nothing to be repeated."""
SMALL_TALK = (
    "Hello, how are you today?",
    "My name is Anna.",
    "What is the capital of France?",
    "Tell me a joke, please.",
    "Thank you very much.",
    "Who wrote Romeo and Juliet?",
    "I had a long day at work.",
    "Why is the sky blue?",
    "I went to San Francisco last summer.",
    "Do you like rainy days?",
)


@dataclass(frozen=True, slots=True)
class Outcome:
    said: str
    wanted: str | None
    """The tool that it asks for, if it asks for one."""
    called: tuple[str, ...]
    rightly: bool
    """The tool that was wanted was called, once, with the argument that was said; or none was wanted and none called."""
    answer: str
    has_result: bool
    """What the bot said contains what the tool found out."""
    first_sound_ms: float | None
    """From the end of what was said to the bot's first sound, the tool's own time (none) included."""

    @property
    def good(self) -> bool:
        return self.rightly and (self.wanted is None or self.has_result)


def judged(
    said: str, question: Question | None, calls: Sequence[Json], answer: str, result: Sequence[str], sound_ms: float | None
) -> Outcome:
    names = tuple(call["function_name"] for call in calls)
    if question is None:
        return Outcome(said, None, names, not names, answer, False, sound_ms)
    fits = names == (question.tool,) and question.argument in json.dumps(calls[0]["arguments"]).lower()
    words = normalised_words(answer)
    has_result = all(any(word == heard for heard in words) for part in result for word in normalised_words(part))
    return Outcome(said, question.tool, names, fits, answer, has_result, sound_ms)


async def ask(url: str, voice: Voice, tools: Sequence[Json], text: str, question: Question | None, number: int) -> Outcome:
    """One conversation of one turn."""
    content, must_say = RESULTS[number % len(RESULTS)] if question and question.tool == "get_weather" else DONE
    async with Caller(url, request_data={"tools": list(tools)}) as caller:
        await asyncio.sleep(0.5)
        answered: set[str] = set()

        def answer_calls() -> None:
            for message in caller.messages:
                if message.type == "llm-function-call-in-progress" and message.data["tool_call_id"] not in answered:
                    answered.add(message.data["tool_call_id"])
                    caller.send("llm-function-call-result", {**message.data, "result": content})

        def over() -> bool:
            answer_calls()
            return is_answered([message.type for message in caller.messages])

        said = caller.say(await synthesize(voice, text))
        await said.done.wait()
        await caller.wait_until(over, "no answer", timeout_s=ANSWERED_S)
        calls = [m.data for m in caller.messages if m.type == "llm-function-call-in-progress"]
        words = "".join(m.data["text"] for m in caller.messages if m.type == "bot-llm-text").strip()
        sounded_ms = caller.first_sound_after(said.last_sound_ms)
        waited_ms = None if sounded_ms is None else sounded_ms - said.last_sound_ms
        return judged(text, question, calls, words, must_say, waited_ms)


def is_answered(types: Sequence[str]) -> bool:
    """Whether the bot has spoken to its end after the person last did. A sentence with a pause in it may be answered in the
    pause and once more, whole: what was interrupted was not the answer."""
    edges = ("user-started-speaking", "user-stopped-speaking", "bot-interrupted", "bot-stopped-speaking")
    last = [type for type in types if type in edges][-2:]
    return last[-1:] == ["bot-stopped-speaking"] and last[0] != "bot-interrupted"


async def measure(url: str, voice: Voice, parts: Sequence[str], tell: Callable[[str], None]) -> list[Outcome]:
    """Ask all that belongs to `parts`: "weather", "home", "talk" (small talk, with all the tools)."""
    outcomes: list[Outcome] = []
    asked: list[tuple[Sequence[Json], str, Question | None]] = []
    if "weather" in parts:
        asked += [((WEATHER,), question.text, question) for question in WEATHER_QUESTIONS]
    if "home" in parts:
        asked += [((WEATHER, *HOME), question.text, question) for question in HOME_QUESTIONS]
    if "talk" in parts:
        asked += [((WEATHER,), text, None) for text in SMALL_TALK]
    if "talk-home" in parts:
        asked += [((WEATHER, *HOME), text, None) for text in SMALL_TALK]
    for number, (tools, text, question) in enumerate(asked):
        outcomes.append(await ask(url, voice, tools, text, question, number))
        tell(line(outcomes[-1]))
    return outcomes


def line(outcome: Outcome) -> str:
    called = ", ".join(outcome.called) or "no call"
    mark = "ok " if outcome.good else "BAD"
    return f"{mark} {outcome.said:<52} {called:<24} {outcome.answer}"


def table(outcomes: Sequence[Outcome]) -> str:
    """The three figures."""
    asked = [outcome for outcome in outcomes if outcome.wanted is not None]
    talked = [outcome for outcome in outcomes if outcome.wanted is None]
    waits = sorted(o.first_sound_ms for o in asked if o.first_sound_ms is not None)
    rows = [
        ("tool called, and with what was said", sum(o.rightly for o in asked), len(asked)),
        ("and its result is in the spoken answer", sum(o.good for o in asked), len(asked)),
        ("tool called although none was asked for", sum(bool(o.called) for o in talked), len(talked)),
    ]
    lines = [f"{name:<42} {count:>3} of {total}" for name, count, total in rows if total]
    if waits:
        lines.append(f"{'end of the question to first sound, median':<42} {waits[len(waits) // 2]:>6.0f} ms")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m rtvi_local.bench.tools", description=__doc__)
    parser.add_argument("--parts", default="weather,home,talk,talk-home", help="what is asked (default: %(default)s)")
    parser.add_argument("--preset", default="laptop", help="models of the appliance (default laptop)")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write what happened there as JSON")
    arguments = parser.parse_args()

    def tell(text: str) -> None:
        print(text, file=sys.stderr, flush=True)  # noqa: T201

    with ServerProcess(("--preset", arguments.preset)) as server:
        voice = _voice()
        try:
            outcomes = server.run(measure(server.url, voice, arguments.parts.split(","), tell))
        finally:
            voice.close()
    if arguments.save:
        arguments.save.write_text(json.dumps([asdict(each) for each in outcomes], indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(table(outcomes) + "\n")
    return 0 if all(outcome.good for outcome in outcomes) else 1


def _voice() -> Any:
    from rtvi_local.config_sources import load_config
    from rtvi_local.engines.piper import PiperVoice
    from rtvi_local.model_store import open_store

    store = open_store(load_config({}, file=None, environment=os.environ).config.models.directory)
    return PiperVoice.load(store.path(store.preset("laptop").tts), device="cpu", threads=os.cpu_count() or 1)


if __name__ == "__main__":
    sys.exit(main())
