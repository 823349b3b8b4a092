from __future__ import annotations

from pathlib import Path

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from core.config import Config, WorkerConfig
from core.cpu import available_cpus
from core.engine import Engine
from core.home_processes.server_workers import ServerWorkers
from core.home_processes.threads import limited_threads, worker_threads


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)))
    monkeypatch.setattr("core.cpu._cgroup_quota", lambda _: None)


def blas_threads() -> list[int]:
    return [int(library["num_threads"]) for library in threadpool_info() if library["user_api"] == "blas"]


def test_a_worker_leaves_one_core_to_a_server_of_its_home(tmp_path: Path) -> None:
    config = Config(home=tmp_path)
    assert worker_threads(config) == 8
    server_worker = ServerWorkers(tmp_path)
    server_worker.publish({})
    assert worker_threads(config) == 7
    assert worker_threads(config.model_copy(update={"worker": WorkerConfig(threads=3)})) == 3
    server_worker.remove()
    assert worker_threads(config) == 8
    assert worker_threads(config.model_copy(update={"worker": WorkerConfig(threads=99)})) == 8


def test_engines_and_blas_take_the_threads_that_they_are_given(tiny_package: Path) -> None:
    def engine_threads() -> int:
        return int(Engine(tiny_package)._session.get_session_options().intra_op_num_threads)

    with threadpool_limits(4):
        before = blas_threads()
        assert set(before) == {4}
        with limited_threads(3):
            assert (available_cpus(), engine_threads(), set(blas_threads())) == (3, 3, {3})
        assert (available_cpus(), blas_threads()) == (8, before)
        with limited_threads(6):  # fewer threads than allowed stay
            assert (engine_threads(), blas_threads()) == (6, before)
