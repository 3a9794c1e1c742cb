"""What has been evaluated so far, as arrays."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from optuna_linas.arrays import BoolArray, FloatArray, IntArray

__all__ = ["History"]


@dataclass(frozen=True)
class History:
    """The evaluated architectures of one search, in the order of their trial numbers.

    Attributes:
        codes: Canonical rows, `int[n, d]`.
        losses: Objective values, always minimised and finite, `float[n, m]`.
        constraints: Constraint values, feasible where <= 0, `float[n, c]` with c possibly 0; NaN
            where a trial does not carry the constraint, which counts as satisfied.
        numbers: Trial numbers, `int[n]`.
        failed: Canonical rows whose evaluation failed, and that no other has measured, `int[k, d]`.
        failed_numbers: The numbers of their trials, `int[k]`.

    Raises:
        ValueError: Shapes do not belong together, or a loss is not finite.
    """

    codes: IntArray
    losses: FloatArray
    constraints: FloatArray
    numbers: IntArray
    failed: IntArray = field(default_factory=lambda: np.zeros((0, 0), dtype=np.int64))
    failed_numbers: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def __post_init__(self) -> None:
        n = len(self.codes)
        if (
            self.codes.ndim != 2
            or self.losses.ndim != 2
            or self.constraints.ndim != 2
            or {len(self.losses), len(self.constraints), len(self.numbers)} != {n}
        ):
            raise ValueError(
                f"Expected {n} rows each, got codes {self.codes.shape}, losses "
                f"{self.losses.shape}, constraints {self.constraints.shape}, numbers "
                f"{self.numbers.shape}."
            )
        if not np.isfinite(self.losses).all():
            raise ValueError("Losses must be finite; leave failed evaluations out of the history.")

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def violations(self) -> FloatArray:
        """The sum of what each row violates, 0 where feasible, `float[n]`."""
        total: FloatArray = np.nansum(np.maximum(self.constraints, 0.0), axis=1)
        return total

    @property
    def feasible(self) -> BoolArray:
        """Which rows violate no constraint, `bool[n]`."""
        return self.violations <= 0

    def first(self, n: int | None) -> History:
        """Return the first `n` measured rows, and all that failed; everything for `None`."""
        return self.only(slice(n))

    def only(self, rows: BoolArray | slice) -> History:
        """Return some of the measured rows, `bool[n]` or a slice, and all that failed."""
        return replace(
            self,
            codes=self.codes[rows],
            losses=self.losses[rows],
            constraints=self.constraints[rows],
            numbers=self.numbers[rows],
        )
