"""The processes of a training: a single process, or the processes that `torchrun` started."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
import torch.distributed as distributed

Value = TypeVar("Value")


def process_count() -> int:
    return int(os.environ.get("WORLD_SIZE", "1"))


def local_process_count() -> int:
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


def is_main_process() -> bool:
    """Whether this process is the one that writes files."""
    return int(os.environ.get("RANK", "0")) == 0


def training_device() -> torch.device:
    """The device that Trainer would choose."""
    if torch.cuda.is_available():
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    return torch.device("cpu")


@contextmanager
def forked_rng() -> Iterator[None]:
    """Restores the random state of torch afterwards, that of the training device included."""
    device = training_device()
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        yield


@contextmanager
def process_group() -> Iterator[None]:
    """Within the context, the process group of `torchrun` exists; no group for a single process."""
    if process_count() == 1 or distributed.is_initialized():
        yield
        return
    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield
    finally:
        distributed.destroy_process_group()


def broadcast(value: Value) -> Value:
    """The value of the main process, in every process: clocks and measurements differ between processes."""
    if not distributed.is_initialized():
        return value
    values = [value]
    distributed.broadcast_object_list(values, src=0)
    return values[0]


def wait_for_all() -> None:
    if distributed.is_initialized():
        distributed.barrier()
