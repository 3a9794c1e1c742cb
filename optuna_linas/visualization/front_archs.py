"""The architectures of a study's trials as rows of its search space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from optuna.study import Study

from optuna_linas.arrays import BoolArray, IntArray
from optuna_linas.errors import SpaceMismatchError
from optuna_linas.goals import Goal
from optuna_linas.space import SearchSpace
from optuna_linas.study_space import space_of
from optuna_linas.study_values import StudyValues, values_of, why_empty

__all__ = ["EncodedTrials", "Unexplained", "encoded_trials"]


class Unexplained(Exception):
    """There is nothing to draw; the message says why."""


@dataclass(frozen=True)
class EncodedTrials:
    """The trials of a study that are networks of its search space.

    Attributes:
        space: The search space.
        data: The study's measured trials.
        rows: Positions in `data` of those that are encoded, `int[k]`.
        archs: Their canonical rows, `int[k, d]`.
        active: Which variables they have, `bool[k, d]`.
    """

    space: SearchSpace
    data: StudyValues
    rows: IntArray
    archs: IntArray
    active: BoolArray

    def front(self) -> list[int]:
        """Return which of the rows are on the Pareto front, the cheapest first."""
        place = {int(row): i for i, row in enumerate(self.rows)}
        return [place[i] for i in self.data.sorted_front() if i in place]


def encoded_trials(
    study: Study,
    objectives: Sequence[Goal | str] | None,
    space: SearchSpace | None,
    names: Sequence[str] | None = None,
) -> EncodedTrials:
    """Return the encoded trials.

    Args:
        study: Any study.
        objectives: As for `values_of`.
        space: The space, or `None` for the study's.
        names: Variables that must be there.

    Raises:
        Unexplained: No usable trial, or no parameters.
        ValueError: The space has no variable of one of the names.
    """
    data = values_of(study, objectives)
    if not data.trials:
        raise Unexplained(why_empty(study))
    if not data.feasible.any():
        raise Unexplained("No trial satisfies all constraints yet")
    space = space_of(study) if space is None else space
    if space is None:
        raise Unexplained("The trials have no parameters with several options")
    missing = [name for name in names or () if name not in space]
    if missing:
        raise ValueError(f"The search space has no {missing}; it has {list(space.names)}.")
    rows, archs = [], []
    for i, trial in enumerate(data.trials):
        try:
            archs.append(space.encode(trial.params))
        except SpaceMismatchError:
            continue  # imported from another space, or without one of its parameters
        rows.append(i)
    if not rows:
        raise Unexplained("No measured trial has all parameters of the search space")
    encoded = np.array(archs, dtype=np.int64)
    return EncodedTrials(space, data, np.array(rows), encoded, space.present(encoded))
