from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from service.access.rate_limits import NUMBER, RateLimits, conform

TAKE = """
import sys
from pathlib import Path
from service.access.rate_limits import RateLimits
limits = RateLimits(Path(sys.argv[1]))
print(sum(limits.wait_s(0, rate=0.001, burst=100) == 0.0 for _ in range(90)))
"""
HOLD = """
import sys, time
from pathlib import Path
from service.access import rate_limits
limits = rate_limits.RateLimits(Path(sys.argv[1]))
with rate_limits._locked(limits._opened(), 0):
    print("held", flush=True)
    time.sleep(60)
"""


class Clock:
    def __init__(self) -> None:
        self.now = 1e6

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limits(tmp_path: Path, clock: Clock) -> RateLimits:
    return RateLimits(tmp_path / "server" / "limits", clock=clock)


@pytest.mark.parametrize("seed", range(20))
def test_no_time_interval_has_more_requests_than_burst_and_rate_allow(seed: int) -> None:
    source = random.Random(seed)
    rate, burst = source.choice([0.3, 1.0, 7.0, 33.3, 1000.0]), source.randint(1, 20)
    full_at, now, let_in = 0.0, 1e6, list[float]()
    for _ in range(600):
        now += source.choice([0.0, source.expovariate(2 * rate), source.expovariate(0.1 * rate)])
        full_at, wait_s = conform(full_at, now, rate=rate, burst=burst)
        if not wait_s:
            let_in.append(now)
    for first in range(len(let_in)):
        for last in range(first, len(let_in)):
            assert last - first + 1 <= burst + rate * (let_in[last] - let_in[first]) + 1e-3


@pytest.mark.parametrize("seed", range(20))
def test_a_refused_request_is_accepted_exactly_after_its_wait(seed: int) -> None:
    source = random.Random(seed)
    rate, burst = source.uniform(0.01, 500), source.randint(1, 50)
    full_at, now, wait_s = 0.0, source.uniform(0, 1e7), 0.0
    while not wait_s:
        full_at, wait_s = conform(full_at, now, rate=rate, burst=burst)
    assert conform(full_at, now + 0.9 * wait_s, rate=rate, burst=burst)[1] > 0
    assert conform(full_at, now + wait_s, rate=rate, burst=burst)[1] == 0


def test_a_whole_burst_is_accepted_at_once_and_again_after_a_pause(limits: RateLimits, clock: Clock) -> None:
    for _ in range(2):
        assert [limits.wait_s(0, rate=10, burst=7) == 0 for _ in range(9)] == [True] * 7 + [False] * 2
        clock.now += 0.7


def test_each_key_has_its_own_limit(limits: RateLimits) -> None:
    assert limits.wait_s(0, rate=1, burst=1) == 0
    assert limits.wait_s(5, rate=1, burst=1) == 0
    assert limits.wait_s(0, rate=1, burst=1) == pytest.approx(1.0)


@pytest.mark.parametrize("left", [1e300, float("inf"), float("nan")])
def test_a_stored_number_of_another_clock_blocks_one_burst_at_most(
    limits: RateLimits, clock: Clock, left: float
) -> None:
    limits.wait_s(0, rate=2, burst=4)
    (limits._path).write_bytes(NUMBER.pack(left))
    assert limits.wait_s(0, rate=2, burst=4) == pytest.approx(0.5)
    clock.now += 2.0
    assert [limits.wait_s(0, rate=2, burst=4) == 0 for _ in range(5)] == [True] * 4 + [False]


def test_an_unwritable_file_disables_limits_and_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    limits = RateLimits(tmp_path / "file" / "limits")
    assert [limits.wait_s(0, rate=1, burst=1) for _ in range(3)] == [0.0] * 3
    assert caplog.text.count("Rate limits are not kept") == 1


def test_processes_share_one_limit(tmp_path: Path) -> None:
    command = [sys.executable, "-c", TAKE, str(tmp_path / "limits")]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert sum(int(child.communicate()[0]) for child in children) == 100


def test_the_lock_of_a_killed_process_is_released(tmp_path: Path) -> None:
    path = tmp_path / "limits"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        os.kill(holder.pid, signal.SIGKILL)
    started = time.monotonic()
    assert RateLimits(path).wait_s(0, rate=1, burst=1) == 0.0
    assert time.monotonic() - started < 5
