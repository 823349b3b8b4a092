"""Quantization scales of activations and weights.

A few channels of the layer norms are 30 times as large as the others, which would get few quantization steps. So each
channel is divided by a factor and its weights are multiplied by this factor (SmoothQuant, Xiao et al. 2023, arXiv
2211.10438).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.arrays import Floats
from export.activations import Activation

# Seven bits: with eight, u8·s8 products may saturate on CPUs without VNNI (documentation of ONNX Runtime), and the
# predictions of a package would depend on the CPU.
WEIGHT_MAX = 63
# Exponents of SmoothQuant; the best one is chosen per activation. On the tickets example the error of the logits is
# then 0.140, against 0.173 with 0.8 for all.
SMOOTHINGS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_TINY = 1e-8


@dataclass(frozen=True)
class ActivationQuantization:
    """Quantization of an activation with d channels: values / `factors` (d,) / `scale` + `zero_point`, as uint8."""

    factors: Floats
    scale: np.float32
    zero_point: np.uint8


def best_quantization(seen: Activation, weights: Sequence[Floats], *, range_share: float) -> ActivationQuantization:
    """The quantization with the smallest change of the outputs of the layers with these weights (d, m).

    `range_share` is the share of the sampled values within the 8-bit range; 1 covers all values that occurred.
    """
    candidates = [_quantization(_factors(seen, weights, smoothing), seen, range_share) for smoothing in SMOOTHINGS]
    return min(candidates, key=lambda tried: sum(_squared_error(tried, seen.rows, weight) for weight in weights))


def _factors(seen: Activation, weights: Sequence[Floats], smoothing: float) -> Floats:
    widest = np.maximum(np.maximum(-seen.low, seen.high), _TINY)
    heaviest = np.maximum(np.max([np.abs(weight).max(axis=1) for weight in weights], axis=0), _TINY)
    factors: Floats = (widest**smoothing / heaviest ** (1 - smoothing)).astype(np.float32)
    return factors


def _quantization(factors: Floats, seen: Activation, range_share: float) -> ActivationQuantization:
    if range_share == 1.0:
        low, high = float((seen.low / factors).min()), float((seen.high / factors).max())
    else:
        tails = [(1 - range_share) / 2, (1 + range_share) / 2]
        low, high = (float(value) for value in np.quantile(seen.rows / factors, tails))
    low, high = min(low, 0.0), max(high, 0.0)
    scale = np.float32(max(high - low, _TINY) / 255)
    return ActivationQuantization(factors, scale, np.uint8(np.clip(round(-low / scale), 0, 255)))


def _squared_error(quantization: ActivationQuantization, rows: Floats, weight: Floats) -> float:
    """Squared error of the output of a quantized layer for these rows."""
    factors, scale, zero_point = quantization.factors, quantization.scale, np.float32(quantization.zero_point)
    quantized = (np.clip(np.round(rows / factors / scale) + zero_point, 0, 255) - zero_point) * scale
    integers, weight_scale = quantized_weight(weight * factors[:, None])
    return float(np.sum((quantized @ (integers * weight_scale) - rows @ weight) ** 2))


def quantized_weight(weight: Floats) -> tuple[Floats, Floats]:
    """Integers (d, m) up to ±`WEIGHT_MAX`, and a scale (m,) per output column: symmetric quantization."""
    scale = (np.maximum(np.abs(weight).max(axis=0), _TINY) / WEIGHT_MAX).astype(np.float32)
    return np.clip(np.round(weight / scale), -WEIGHT_MAX, WEIGHT_MAX), scale
