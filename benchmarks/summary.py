"""From searches to figures: means with their standard errors over the seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.problem import Problem
from benchmarks.searches import Search
from benchmarks.yardstick import Yardstick
from optuna_linas.arrays import FloatArray

__all__ = ["CHECKPOINTS", "evaluations_to", "mean_and_error", "summarise_problem"]

CHECKPOINTS = (20, 50, 100, 150, 200, 250, 500, 1_000, 2_000)
"""Evaluations at which hypervolumes are reported, besides the last."""

_LAST = 50
"""Trials over which a sampler's final speed is averaged: several batches."""

Curves = Mapping[str, Mapping[int, FloatArray]]
"""Sampler to seed to hypervolume shares `float[n]`."""


def mean_and_error(values: Sequence[float]) -> dict[str, float | None]:
    """Return the mean and its standard error (None for a single value)."""
    n = len(values)
    error = float(np.std(values, ddof=1) / np.sqrt(n)) if n > 1 else None
    return {"mean": float(np.mean(values)), "standard_error": error}


def evaluations_to(curve: FloatArray, target: float) -> int | None:
    """Return the first evaluation at which a rising curve `float[n]` reaches a target, or None.

    Example:
        >>> evaluations_to(np.array([0.1, 0.4, 0.4, 0.6]), target=0.4)
        2
    """
    reached = np.flatnonzero(curve >= target)
    return int(reached[0]) + 1 if len(reached) else None


def summarise_problem(
    problem: Problem,
    measure: Yardstick,
    searches: Mapping[str, Mapping[int, Search]],
    references: Mapping[str, tuple[str, int]],
    *,
    shown: Sequence[str],
    n_evaluations: int,
) -> dict[str, Any]:
    """Return a problem's figures as plain data.

    Args:
        problem: The problem.
        measure: Its yardstick.
        searches: Sampler to seed to search; those of the targets may be longer than
            `n_evaluations`.
        references: Target name to the sampler and the number of evaluations that define it.
        shown: The samplers to report on, in order.
        n_evaluations: Evaluations to report on.
    """
    curves = {
        name: {seed: measure.curve(problem.losses(run.values)) for seed, run in runs.items()}
        for name, runs in searches.items()
    }
    targets = {
        target: float(np.mean([curve[n - 1] for curve in curves[name].values()]))
        for target, (name, n) in references.items()
        if name in curves and all(len(curve) >= n for curve in curves[name].values())
    }
    return {
        "goals": [vars(goal) for goal in problem.goals],
        "n_variables": len(problem.space),
        "n_architectures": problem.space.size(),
        "n_networks": problem.space.size(effective=True),
        "source": problem.source,
        "reference_point": [float(v) for v in problem.losses(measure.reference)],
        "best_front_size": len(measure.front),
        "best_front_hypervolume": measure.volume,
        "targets": targets,
        "samplers": {
            name: _summarise_sampler(curves[name], searches[name], targets, n_evaluations)
            for name in shown
            if name in searches
        },
    }


def _summarise_sampler(
    curves: Mapping[int, FloatArray],
    runs: Mapping[int, Search],
    targets: Mapping[str, float],
    n_evaluations: int,
) -> dict[str, Any]:
    seeds = sorted(curves)
    n = min(n_evaluations, *(len(curves[seed]) for seed in seeds))
    stacked = np.stack([curves[seed][:n] for seed in seeds])
    seconds = np.stack([runs[seed].seconds[:n] for seed in seeds])
    last = min(_LAST, n)
    checkpoints = sorted({n, *(c for c in CHECKPOINTS if c <= n)})
    return {
        "seeds": seeds,
        "n_evaluations": n,
        "hypervolume": {
            str(c): {
                **mean_and_error([float(v) for v in stacked[:, c - 1]]),
                "by_seed": _rounded(stacked[:, c - 1]),
            }
            for c in checkpoints
        },
        "evaluations_to": {
            target: _reached([evaluations_to(row, share) for row in stacked], n)
            for target, share in targets.items()
        },
        "seconds_per_trial": {
            **mean_and_error([float(v) for v in seconds.mean(axis=1)]),
            "last_50": float(seconds[:, n - last :].mean()),
            "until": {str(c): float(seconds[:, :c].mean()) for c in checkpoints},
        },
        "curve": {
            "mean": _rounded(stacked.mean(axis=0)),
            "standard_error": (
                _rounded(stacked.std(axis=0, ddof=1) / np.sqrt(len(seeds)))
                if len(seeds) > 1
                else None
            ),
        },
    }


def _reached(firsts: Sequence[int | None], n: int) -> dict[str, Any]:
    """Summarise first evaluations; a search that never got there counts as `n`, a lower bound."""
    return {
        **mean_and_error([n if first is None else first for first in firsts]),
        "by_seed": list(firsts),
        "n_reached": sum(first is not None for first in firsts),
        "is_lower_bound": any(first is None for first in firsts),
    }


def _rounded(values: FloatArray) -> list[float]:
    return [round(float(v), 5) for v in values]
