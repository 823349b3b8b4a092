"""The order of the training rows in an epoch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch.utils.data import Sampler
from transformers.trainer_pt_utils import get_length_grouped_indices


class LengthGroupedSampler(Sampler[int]):
    """Shuffled, with rows of similar length next to each other: batches of short texts need little padding.

    The sampler of transformers draws from torch's global random state, so a run resumed within an epoch would
    continue in another order. The order of this sampler depends only on the seed and the epoch.
    """

    def __init__(self, lengths: Sequence[int], *, batch_rows: int, seed: int) -> None:
        self._lengths, self._batch_rows, self._seed, self._epoch = list(lengths), batch_rows, seed, 0

    def set_epoch(self, epoch: int) -> None:
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self._seed * 10_007 + self._epoch)
        return iter(get_length_grouped_indices(self._lengths, self._batch_rows, generator=generator))
