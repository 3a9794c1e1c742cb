"""One iteration of LINAS: from everything measured to the next architectures to measure.

Cummings, Sarah, Sridhar, Szankin, Munoz and Sundaresan, "A Hardware-Aware Framework for
Accelerating Neural Architecture Search Across Modalities", 2022, Algorithm 1: train one predictor
per objective on all measurements, run an evolutionary search on the predictions, measure the best
architectures it found, repeat.

Where we depart from the paper (each can be switched back in `Settings`):

- inactive variables are masked in the features and folded before comparing, so no effective
  network is measured twice;
- the inner search starts from the measured front instead of from random rows.

Shapes: `d` variables, `m` objectives, `archs` is `int[n, d]`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.evolution import Evaluate, InnerAlgorithm, VectorizedNSGA2
from optuna_linas.history import History
from optuna_linas.pareto import non_dominated
from optuna_linas.predictors import Predictor, make_predictor
from optuna_linas.selection import best_unique, unseen
from optuna_linas.space import SearchSpace

__all__ = ["MIN_EXAMPLES", "Settings", "propose"]

MIN_EXAMPLES = 4
"""Measurements below which nothing is fitted and proposals are random."""

_LARGEST = 1e100


@dataclass(frozen=True)
class Settings:
    """How an iteration is done.

    Attributes:
        predictors: One for all objectives, or one per objective: a name of
            `optuna_linas.predictors.PREDICTORS` or a scikit-learn style regressor.
        algorithm: The inner search.
        n_inner_evaluations: Predictions that the inner search may ask for.
        masked: Zero the features of inactive variables. The paper does not.
        seeded: Start the inner search from the measured front. The paper does not.
        whole_archive: Choose among everything the inner search has seen, rather than from its
            last population as the paper does.
    """

    predictors: Sequence[str | Predictor] = ("auto",)
    algorithm: InnerAlgorithm = field(default_factory=VectorizedNSGA2)
    n_inner_evaluations: int = 20_000
    masked: bool = True
    seeded: bool = True
    whole_archive: bool = True


def propose(
    space: SearchSpace,
    history: History,
    n: int,
    rng: np.random.Generator,
    *,
    settings: Settings | None = None,
    taken: IntArray | None = None,
) -> IntArray:
    """Return the next `n` architectures to measure, best first, `int[n, d]` in canonical form.

    Args:
        space: The search space of `d` variables.
        history: What is measured. With fewer than `MIN_EXAMPLES` rows the proposals are random.
        n: How many rows to return. Fewer come back only when the space has no more unseen ones.
        rng: The source of all randomness.
        settings: How to do it; `None` for the defaults.
        taken: Further canonical rows that must not be proposed (pending or failed), `int[k, d]`.

    Raises:
        TypeError: `settings.predictors` is one name instead of a sequence.
        ValueError: The number of predictors is neither 1 nor the number of objectives.

    Example:
        >>> space = SearchSpace.from_choices({"a": [1, 2, 3], "b": [1, 2, 3]})
        >>> codes = np.array([[0, 0], [1, 1], [2, 2], [0, 2]])
        >>> history = History(
        ...     codes, codes.astype(float), constraints=np.zeros((4, 0)), numbers=np.arange(4)
        ... )
        >>> propose(space, history, 2, np.random.default_rng(0)).shape
        (2, 2)
    """
    settings = settings or Settings()
    _check_predictors(settings.predictors, history.losses.shape[1])
    known = {row.tobytes() for row in space.canonical(history.codes)}
    if taken is not None and len(taken):
        known |= {row.tobytes() for row in space.canonical(taken)}
    if len(history) < MIN_EXAMPLES or len(space) == 0:
        return unseen(space, known, n, rng)
    predict = _fit(space, history, settings, rng)
    visited = settings.algorithm(
        predict,
        space.n_options,
        n_objectives=history.losses.shape[1],
        n_evaluations=settings.n_inner_evaluations,
        seeds=_front(history) if settings.seeded else history.codes[:0],
        canonical=space.canonical,
        rng=rng,
    )
    archs = space.canonical(visited.archs)
    chosen = archs[:0]
    # The last population first when only it counts; the rest of the archive fills what is missing.
    pools = ([] if settings.whole_archive else [visited.population]) + [np.arange(len(archs))]
    for pool in pools:
        picked = best_unique(
            archs[pool],
            visited.losses[pool],
            visited.violations[pool],
            taken=known,
            n=n - len(chosen),
        )
        chosen = np.concatenate([chosen, archs[pool][picked]])
        known |= {row.tobytes() for row in chosen}
    if len(chosen) < n:
        chosen = np.concatenate([chosen, unseen(space, known, n - len(chosen), rng)])
    return chosen


def _check_predictors(predictors: Sequence[str | Predictor], n_objectives: int) -> None:
    if isinstance(predictors, str):
        raise TypeError(f"predictors is a sequence: give ({predictors!r},).")
    if len(predictors) not in (1, n_objectives):
        raise ValueError(
            f"Give one predictor for all objectives or one for each of the {n_objectives}; got "
            f"{len(predictors)}."
        )


def _fit(
    space: SearchSpace, history: History, settings: Settings, rng: np.random.Generator
) -> Evaluate:
    """Fit one predictor per loss and one per constraint."""
    # The largest float is a popular penalty, and its square would overflow.
    measured = np.clip(history.losses, -_LARGEST, _LARGEST)
    features = space.features(history.codes, masked=settings.masked)
    models = []
    for k in range(measured.shape[1]):
        model = make_predictor(settings.predictors[k % len(settings.predictors)], rng)
        model.fit(features, measured[:, k])
        models.append(model)
    guards = []
    for column in history.constraints.T:
        known = np.isfinite(column)
        if known.sum() >= MIN_EXAMPLES:
            values = np.clip(column[known], -_LARGEST, _LARGEST)
            guard = make_predictor("ridge")
            guard.fit(features[known], values)
            guards.append((guard, _spread(values)))
    scale = _spread(measured)
    worst = measured.max(axis=0) + 1e6 * scale

    def evaluate(archs: IntArray) -> tuple[FloatArray, FloatArray]:
        X = space.features(archs, masked=settings.masked)
        predicted = np.stack(
            [np.asarray(model.predict(X), dtype=float).reshape(len(X)) for model in models], axis=1
        )
        # Equal architectures under equal models tie; so they must with another number of threads,
        # whose sums differ in the last digits, or a search would not repeat elsewhere.
        losses = np.where(np.isfinite(predicted), np.round(predicted / scale, 9) * scale, worst)
        violations = np.zeros(len(archs))
        for guard, spread in guards:  # in units of their spread, or the largest unit rules
            violations += np.round(np.maximum(guard.predict(X), 0.0) / spread, 9)
        return losses, violations

    return evaluate


def _spread(values: FloatArray) -> FloatArray:
    """The range of each column, 1 where all values are the same."""
    spread = np.asarray(np.ptp(values, axis=0), dtype=float)
    return np.where(spread > 0, spread, 1.0)


def _front(history: History) -> IntArray:
    """The measured rows that no feasible measurement dominates; the least violating if none is."""
    if not history.feasible.any():
        least: IntArray = history.codes[history.violations == history.violations.min()]
        return least
    codes, losses = history.codes[history.feasible], history.losses[history.feasible]
    front: IntArray = codes[non_dominated(losses)]
    return front
