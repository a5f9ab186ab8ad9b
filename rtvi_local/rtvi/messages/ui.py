"""What the appliance asks of the client's page."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from rtvi_local.rtvi.messages.base import Message


class UiCommand(Message, frozen=True):
    """The client's page shall do something (`toast`, `navigate`, `click`, …): the builtin tool `act_on_page` was called."""

    type: ClassVar[str] = "ui-command"
    since: ClassVar[str] = "1.3"
    command: str
    payload: Any = None


class UiJobGroup(Message, frozen=True):
    """News of a group of jobs: of a timer, which is a group of one. `at` is milliseconds since 1970."""

    type: ClassVar[str] = "ui-job-group"
    since: ClassVar[str] = "1.4"
    kind: Literal["group_started", "job_update", "job_completed", "group_completed"]
    job_id: str
    at: int
    workers: list[str] | None = None
    label: str | None = None
    cancellable: bool | None = None
    worker_name: str | None = None
    data: Any = None
    status: Literal["completed", "cancelled", "failed", "error"] | None = None
    response: Any = None


class UiTask(Message, frozen=True):
    """`ui-job-group` under its name in 1.3, where jobs are tasks and their workers agents."""

    type: ClassVar[str] = "ui-task"
    since: ClassVar[str] = "1.3"
    kind: Literal["group_started", "task_update", "task_completed", "group_completed"]
    task_id: str
    at: int
    agents: list[str] | None = None
    label: str | None = None
    cancellable: bool | None = None
    agent_name: str | None = None
    data: Any = None
    status: Literal["completed", "cancelled", "failed", "error"] | None = None
    response: Any = None
