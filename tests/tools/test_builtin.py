"""The builtin tools, each by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from rtvi_local.rtvi.messages.from_client import UiNode, UiSelection, UiTree
from rtvi_local.tools.builtin import Host, builtins, find_builtin
from rtvi_local.tools.current_time import spoken_time
from rtvi_local.tools.tool import ToolError


@dataclass
class Room:
    """Notes what is done to it."""

    said: list[str] = field(default_factory=list)
    later: list[tuple[float, Callable[[], None]]] = field(default_factory=list)
    volumes: list[float] = field(default_factory=list)
    ends: int = 0
    tree: UiTree | None = None
    commands: list[tuple[str, object]] = field(default_factory=list)

    @property
    def host(self) -> Host:
        def end() -> None:
            self.ends += 1

        async def look() -> object:
            raise ToolError("There is no camera.")

        return Host(
            self.said.append,
            lambda seconds, do, _: self.later.append((seconds, do)),
            end,
            self.volumes.append,
            look,
            lambda: self.tree,
            lambda command, payload: self.commands.append((command, payload)),
        )


def run(name: str, room: Room | None = None, **arguments: object) -> object:
    async def running() -> object:
        return await find_builtin(name).run(arguments, (room or Room()).host)

    return asyncio.run(running())


def test_the_time_is_in_words_that_a_model_repeats_rightly() -> None:
    assert spoken_time(datetime(2026, 11, 26, 15, 5)) == "It is 3:05 PM on Thursday, 26 November 2026."
    assert spoken_time(datetime(2026, 1, 1, 0, 0)).startswith("It is 12:00 AM")
    assert str(datetime.now().year) in str(run("get_current_time"))


def test_a_timer_rings_by_itself() -> None:
    room = Room()
    assert "5 minutes" in str(run("set_timer", room, amount=5, unit="minutes"))
    ((seconds, ring),) = room.later
    assert seconds == 300
    assert room.said == []
    ring()
    assert room.said == ["Your timer for 5 minutes is up."]
    run("set_timer", room, amount=1, unit="hours")
    assert room.later[1][0] == 3600
    room.later[1][1]()
    assert room.said[1] == "Your timer for 1 hour is up."


@pytest.mark.parametrize("arguments", [{}, {"amount": 0, "unit": "minutes"}, {"amount": 3, "unit": "days"}, {"amount": True}])
def test_a_timer_that_makes_no_sense_is_refused(arguments: dict[str, object]) -> None:
    room = Room()
    with pytest.raises(ToolError):
        run("set_timer", room, **arguments)
    assert room.later == []


def test_the_volume_is_a_percentage() -> None:
    room = Room()
    run("set_volume", room, percent=30)
    assert room.volumes == [0.3]
    with pytest.raises(ToolError):
        run("set_volume", room, percent=130)


def test_the_conversation_is_asked_to_end() -> None:
    room = Room()
    assert "goodbye" in str(run("end_conversation", room))
    assert room.ends == 1


def test_where_there_is_nothing_to_see_the_camera_tool_says_so() -> None:
    with pytest.raises(ToolError, match="no camera"):
        run("get_camera_frame")


FORM = UiNode(
    "e1",
    "form",
    name="Order",
    children=[UiNode("e2", "textbox", name="City", value="Oslo"), UiNode("e3", "button", name="Go", state=["focused"])],
)


def test_the_page_is_read_as_an_outline_with_the_names_of_its_elements() -> None:
    room = Room(tree=UiTree(FORM, 0, UiSelection("e2", "Os")))
    assert run("read_page", room) == (
        'form "Order" [e1]\n  textbox "City" = Oslo [e2]\n  button "Go" (focused) [e3]\nSelected in e2: Os'
    )
    with pytest.raises(ToolError, match="has not been shown"):
        run("read_page")


def test_a_page_of_any_size_leaves_room_for_the_conversation() -> None:
    long = UiNode("e0", "list", children=[UiNode(f"e{number}", "text", name="word " * 100) for number in range(1, 500)])
    read = str(run("read_page", Room(tree=UiTree(long, 0))))
    assert len(read) < 4100
    assert read.endswith("(and more, which is left out)")


@pytest.mark.parametrize(
    ("arguments", "payload"),
    [
        ({"command": "click", "ref": "e3"}, {"ref": "e3"}),
        ({"command": "set_input_value", "ref": "e2", "text": "Rome"}, {"ref": "e2", "value": "Rome"}),
        ({"command": "toast", "text": "Ordered."}, {"title": "Ordered."}),
        ({"command": "navigate", "text": "orders"}, {"view": "orders"}),
    ],
)
def test_a_command_goes_to_the_page_in_the_form_of_the_protocol(arguments: dict[str, object], payload: object) -> None:
    room = Room(tree=UiTree(FORM, 0))
    run("act_on_page", room, **arguments)
    assert room.commands == [(arguments["command"], payload)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "command must be one of toast, navigate, click"),
        ({"command": "toast"}, "toast needs a text"),
        ({"command": "click", "ref": "e9"}, "There is no element 'e9'"),
        ({"command": "click"}, "There is no element 'None'"),
    ],
)
def test_a_command_that_makes_no_sense_on_this_page_is_refused(arguments: dict[str, object], said: str) -> None:
    room = Room(tree=UiTree(FORM, 0))
    with pytest.raises(ToolError, match=said):
        run("act_on_page", room, **arguments)
    assert room.commands == []


def test_a_name_that_none_has_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(ToolError) as refused:
        find_builtin("fly")
    assert all(name in str(refused.value) for name in builtins())
