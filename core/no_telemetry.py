"""The environment variables with which the dependencies are kept from phoning home (docs/privacy.md)."""

from __future__ import annotations

import os

OFF = {
    "ORT_DISABLE_TELEMETRY": "1",  # onnxruntime from 1.29 on
    "BENTOML_DO_NOT_TRACK": "True",
    "DO_NOT_TRACK": "1",  # evidently, huggingface_hub
    "ITERATIVE_DO_NOT_TRACK": "1",  # the library behind evidently's
    "HF_HUB_DISABLE_TELEMETRY": "1",
}


def switch_off() -> None:
    """Set them for this process and its children, whatever was set before; each is read at a library's import."""
    os.environ.update(OFF)
