"""OFA MobileNetV3 as a space of operations: each block takes one by its name, or is skipped.

The same networks and the same measurements as `ofa-mbv3-*`, told as FBNet and ProxylessNAS tell
them: twenty variables, each a choice among words. What is lost is that kernels and expansions are
sizes; what is left is that a word means something similar in every block.

Shapes: `n` architectures.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.problem import Problem
from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.space import SearchSpace

__all__ = ["as_operations"]

_N_UNITS, _N_LAYERS, _MIN_DEPTH = 5, 4, 2
_OPERATIONS = tuple(f"mb_{size}_{expand}" for size in "sml" for expand in ("slim", "mid", "wide"))
_SKIP = "skip"


def as_operations(problem: Problem) -> Problem:
    """Return `ofa-mbv3-*` in terms of operations."""
    space = _space()

    def evaluate(archs: IntArray) -> FloatArray:
        return problem.evaluate(problem.space.canonical(_translated(space, archs)))

    return replace(
        problem, name=f"{problem.name}-ops", space=space, evaluate=evaluate, original=problem
    )


def _space() -> SearchSpace:
    choices: dict[str, tuple[str, ...]] = {}
    conditions: dict[str, dict[str, list[str]]] = {}
    for layer in range(_N_UNITS * _N_LAYERS):
        at = layer % _N_LAYERS
        choices[f"block_{layer}"] = _OPERATIONS + ((_SKIP,) if at >= _MIN_DEPTH else ())
        if at > _MIN_DEPTH:
            conditions[f"block_{layer}"] = {f"block_{layer - 1}": list(_OPERATIONS)}
    return SearchSpace.from_choices(choices, conditions)


def _translated(space: SearchSpace, archs: IntArray) -> IntArray:
    """The rows of `ofa_space` that stand for the same networks, `int[n, 45]`."""
    exists = space.active(archs) & (archs < len(_OPERATIONS))
    operation = np.where(exists, archs, 0)
    layers = exists.reshape(len(archs), _N_UNITS, _N_LAYERS)
    depth = layers[:, :, _MIN_DEPTH:].sum(axis=2)
    return np.hstack([depth, operation // 3, operation % 3])
