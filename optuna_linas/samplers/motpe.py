"""Optuna's tree-structured Parzen estimator as an inner search.

Ozaki, Tanigaki, Watanabe and Onishi, "Multiobjective Tree-Structured Parzen Estimator for
Computationally Expensive Optimization Problems", GECCO 2020. The LINAS paper gives it up to 500
predictions per batch, prior weight 1.0 (Optuna's only one from version 6) and 24 candidates; more
predictions take too long.

Departure: options are categorical, but more than 32 of them are the grid of a number and an
integer to TPE.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.samplers import TPESampler
from optuna.storages import InMemoryStorage
from optuna.study import Study, StudyDirection
from optuna.trial import TrialState, create_trial

from optuna_linas.arrays import IntArray
from optuna_linas.evolution import Canonical, Evaluate, Visited
from optuna_linas.pareto import non_dominated

__all__ = ["MOTPE"]

_LONGEST_LIST = 32
_LARGEST = 1e30


@dataclass(frozen=True)
class MOTPE:
    """MOTPE; TPE where there is one objective.

    Attributes:
        max_evaluations: Where to stop even if more predictions are allowed.
        n_startup: Random rows before the first estimate, with the seeds among them.
        n_candidates: Candidates of which a variable takes the best.

    Raises:
        ValueError: A number below 1.

    Example:
        >>> visited = MOTPE(max_evaluations=15)(
        ...     lambda archs: (archs.sum(axis=1, keepdims=True) * 1.0, np.zeros(len(archs))),
        ...     np.array([3, 4]), n_objectives=1, n_evaluations=20_000,
        ...     seeds=np.array([[1, 1]]), canonical=lambda archs: archs,
        ...     rng=np.random.default_rng(0),
        ... )
        >>> visited.archs.shape
        (15, 2)
    """

    max_evaluations: int = 500
    n_startup: int = 10
    n_candidates: int = 24

    def __post_init__(self) -> None:
        for name in ("max_evaluations", "n_startup", "n_candidates"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}.")

    def __call__(
        self,
        evaluate: Evaluate,
        n_options: IntArray,
        *,
        n_objectives: int,
        n_evaluations: int,
        seeds: IntArray,
        canonical: Canonical,
        rng: np.random.Generator,
    ) -> Visited:
        """Search; see `InnerAlgorithm`. The last population is what nothing seen is better than."""
        n = min(n_evaluations, self.max_evaluations)
        study = _quiet_study(
            n_objectives,
            TPESampler(
                n_ei_candidates=self.n_candidates,
                n_startup_trials=1,
                seed=int(rng.integers(2**31)),
            ),
        )
        space = {str(j): _distribution(int(options)) for j, options in enumerate(n_options)}
        start = rng.integers(0, n_options, size=(min(n, self.n_startup), len(n_options)))
        start[: len(seeds)] = seeds[: len(start)]
        archs = np.zeros((n, len(n_options)), dtype=np.int64)
        losses, violations = np.zeros((n, n_objectives)), np.zeros(n)
        k = len(start)
        archs[:k] = start
        losses[:k], violations[:k] = evaluate(start)
        for arch, loss, violation in zip(start, losses, violations, strict=False):
            trial = create_trial(
                params={name: int(option) for name, option in zip(space, arch, strict=True)},
                distributions=space,
                values=_told(loss),
                constraints={"violation": _told(violation)[0]},
            )
            study.add_trial(trial)
        for i in range(k, n):
            live = study.ask(space)
            archs[i] = [live.params[name] for name in space]
            row, violated = evaluate(archs[i : i + 1])
            losses[i], violations[i] = row[0], violated[0]
            live.set_constraint("violation", _told(violations[i])[0])
            study.tell(live, _told(losses[i]), state=TrialState.COMPLETE)
        least = np.flatnonzero(violations == violations.min())
        _, first = np.unique(archs[least], axis=0, return_index=True)
        least = least[np.sort(first)]
        return Visited(archs, losses, violations, least[non_dominated(losses[least])])


def _told(values: ArrayLike) -> list[float]:
    """Values that Optuna accepts and whose products are finite; NaN is the worst of all."""
    limited = np.nan_to_num(np.clip(np.atleast_1d(values), -_LARGEST, _LARGEST), nan=_LARGEST)
    return [float(value) for value in limited]


def _distribution(n_options: int) -> BaseDistribution:
    if n_options > _LONGEST_LIST:
        return IntDistribution(0, n_options - 1)
    return CategoricalDistribution(range(n_options))


def _quiet_study(n_objectives: int, sampler: TPESampler) -> Study:
    """A study in memory of which nobody hears; the verbosity that the user has set stays."""
    storage, name = InMemoryStorage(), f"linas-inner-{id(sampler)}"
    logger = logging.getLogger(InMemoryStorage.__module__)

    def is_other(record: logging.LogRecord) -> bool:
        return name not in record.getMessage()

    logger.addFilter(is_other)
    try:
        storage.create_new_study([StudyDirection.MINIMIZE] * n_objectives, name)
    finally:
        logger.removeFilter(is_other)
    return Study(name, storage, sampler=sampler)
