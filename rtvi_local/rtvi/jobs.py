"""News of jobs, told to a client of protocol 1.3 under the names of that version. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from rtvi_local.rtvi.messages.ui import UiJobGroup, UiTask

_TASK_KINDS: Mapping[str, Literal["group_started", "task_update", "task_completed", "group_completed"]] = {
    "group_started": "group_started",
    "job_update": "task_update",
    "job_completed": "task_completed",
    "group_completed": "group_completed",
}


def as_task(news: UiJobGroup) -> UiTask:
    """The same news for a client of 1.3."""
    return UiTask(
        _TASK_KINDS[news.kind],
        news.job_id,
        news.at,
        news.workers,
        news.label,
        news.cancellable,
        news.worker_name,
        news.data,
        news.status,
        news.response,
    )
