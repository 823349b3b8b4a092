"""How long the threads of OpenMP, by which torch computes, wait for each other in a loop before they sleep."""

from __future__ import annotations

import os

SPINS = "GOMP_SPINCOUNT"
COUNT = "10000"
"""libgomp's own 300,000 suit a machine without other work; beside it, the thread that is waited for has no core while
the other one spins (docs/decisions/0026).
"""


def spin_briefly() -> None:
    """For this process and its children; a value of the user stays. The library reads it when it is loaded."""
    os.environ.setdefault(SPINS, COUNT)
