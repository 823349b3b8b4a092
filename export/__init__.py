"""Checkpoint → verified ONNX package."""

import core  # noqa: F401  # first: it switches off telemetry, which must happen before onnxruntime is imported
