import os
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.cpu import use_batch_scheduling


@pytest.mark.skipif(sys.platform != "linux", reason="Other systems do not have this policy.")
def test_batch_scheduling_affects_the_calling_thread_only() -> None:
    def policy_in_thread() -> int:
        use_batch_scheduling()
        return os.sched_getscheduler(0)

    before = os.sched_getscheduler(0)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(policy_in_thread).result() == os.SCHED_BATCH
    assert os.sched_getscheduler(0) == before
