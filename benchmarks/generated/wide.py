"""A hundred variables: ten stages of one to three blocks, each with kernel, expansion and gate.

Sizes have an order, but more is not always better: every block has its own best kernel and best
expansion, and a stage that is much larger than the one before it is wasted. Latency comes from a
table per block with the quirks of a device: a larger kernel is sometimes faster.
"""

from __future__ import annotations

import numpy as np

from benchmarks.generated.scores import percent
from benchmarks.problem import Goal, Problem
from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.space import SearchSpace
from optuna_linas.variable import Option

__all__ = ["make"]

N_STAGES, N_BLOCKS = 10, 3
KERNELS, EXPANSIONS = (3, 5, 7), (2, 4, 6)


def make(rng: np.random.Generator) -> Problem:
    """Return a problem of 100 variables."""
    space = _space()
    shape = (N_STAGES, N_BLOCKS)
    importance = rng.gamma(2.0, 0.5, shape) * 0.8 ** np.arange(N_BLOCKS)
    # Peaks beyond the largest option exist too: there, more is better.
    best_kernel, best_expansion = rng.uniform(0, 3, shape), rng.uniform(0.5, 4, shape)
    gate_gain = rng.normal(0.15, 0.25, shape)
    imbalance = rng.uniform(0.05, 0.25, N_STAGES - 1)
    channels = np.exp(np.cumsum(rng.normal(0, 0.3, N_STAGES)))
    quirks = np.exp(rng.normal(0, 0.15, (*shape, 3, 3)))
    sizes = np.array(KERNELS)[:, None] ** 1.5 * np.array(EXPANSIONS)[None]
    table = channels[:, None, None, None] * sizes * quirks / 20
    gate_cost = 0.15 * channels * np.exp(rng.normal(0, 0.3, N_STAGES))

    def blocks(archs: IntArray) -> tuple[IntArray, IntArray, IntArray, IntArray]:
        """Existence, kernel, expansion and gate, each `[n, stages, blocks]`."""
        per_stage = archs.reshape(len(archs), N_STAGES, 1 + 3 * N_BLOCKS)
        inner = per_stage[:, :, 1:].reshape(len(archs), N_STAGES, N_BLOCKS, 3)
        exists = np.arange(N_BLOCKS) <= per_stage[:, :, :1]
        return exists.astype(np.int64), inner[..., 0], inner[..., 1], inner[..., 2]

    def score(archs: IntArray) -> FloatArray:
        exists, kernel, expansion, gate = blocks(archs)
        fit = 1.5 - 0.2 * (kernel - best_kernel) ** 2 - 0.12 * (expansion - best_expansion) ** 2
        gain = importance * (fit + gate_gain * gate * expansion) * exists
        size = ((expansion + 1) * exists).sum(axis=2)
        jump = np.maximum(0, size[:, 1:] - size[:, :-1] - 3)
        total: FloatArray = gain.sum(axis=(1, 2)) - (imbalance * jump).sum(axis=1)
        return total

    def latency(archs: IntArray) -> FloatArray:
        exists, kernel, expansion, gate = blocks(archs)
        s, b = np.arange(N_STAGES)[:, None], np.arange(N_BLOCKS)[None]
        cost = table[s, b, kernel, expansion] + gate_cost[:, None] * gate
        total: FloatArray = 5 + (cost * exists).sum(axis=(1, 2))
        return total

    accuracy = percent(score, space, rng)

    def evaluate(archs: IntArray) -> FloatArray:
        rows = space.canonical(archs)
        return np.stack([accuracy(rows), latency(rows)], axis=1)

    goals = (Goal("accuracy", "%", "maximize"), Goal("latency", "ms", "minimize"))
    return Problem("", space, goals, evaluate, "generated: a wide network", "")


def _space() -> SearchSpace:
    choices: dict[str, tuple[Option, ...]] = {}
    conditions: dict[str, dict[str, list[Option]]] = {}
    for s in range(N_STAGES):
        depth = f"n_blocks_{s}"
        choices[depth] = tuple(range(1, N_BLOCKS + 1))
        for i in range(N_BLOCKS):
            block: dict[str, tuple[Option, ...]] = {
                f"kernel_{s}_{i}": KERNELS,
                f"expansion_{s}_{i}": EXPANSIONS,
                f"gate_{s}_{i}": (False, True),
            }
            choices |= block
            if i:
                deeper: list[Option] = [d for d in range(1, N_BLOCKS + 1) if d > i]
                conditions |= {name: {depth: deeper} for name in block}
    return SearchSpace.from_choices(choices, conditions)
