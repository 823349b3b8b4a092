"""The drift tests of a check, in the order of the report."""

from __future__ import annotations

from monitoring.signals.confidence import Confidence
from monitoring.signals.embeddings import Embeddings
from monitoring.signals.new_groups import NewGroups
from monitoring.signals.predicted_labels import PredictedLabels
from monitoring.signals.signal import Signal
from monitoring.signals.text_length import TextLength

SIGNALS: tuple[Signal, ...] = (Embeddings(), NewGroups(), PredictedLabels(), Confidence(), TextLength())
