"""A model made to break under 8 bits: one channel of a layer norm fifty times as wide.

python benchmarks/export/outlier.py
"""

from __future__ import annotations

import json
import shutil
import sys

import numpy as np
from models import ROOT, WORK, checkpoint, retune
from safetensors.numpy import load_file, save_file

sys.path.insert(0, str(ROOT))

from core.checkpoint import ENCODER, read_training, write_training

CHANNEL, TIMES = 7, 50.0


def main() -> None:
    source = checkpoint("banking77")
    spoiled = WORK / "banking77" / "outlier"
    shutil.rmtree(spoiled, ignore_errors=True)
    shutil.copytree(source, spoiled)
    weights = load_file(spoiled / ENCODER)
    name = "encoder.layer.2.output.LayerNorm.weight"
    weights[name] = weights[name].copy()
    weights[name][CHANNEL] *= np.float32(TIMES)
    save_file(weights, spoiled / ENCODER, metadata={"format": "pt"})
    write_training(spoiled, read_training(source))
    shutil.rmtree(WORK / "banking77" / "outlier-package", ignore_errors=True)
    exported = retune("banking77", "export", "outlier", "--out", "outlier-package")
    sys.stdout.write(json.dumps({name: exported[name] for name in ("rung", "rungs", "not_built")}, indent=1) + "\n")


if __name__ == "__main__":
    main()
