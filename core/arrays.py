"""Names of the array types."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Indices = NDArray[np.int64]
Booleans = NDArray[np.bool_]
# Any precision, usually float64.
Numbers = NDArray[Any]
