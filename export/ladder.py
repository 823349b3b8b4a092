"""Building the rungs and evaluating them on the same held-out rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import onnx
import onnxruntime as ort
from onnxruntime.quantization import quantize_dynamic

from core.datasets import Example
from core.engine import CUDA, CUDA_FP16, Engine
from core.package import GRAPH
from core.progress import Progress, Step, go_on
from export.blockwise import BLOCK, write_blockwise
from export.candidate import Candidate, candidate_folder, run_candidate
from export.eligibility import objection, rows_needed
from export.graph import quiet, write_fused
from export.model import Source
from export.parity import require_parity
from export.quantization import StaticInt8
from export.rungs import FP32
from export.sensitivity import CALIBRATIONS, Sensitivity
from export.settings import ExportSettings

INT8_STATIC, INT8_MIXED, INT8_BLOCKWISE, INT8_DYNAMIC = "int8-static", "int8-mixed", "int8-blockwise", "int8-dynamic"
RUNGS = (FP32, INT8_STATIC, INT8_MIXED, INT8_BLOCKWISE, INT8_DYNAMIC, CUDA_FP16)

MIXED_SHARES = (1 / 12, 1 / 6, 1 / 3)
"""Shares of the layers that `INT8_MIXED` keeps in full precision; the smallest share that is eligible is used."""

BuildRung = Callable[[Path, Path], str | None]
"""Writes a rung from the fused graph to a path; returns the reason if the rung cannot be built."""


@dataclass
class Ladder:
    """The rungs that were `built`, the `objections` to serving them, and the reasons why others were `not_built`."""

    source: Source
    workspace: Path
    rows: Sequence[Example]
    settings: ExportSettings
    built: dict[str, Candidate] = field(default_factory=dict)
    objections: dict[str, str | None] = field(default_factory=dict)
    not_built: dict[str, str] = field(default_factory=dict)
    _on_step: Step = go_on

    @property
    def baseline(self) -> Candidate:
        return self.built[FP32]

    def build(self, on_progress: Progress, *, wanted: str | None = None) -> None:
        """Build full precision and compare it with the checkpoint, then build all other rungs, or only `wanted`.

        Raises `ParityFailed`.
        """
        begin = partial(self._begin, on_progress)
        begin("Building the graph", 0.0)
        plain = self._folder(FP32)
        unfused = write_fused(self.source, plain / GRAPH)
        full = Engine(plain, on_batch=lambda: self._on_step())
        begin("Comparing it with the checkpoint", 0.1)
        require_parity(self.source, full, [row.input for row in self.rows], on_batch=self._on_step)
        self._evaluate(FP32, plain, note=unfused)
        begin("Quantizing", 0.3)
        if wanted in (None, INT8_STATIC, INT8_MIXED):
            self._build_static(full, wanted)
        for number, (name, build) in enumerate(_BUILDS.items()):
            if wanted in (None, name):
                begin("Quantizing", 0.5 + 0.1 * number)
                self._build(name, build)

    def _begin(self, on_progress: Progress, stage: str, share: float) -> None:
        """Begin a stage: its steps repeat what is said of it."""
        self._on_step = partial(on_progress, stage, share)
        self._on_step()

    def _build_static(self, full: Engine, wanted: str | None) -> None:
        """Quantize all linear layers; if the result is not eligible, all except the most sensitive layers."""
        sample = full.encode(self.source.sample)
        quantizer = StaticInt8(self.baseline.folder / GRAPH, sample, on_text=self._on_step)
        if not quantizer.layers:
            for name in (INT8_STATIC, INT8_MIXED):
                self.not_built[name] = "The graph has no linear layer that can be quantized."
            return
        mixed = self._folder(INT8_MIXED)
        sensitivity = Sensitivity(quantizer, full, mixed, sample, on_batch=self._on_step)
        calibration = sensitivity.best_calibration()
        range_share, note = CALIBRATIONS[calibration], f"calibrated on {calibration}"
        folder = self._folder(INT8_STATIC)
        quantizer.write(folder / GRAPH, range_share=range_share)
        is_eligible = self._evaluate(INT8_STATIC, folder, note=note)
        if wanted == INT8_STATIC:
            return
        if wanted is None and (reason := self._reason_against_mixing(is_eligible)):
            self.not_built[INT8_MIXED] = reason
            return
        sensitive = sensitivity.layers_by_sensitivity(range_share)
        for count in sorted({max(1, round(share * len(sensitive))) for share in MIXED_SHARES}):
            quantizer.write(mixed / GRAPH, range_share=range_share, exclude=sensitive[:count])
            note_of_mixed = f"{note}, with {count} of {len(sensitive)} layers in full precision"
            if self._evaluate(INT8_MIXED, mixed, note=note_of_mixed):
                return

    def _reason_against_mixing(self, static_is_eligible: bool) -> str:
        if static_is_eligible:
            return f"{INT8_STATIC} needs no layer in full precision."
        if len(self.baseline.correct) < rows_needed(self.settings):
            return "There are too few labelled rows to show that any rung keeps its accuracy."
        return ""

    def _build(self, name: str, build: BuildRung) -> None:
        folder = self._folder(name)
        if problem := build(self.baseline.folder / GRAPH, folder / GRAPH):
            self.not_built[name] = problem
        else:
            self._evaluate(name, folder)

    def _folder(self, name: str) -> Path:
        return candidate_folder(self.source, name, self.workspace)

    def _evaluate(self, name: str, folder: Path, *, note: str = "") -> bool:
        """Record the rung and its objection; returns whether it is eligible."""
        self.built[name] = run_candidate(name, folder, self.rows, note=note, on_batch=self._on_step)
        is_baseline = name == FP32
        self.objections[name] = None if is_baseline else objection(self.built[name], self.baseline, self.settings)
        return self.objections[name] is None


def _dynamic(fused: Path, path: Path) -> str | None:
    with quiet():
        quantize_dynamic(fused, path, per_channel=True, extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT})
    return None


def _blockwise(fused: Path, path: Path) -> str | None:
    return None if write_blockwise(fused, path) else f"No layer's depth is a multiple of {BLOCK}."


def _cuda_fp16(fused: Path, path: Path) -> str | None:
    if CUDA not in ort.get_available_providers():
        return "ONNX Runtime finds no GPU here, and its CPU kernels compute fp16 in float32."
    from onnxruntime.transformers.float16 import convert_float_to_float16

    onnx.save(convert_float_to_float16(onnx.load(fused), keep_io_types=True), path)
    return None if Engine(path.parent).provider == CUDA else "ONNX Runtime finds no GPU here."


_BUILDS: dict[str, BuildRung] = {
    INT8_BLOCKWISE: _blockwise,
    INT8_DYNAMIC: _dynamic,
    CUDA_FP16: _cuda_fp16,
}
