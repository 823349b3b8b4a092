"""Checkpoint → verified ONNX package."""

import core  # noqa: F401  # first: it switches onnxruntime's telemetry off, which must precede that import
