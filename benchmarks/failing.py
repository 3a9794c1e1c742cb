"""Problems of which a third of the networks cannot be measured.

The same networks and the same measurements as without, but that some have no values, as trials
that raise or return NaN. What the best front is worth is counted with all networks, so that shares
of it compare: nobody can reach all of it.

Shapes: `n` architectures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from zlib import crc32

import numpy as np

from benchmarks.problem import Problem
from optuna_linas.arrays import BoolArray, FloatArray, IntArray

__all__ = ["FAILURES", "failing"]

_SHARE = 0.35
_N_UNSUPPORTED = 3
_N_SAMPLE = 3_000

Fails = Callable[[IntArray, FloatArray], BoolArray]
"""From canonical rows `int[n, d]` and their losses `float[n, m]` to which fail, `bool[n]`."""


def failing(problem: Problem, kind: str) -> Problem:
    """Return the problem with failures of a kind of `FAILURES`."""
    fails = FAILURES[kind](problem)

    def evaluate(archs: IntArray) -> FloatArray:
        values = problem.evaluate(archs).astype(float)
        values[fails(problem.space.canonical(archs), problem.losses(values))] = np.nan
        return values

    return replace(problem, name=f"{problem.name}-{kind}", evaluate=evaluate, original=problem)


def _unsupported(problem: Problem) -> Fails:
    """Three options, each of them in one place, that a device does not know."""
    rng = np.random.default_rng(7)
    share = problem.space.features(problem.space.sample(_N_SAMPLE, rng)).mean(axis=0)
    columns = np.argsort(np.abs(share - _SHARE / _N_UNSUPPORTED) + 0.1 * rng.random(len(share)))
    unknown = columns[:_N_UNSUPPORTED]

    def fails(archs: IntArray, losses: FloatArray) -> BoolArray:
        found: BoolArray = problem.space.features(archs)[:, unknown].max(axis=1) > 0
        return found

    return fails


def _memory(problem: Problem) -> Fails:
    """The most expensive networks, by the last loss: they do not fit."""
    rows = problem.space.sample(_N_SAMPLE, np.random.default_rng(7))
    limit = np.quantile(problem.losses(problem.evaluate(rows))[:, -1], 1 - _SHARE)

    def fails(archs: IntArray, losses: FloatArray) -> BoolArray:
        found: BoolArray = losses[:, -1] > limit
        return found

    return fails


def _crashes(problem: Problem) -> Fails:
    """A third of the networks for no reason that they could tell."""

    def fails(archs: IntArray, losses: FloatArray) -> BoolArray:
        drawn = np.array([crc32(row.tobytes()) for row in archs.astype(np.int64)], dtype=float)
        return drawn < _SHARE * 2.0**32

    return fails


FAILURES: Mapping[str, Callable[[Problem], Fails]] = {
    "unsupported": _unsupported,
    "memory": _memory,
    "crashes": _crashes,
}
"""What comes behind a problem's name to what fails then."""
