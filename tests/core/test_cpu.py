import os
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.cpu import use_batch_scheduling


@pytest.mark.skipif(sys.platform != "linux", reason="Other systems have no such policy.")
def test_giving_way_concerns_the_calling_thread_alone() -> None:
    def policy_there() -> int:
        use_batch_scheduling()
        return os.sched_getscheduler(0)

    before = os.sched_getscheduler(0)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(policy_there).result() == os.SCHED_BATCH
    assert os.sched_getscheduler(0) == before
