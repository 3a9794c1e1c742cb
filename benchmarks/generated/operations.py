"""Networks of operations without an order, with conditions two deep.

Four stages of one to four blocks. A block has an operation, and most operations have a width and an
activation of their own. What an operation is worth depends on the stage, on its activation and on
the block before it; each further block of a stage adds less. Latency is a sum over blocks, with a
discount where a block repeats the operation before it (they are fused).
"""

from __future__ import annotations

import numpy as np

from benchmarks.generated.scores import percent
from benchmarks.problem import Goal, Problem
from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.space import SearchSpace

__all__ = ["make"]

N_STAGES, N_BLOCKS = 4, 4
OPERATIONS = ("skip", "attention", "conv", "pool", "depthwise", "dilated")
PLAIN = ("skip", "pool")  # no width, no activation
ACTIVATIONS = ("swish", "relu", "gelu")
WIDTHS = (0.25, 0.5, 0.75, 1.0)


def make(rng: np.random.Generator) -> Problem:
    """Return a problem of 52 variables."""
    space = _space()
    stages, ops = N_STAGES, len(OPERATIONS)
    has_width = np.array([op not in PLAIN for op in OPERATIONS])
    # Better operations tend to cost more, or there would be no trade-off.
    log_cost = np.where(has_width, rng.normal(0.5, 0.6, ops), rng.normal(-1.5, 0.3, ops))
    worth = 0.5 * log_cost + rng.normal(0, 0.6, ops) + rng.normal(0, 0.5, (stages, ops))
    with_activation = has_width[:, None] * rng.normal(0, 0.5, (stages, ops, len(ACTIVATIONS)))
    after = rng.normal(0, 0.6, (ops + 1, ops))  # the last row: the first block of a stage
    width_gain = has_width * rng.uniform(0.4, 1.4, (stages, ops))
    importance = rng.dirichlet(np.full(stages, 3.0)) * stages
    cost_power = rng.uniform(0.8, 2.0, ops)
    stage_cost = np.exp(rng.normal(0, 0.5, stages))
    widths = np.array(WIDTHS)

    def blocks(archs: IntArray) -> tuple[IntArray, ...]:
        """Depth `[n, stages]`; operation, activation and width `[n, stages, blocks]`."""
        per_stage = archs.reshape(len(archs), stages, 1 + 3 * N_BLOCKS)
        inner = per_stage[:, :, 1:].reshape(len(archs), stages, N_BLOCKS, 3)
        return per_stage[:, :, 0] + 1, inner[..., 0], inner[..., 1], inner[..., 2]

    def score(archs: IntArray) -> FloatArray:
        depth, op, activation, width = blocks(archs)
        s = np.arange(stages)[None, :, None]
        before = np.concatenate([np.full_like(op[..., :1], ops), op[..., :-1]], axis=2)
        gain = worth[s, op] + with_activation[s, op, activation] + after[before, op]
        gain = gain + width_gain[s, op] * np.log2(1 + 3 * widths[width])
        exists = np.arange(N_BLOCKS) < depth[..., None]
        total = (gain * exists * 0.7 ** np.arange(N_BLOCKS)).sum(axis=2)
        per_stage: FloatArray = importance * np.tanh(total / 3)
        result: FloatArray = per_stage.sum(axis=1)
        return result

    def latency(archs: IntArray) -> FloatArray:
        depth, op, _, width = blocks(archs)
        exists = np.arange(N_BLOCKS) < depth[..., None]
        scale = np.where(has_width[op], widths[width] ** cost_power[op], 1.0)
        fused = np.zeros(op.shape, dtype=bool)
        fused[..., 1:] = op[..., 1:] == op[..., :-1]
        cost = np.exp(log_cost)[op] * scale * stage_cost[:, None] * np.where(fused, 0.8, 1.0)
        total: FloatArray = 2.0 + (cost * exists).sum(axis=(1, 2))
        return total

    accuracy = percent(score, space, rng)

    def evaluate(archs: IntArray) -> FloatArray:
        rows = space.canonical(archs)
        return np.stack([accuracy(rows), latency(rows)], axis=1)

    goals = (Goal("accuracy", "%", "maximize"), Goal("latency", "ms", "minimize"))
    return Problem("", space, goals, evaluate, "generated: networks of operations", "")


def _space() -> SearchSpace:
    choices: dict[str, tuple[int | float | str, ...]] = {}
    conditions: dict[str, dict[str, list[int | float | str]]] = {}
    wide = [op for op in OPERATIONS if op not in PLAIN]
    for s in range(N_STAGES):
        choices[f"stage{s}_depth"] = tuple(range(1, N_BLOCKS + 1))
        for i in range(N_BLOCKS):
            block = f"stage{s}_block{i}"
            choices[f"{block}_op"] = OPERATIONS
            choices[f"{block}_activation"] = ACTIVATIONS
            choices[f"{block}_width"] = WIDTHS
            if i:
                conditions[f"{block}_op"] = {
                    f"stage{s}_depth": [d for d in range(1, N_BLOCKS + 1) if d > i]
                }
            for child in ("activation", "width"):
                conditions[f"{block}_{child}"] = {f"{block}_op": list(wide)}
    return SearchSpace.from_choices(choices, conditions)
