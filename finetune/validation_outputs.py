from pathlib import Path
from typing import Any

import numpy as np


def write_validation(folder: Path, logits: Any, truth: Any) -> None:
    np.savez(folder / "validation.npz", logits=logits, truth=truth)
