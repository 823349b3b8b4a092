"""Tasks for tests of methods and of parts of a training."""

from __future__ import annotations

from collections.abc import Callable

from finetune.task import Task

MakeTask = Callable[..., Task]
