"""Environment variables that switch off the telemetry of dependencies (docs/privacy.md)."""

from __future__ import annotations

import os

OFF = {
    "ORT_DISABLE_TELEMETRY": "1",  # onnxruntime from 1.29 on
    "BENTOML_DO_NOT_TRACK": "True",
    "DO_NOT_TRACK": "1",  # evidently, huggingface_hub
    "ITERATIVE_DO_NOT_TRACK": "1",  # iterative_telemetry, which evidently uses
    "HF_HUB_DISABLE_TELEMETRY": "1",
}


def switch_off() -> None:
    """Set the variables for this process and its children, over the user's values. Libraries read them at import."""
    os.environ.update(OFF)
