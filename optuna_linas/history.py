"""What has been evaluated so far, as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optuna_linas.arrays import BoolArray, FloatArray, IntArray

__all__ = ["History"]


@dataclass(frozen=True)
class History:
    """The evaluated architectures of one search, in the order of their trial numbers.

    Attributes:
        codes: Canonical rows, `int[n, d]`.
        losses: Objective values, always minimised and finite, `float[n, m]`.
        violations: Total constraint violation, 0 where feasible, `float[n]`.
        numbers: Trial numbers, `int[n]`.

    Raises:
        ValueError: Lengths differ, or a loss is not finite.
    """

    codes: IntArray
    losses: FloatArray
    violations: FloatArray
    numbers: IntArray

    def __post_init__(self) -> None:
        n = len(self.codes)
        if self.losses.ndim != 2 or {len(self.losses), len(self.violations), len(self.numbers)} != {
            n
        }:
            raise ValueError(
                f"Expected {n} rows each, got losses {self.losses.shape}, violations "
                f"{self.violations.shape}, numbers {self.numbers.shape}."
            )
        if not np.isfinite(self.losses).all():
            raise ValueError("Losses must be finite; leave failed evaluations out of the history.")

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def feasible(self) -> BoolArray:
        """Which rows violate no constraint, `bool[n]`."""
        return self.violations <= 0
