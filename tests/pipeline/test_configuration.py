"""Options changed in the middle of whole conversations, in virtual time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from rtvi_local import virtual_clock
from rtvi_local.config import Models, Tts, Vad
from rtvi_local.engine_pool import Kind, Lease
from rtvi_local.engines.fakes import EchoTranscriber, ScriptedModel, ToneVoice
from rtvi_local.engines.interfaces import EngineError
from rtvi_local.engines.sampling import Sampling
from rtvi_local.pipeline.configurator import Configurator
from rtvi_local.pipeline.frames import Prompt, ReplyStarted
from rtvi_local.pipeline.options import OptionError, wanted
from rtvi_local.pipeline.request_data import read_options
from tests.pipeline.test_conversation import CONFIG, Call

NAMED = replace(CONFIG, models=Models(stt="ears", llm="first", tts="tone"))
COUNT = "One two three four five six seven eight nine ten."


@dataclass
class FakeShelf:
    """Engines that take a second to load."""

    engines: dict[tuple[Kind, str], Any]
    leased: list[str] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    load_s: float = 1.0

    def installed(self, kind: Kind) -> tuple[str, ...]:
        return tuple(name for of, name in self.engines if of == kind)

    async def look_again(self) -> None:
        await asyncio.sleep(0)

    async def lease(self, kind: Kind, name: str) -> Lease:
        await asyncio.sleep(self.load_s)
        engine = self.engines[kind, name]
        if isinstance(engine, Exception):
            raise engine
        self.leased.append(name)
        return Lease(engine, lambda: self.released.append(name))


def shelf(**more: Any) -> FakeShelf:
    return FakeShelf(
        {
            ("llm", "first"): ScriptedModel(),
            ("llm", "second"): ScriptedModel(["I am the second."] * 3, max_sessions=1),
            ("llm", "broken"): EngineError("broken.gguf is broken"),
            ("tts", "slow"): ToneVoice(character_ms=120),
            ("stt", "other"): EchoTranscriber(["Heard by the other."]),
        },
        **more,
    )


def values(answer: Any) -> dict[tuple[str, str], Any]:
    return {(of["service"], each["name"]): each.get("value") for of in answer["config"] for each in of["options"]}


def test_describe_get_and_update_config_are_answered_as_0_x_wants_it() -> None:
    async def story() -> None:
        call = Call(config=NAMED, hello={})
        (ready,) = call.news("bot-ready")
        assert ready["version"] == "0.3.0"
        assert values(ready)["llm", "model"] == "first"
        available = await call.ask("describe-config")
        (vad,) = [service for service in available["config"] if service["name"] == "vad"]
        (stop,) = [option for option in vad["options"] if option["name"] == "stop_ms"]
        assert (stop["type"], stop["default"], stop["minimum"], stop["maximum"]) == ("number", Vad().stop_ms, 32, 2000)
        assert (stop["unit"], stop["applies"]) == ("ms", "now")
        assert values(await call.ask("get-config")) == values(ready)
        update = {"config": [{"service": "llm", "options": [{"name": "temperature", "value": 0.1}]}], "interrupt": False}
        assert values(await call.ask("update-config", update))["llm", "temperature"] == 0.1
        assert values(await call.ask("get-config"))["llm", "temperature"] == 0.1
        await call.hang_up()

    virtual_clock.run(story())


def described(available: Any, service: str, name: str) -> Any:
    (of,) = [each for each in available["config"] if each["name"] == service]
    (option,) = [each for each in of["options"] if each["name"] == name]
    return option


def test_the_options_are_described_with_this_appliances_settings_and_models() -> None:
    async def story() -> None:
        config = replace(NAMED, llm=replace(NAMED.llm, temperature=0.2), tts=Tts(speed=1.5))
        call = Call(config=config, shelf=shelf(), hello={}, wanted=read_options({"llm": {"temperature": 0.9}}))
        available = await call.ask("describe-config")
        temperature = described(available, "llm", "temperature")
        assert temperature["default"] == 0.2, "and not what the client wanted"
        assert described(available, "tts", "speed")["default"] == 1.5
        model = described(available, "llm", "model")
        assert (model["default"], model["choices"]) == ("first", ["first", "second", "broken"])
        assert described(available, "stt", "model")["choices"] == ["other"]
        assert described(available, "tts", "voice")["choices"] == described(available, "tts", "model")["choices"] == ["slow"]
        assert described(available, "tts", "model")["default"] == "tone"
        await call.hang_up()

    virtual_clock.run(story())


def test_chance_chooses_as_the_client_wants_it_from_the_next_answer_on() -> None:
    async def story() -> None:
        call = Call(config=NAMED)
        call.send("send-text", {"content": "Hi."})
        await call.wait(2000)
        wanted = {"top_k": 5, "top_p": 0.5, "repeat_penalty": 1.2, "seed": 7}
        answer = await call.request("configure", {"llm": wanted})
        assert wanted.items() <= answer["config"]["llm"].items()
        call.send("send-text", {"content": "Hi."})
        await call.wait(2000)
        assert isinstance(call.model, ScriptedModel)
        assert call.model.sampled == [Sampling(), Sampling(5, 0.5, 1.2, 7)]
        await call.hang_up()

    virtual_clock.run(story())


def test_a_language_of_the_voice_is_taken_in_the_form_of_0_x_and_another_voice_speaks_it() -> None:
    async def story() -> None:
        german = ToneVoice(language="de", character_ms=20)

        async def voice_for(language: str) -> Any:
            return german if language == "de" else None

        call = Call(config=NAMED, hello={})
        options = [{"name": "language", "value": "de-DE"}]
        call.conversation._options.engines = replace(call.conversation._options.engines, voice_for=voice_for)
        answer = await call.ask("update-config", {"config": [{"service": "tts", "options": options}]})
        assert values(answer)["tts", "language"] == "de"
        await call.request("tts:say", {"text": "Guten Tag."})
        await call.wait(2000)
        assert german.spoken == ["Guten Tag."]
        await call.hang_up()

    virtual_clock.run(story())


def test_an_update_that_cannot_be_made_changes_nothing_and_says_why() -> None:
    async def story() -> None:
        call = Call(config=NAMED)
        refused = await call.request("configure", {"llm": {"temperature": 0.1}, "tts": {"speed": 99}})
        assert refused == "tts.speed is 99.0; allowed is a number from 0.5 to 2."
        refused = await call.request("configure", {"llm": {"temperature": 0.1}, "tts": {"speaker": 7}})
        assert refused == "voice tone has 1 speaker(s), so tts.speaker cannot be 7"
        assert (await call.request("config:get"))["config"]["llm"]["temperature"] == 0.6
        assert (await call.request("config:update", {"conf": {}})).startswith("config:update takes")
        await call.hang_up()

    virtual_clock.run(story())


def test_the_reply_under_way_goes_on_as_it_began_and_the_next_one_is_as_configured() -> None:
    async def story() -> None:
        call = Call(replies=[COUNT, COUNT], config=NAMED)

        async def duration_ms() -> float:
            call.send("send-text", {"content": "Count."})
            await call.be_quiet(12_000)
            audible = [at_ms for at_ms, samples in call.transport.audio if samples.any()]
            sounding = [at_ms for at_ms in audible if at_ms > call.now_ms - 12_000]
            return sounding[-1] - sounding[0]

        normal_ms = await duration_ms()
        call.send("send-text", {"content": "Count."})
        await call.be_quiet(1000)
        answer = await call.request("configure", {"tts": {"speed": 2}})
        assert answer["config"]["tts"]["speed"] == 2
        await call.be_quiet(11_000)
        assert "bot-interrupted" not in call.types
        fast_ms = await duration_ms()
        assert fast_ms < 0.6 * normal_ms
        await call.hang_up()

    virtual_clock.run(story())


def test_turn_taking_changes_while_the_conversation_goes_on() -> None:
    async def story() -> None:
        call = Call("Hello.", "Hello again.", replies=["Yes?", "Yes."], config=NAMED)

        async def answered_after_ms() -> float:
            await call.speak(800)
            spoken_ms = call.now_ms
            await call.be_quiet(4000)
            return next(at_ms for at_ms, samples in call.transport.audio if at_ms > spoken_ms and samples.any()) - spoken_ms

        quick_ms = await answered_after_ms()
        await call.request("configure", {"phrase_endpointing": {"vad_timeout": 1000}})
        assert quick_ms < 500 < 950 < await answered_after_ms()
        await call.hang_up()

    virtual_clock.run(story())


def test_without_the_turn_detector_silence_alone_ends_a_turn() -> None:
    async def story() -> None:
        call = Call("Tell me a story.", replies=["Once."], probabilities=[0.1], config=NAMED)
        await call.request("configure", {"phrase_endpointing": {"detector": False, "wait_unjudged_ms": 400}})
        await call.speak(800)
        await call.be_quiet(1000)
        assert "bot-started-speaking" in call.types, "the detector's opinion would have made it wait for longer"
        await call.hang_up()

    virtual_clock.run(story())


def test_another_model_answers_as_soon_as_it_is_loaded_and_not_before() -> None:
    async def story() -> None:
        available = shelf()
        call = Call(replies=["I am the first."] * 3, config=NAMED, shelf=available)
        answer = await call.request("configure", {"llm": {"model": "second"}})
        assert answer["config"]["llm"]["model"] == "first", "what is in force, not what is on its way"
        call.send("send-text", {"content": "Who are you?"})
        await call.be_quiet(3000)
        assert [message["content"] for message in call.said] == ["Who are you?", "I am the first."]
        (news,) = call.news("server-message")
        assert (news["type"], news["config"]["llm"]["model"]) == ("config-updated", "second")
        call.send("send-text", {"content": "And you?"})
        await call.be_quiet(3000)
        assert call.said[-1]["content"] == "I am the second."
        assert isinstance(call.model, ScriptedModel)
        assert call.model._free_sessions == 4, "the place in the model before was given back"
        second = available.engines["llm", "second"]
        assert second._free_sessions == 0
        await call.hang_up()
        assert (second._free_sessions, available.released) == (1, ["second"])

    virtual_clock.run(story())


def test_a_model_that_comes_in_mid_reply_is_used_from_the_next_turn_and_the_old_one_freed_then() -> None:
    async def story() -> None:
        available = shelf()
        available.engines["llm", "third"] = ScriptedModel([COUNT], token_ms=150)
        call = Call(replies=["Hi."], config=NAMED, shelf=available)
        await call.request("configure", {"llm": {"model": "third"}})
        await call.be_quiet(1500)
        call.send("send-text", {"content": "Count."})
        await call.request("configure", {"llm": {"model": "second"}})
        await call.be_quiet(1200)
        assert (available.leased, available.released) == (["third", "second"], [])
        await call.be_quiet(9000)
        assert call.said[-1]["content"] == COUNT
        call.send("send-text", {"content": "Who are you?"})
        await call.be_quiet(3000)
        assert call.said[-1]["content"] == "I am the second."
        assert available.released == ["third"]
        await call.hang_up()

    virtual_clock.run(story())


def test_the_newest_of_two_wishes_counts() -> None:
    async def story() -> None:
        available = shelf()
        call = Call(config=NAMED, shelf=available)
        await call.request("configure", {"llm": {"model": "second"}})
        await call.request("configure", {"llm": {"model": "first"}})
        await call.be_quiet(2500)
        assert (await call.request("config:get"))["config"]["llm"]["model"] == "first"
        assert available.leased == []
        await call.hang_up()

    virtual_clock.run(story())


def test_another_voice_speaks_and_another_ear_listens() -> None:
    async def story() -> None:
        available = shelf()
        call = Call("Heard by the first.", "Not heard.", replies=["Yes.", "Yes."], config=NAMED, shelf=available)
        await call.request("configure", {"tts": {"voice": "slow"}, "stt": {"model": "other"}})
        await call.be_quiet(1500)
        await call.speak(800)
        await call.be_quiet(3000)
        assert call.said[0]["content"] == "Heard by the other."
        slow = available.engines["tts", "slow"]
        assert slow.spoken == ["Yes."]
        await call.hang_up()
        assert sorted(available.released) == ["other", "slow"]

    virtual_clock.run(story())


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"llm": {"model": "gpt-4o-mini"}}, "llm.model 'gpt-4o-mini' is not installed. Installed: first, second, broken. "),
        ({"tts": {"voice": "id-145768"}}, "tts.voice 'id-145768' is not installed. Installed: slow. "),
        ({"stt": {"model": "huge"}, "tts": {"speed": 2}}, "stt.model 'huge' is not installed. Installed: other. "),
    ],
)
def test_a_model_that_is_not_installed_is_refused_with_those_that_are(config: object, said: str) -> None:
    async def story() -> None:
        call = Call(config=NAMED, shelf=shelf())
        assert (await call.request("configure", config)).startswith(said)
        assert (await call.request("config:get"))["config"]["tts"]["speed"] == 1
        with pytest.raises(OptionError, match="is not installed"):
            Call(config=NAMED, shelf=shelf(), wanted=read_options({"config": config}))
        await call.hang_up()

    virtual_clock.run(story())


@pytest.mark.parametrize("hello", [{}, {"version": "2.1.0"}])
def test_a_model_that_cannot_be_loaded_is_told_and_the_conversation_goes_on(hello: object) -> None:
    async def story() -> None:
        call = Call(replies=["Still here."], config=NAMED, shelf=shelf(), hello=hello)
        await call.request("configure", {"llm": {"model": "broken"}})
        await call.be_quiet(2000)
        (error,) = call.news("error")
        assert (error["error"], error["fatal"]) == ("broken.gguf is broken", False)
        assert bool(call.news("config-error")) == (hello == {})
        call.send("send-text", {"content": "Are you there?"})
        await call.be_quiet(2000)
        assert call.said[-1]["content"] == "Still here."
        await call.hang_up()

    virtual_clock.run(story())


def test_a_model_without_a_free_place_is_not_taken() -> None:
    async def story() -> None:
        available = shelf()
        taken = available.engines["llm", "second"].open_session()
        call = Call(config=NAMED, shelf=available)
        await call.request("configure", {"llm": {"model": "second"}})
        await call.be_quiet(1500)
        assert "every session is taken" in call.news("error")[0]["error"]
        assert available.released == ["second"]
        taken.close()
        await call.hang_up()

    virtual_clock.run(story())


def test_hanging_up_while_a_model_loads_leaves_nothing_behind() -> None:
    async def story() -> None:
        available = shelf()
        call = Call(config=NAMED, shelf=available)
        await call.request("configure", {"llm": {"model": "second"}})
        await call.hang_up()
        await asyncio.sleep(2)
        assert available.leased == []
        assert asyncio.all_tasks() == {asyncio.current_task()}

    virtual_clock.run(story())


def test_a_conversation_begins_as_its_request_wants_it() -> None:
    async def story() -> None:
        want = read_options(
            {
                "systemPrompt": "You are a pirate.",
                "initial_messages": [{"role": "user", "content": "Greet me."}],
                "config": {"llm": {"run_on_config": True, "model": "second"}, "tts": {"speed": 2}},
            }
        )
        call = Call(replies=["Ahoy!"], config=NAMED, wanted=want, shelf=shelf())
        await call.be_quiet(3000)
        assert call.conversation.context.messages == [
            {"role": "system", "content": "You are a pirate."},
            {"role": "user", "content": "Greet me."},
            {"role": "assistant", "content": "Ahoy!"},
        ]
        assert "user-llm-text" not in call.types, "nobody said anything"
        config = (await call.request("config:get"))["config"]
        assert (config["tts"]["speed"], config["llm"]["model"]) == (2, "second")
        await call.hang_up()

    virtual_clock.run(story())


def test_a_new_system_prompt_counts_from_the_next_turn_and_what_was_said_stays() -> None:
    async def story() -> None:
        call = Call(replies=["Hello.", "Ahoy."], config=NAMED)
        call.send("send-text", {"content": "Hi."})
        await call.be_quiet(2000)
        await call.request("configure", {"llm": {"system_prompt": "You are a pirate."}})
        call.send("send-text", {"content": "Hi."})
        await call.be_quiet(2000)
        assert isinstance(call.model, ScriptedModel)
        assert call.model.prompts[1][0]["content"] == "You are a pirate."
        assert [message["role"] for message in call.model.prompts[1]] == ["system", "user", "assistant", "user"]
        await call.hang_up()

    virtual_clock.run(story())


def test_update_config_interrupts_only_if_it_says_so() -> None:
    async def story() -> None:
        call = Call(replies=[COUNT, COUNT], config=NAMED)
        config = [{"service": "llm", "options": [{"name": "temperature", "value": 0.2}]}]
        call.send("send-text", {"content": "Count."})
        await call.be_quiet(1500)
        await call.ask("update-config", {"config": config, "interrupt": False})
        assert "bot-interrupted" not in call.types
        await call.ask("update-config", {"config": config, "interrupt": True})
        assert "bot-interrupted" in call.types
        await call.hang_up()

    virtual_clock.run(story())


def test_a_program_that_was_given_its_engines_says_that_they_stay() -> None:
    async def story() -> None:
        call = Call(config=NAMED)
        assert "cannot be changed here" in await call.request("configure", {"llm": {"model": "x"}})
        with pytest.raises(OptionError):
            Call(config=NAMED, wanted=wanted([("llm", "model", "x")]))
        await call.hang_up()

    virtual_clock.run(story())


def test_a_language_that_the_model_does_not_know_is_refused() -> None:
    class English(EchoTranscriber):
        languages = ("en",)

    async def story() -> None:
        available = shelf()
        available.engines["stt", "english"] = English()
        call = Call(config=NAMED, shelf=available)
        await call.request("configure", {"stt": {"language": "de"}})
        await call.request("configure", {"stt": {"model": "english"}})
        await call.be_quiet(1500)
        assert "does not know stt.language 'de'" in call.news("error")[0]["error"]
        assert available.released == ["english"]
        both = await call.request("configure", {"stt": {"language": "en", "model": "english"}})
        await call.be_quiet(1500)
        assert both["config"]["stt"]["language"] == "en"
        assert (await call.request("config:get"))["config"]["stt"]["model"] == "english"
        assert "It knows: en" in await call.request("configure", {"stt": {"language": "fr"}})
        await call.hang_up()

    virtual_clock.run(story())


def test_what_was_learnt_of_a_persons_pace_outlasts_a_change_of_options() -> None:
    async def story() -> None:
        call = Call(config=NAMED)
        turns = call.conversation._turns
        turns._policy = replace(turns._policy, pace_ms=700)
        await call.request("configure", {"phrase_endpointing": {"vad_timeout": 300}})
        assert (turns._policy.wait_complete_ms, turns._policy.pace_ms) == (300, 700)
        await call.hang_up()

    virtual_clock.run(story())


def test_an_engine_is_freed_only_when_a_newer_prompt_than_it_ever_saw_is_answered() -> None:
    async def story() -> None:
        available = shelf(load_s=0.0)
        call = Call(config=NAMED)
        engines = call.conversation._options._base
        configurator = Configurator(NAMED, engines, available)
        for name in ("slow", "quick"):
            available.engines["tts", name] = ToneVoice()
            await configurator.update(wanted([("tts", "voice", name)]))
            await asyncio.sleep(0.1)
            configurator.observe(Prompt((), 5))
        configurator.observe(Prompt((), 5))
        await configurator.update(wanted([("tts", "voice", "slow")]))
        await asyncio.sleep(0.1)
        configurator.observe(ReplyStarted(5))
        assert "quick" not in available.released, "that reply was asked for before the exchange, and may speak with it"
        configurator.observe(Prompt((), 6))
        configurator.observe(ReplyStarted(6))
        assert "quick" in available.released
        configurator.session.close()
        await configurator.close()
        assert sorted(available.released) == ["quick", "slow", "slow"]
        await call.hang_up()

    virtual_clock.run(story())


def test_the_processing_sound_is_changed_on_the_fly() -> None:
    async def story() -> None:
        sounding = ("phrase_endpointing", "processing_sound_emitter", "llm_context", "llm", "tts")
        model = ScriptedModel(["Yes."] * 2, first_token_ms=2000)
        call = Call("Hello.", "Hello again.", model=model, config=NAMED, stages=sounding)

        async def sounds_while_thinking() -> bool:
            await call.speak(800)
            began_ms = call.now_ms
            await call.be_quiet(5000)
            return call.audible_between(began_ms, began_ms + 1500)

        assert await sounds_while_thinking()
        await call.request("configure", {"processing_sound_emitter": {"sound": "none"}})
        assert not await sounds_while_thinking()
        await call.hang_up()

    virtual_clock.run(story())
