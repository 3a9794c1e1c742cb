"""What chooses the architectures of a batch, and what it returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from optuna_linas.arrays import IntArray
from optuna_linas.goals import Goals
from optuna_linas.history import History
from optuna_linas.samplers.plan import Note
from optuna_linas.space import SearchSpace

__all__ = ["Planned", "Planner"]


@dataclass(frozen=True)
class Planned:
    """The architectures of a batch.

    Attributes:
        archs: Unseen canonical rows, `int[k, d]`, best first.
        notes: What is known of each row, or nothing. A note's `"predicted"`, the values of all
            goals in the user's direction, is compared with what is measured (see `quality`); its
            `"objectives"` are the names of these goals (`Goals.names`); its `"user_attrs"` become
            user attributes of the trial that takes the row.
    """

    archs: IntArray
    notes: tuple[Note, ...] = ()


class Planner(Protocol):
    """Chooses the architectures of a batch."""

    def __call__(
        self,
        space: SearchSpace,
        history: History,
        n: int,
        rng: np.random.Generator,
        *,
        goals: Goals,
        batch: int,
        taken: IntArray,
        pending: IntArray,
    ) -> Planned:
        """Return up to `n` rows; batch 0 is the start."""
        ...
