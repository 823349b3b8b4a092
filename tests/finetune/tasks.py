"""The type of the fixture `make_task`."""

from __future__ import annotations

from collections.abc import Callable

from finetune.task import Task

MakeTask = Callable[..., Task]
