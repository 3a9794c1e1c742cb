"""A network and its training together: integers, floats, logarithmic scales and categories.

Two to eight layers with a width each, and the settings of their training. The best learning rate
depends on the optimiser and on the depth, the best dropout on the network's size, the normalisation
and the activation interact. Everything is smooth in the numbers.
"""

from __future__ import annotations

import numpy as np

from benchmarks.problem import Goal, Problem
from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.space import SearchSpace
from optuna_linas.variable import Condition, Variable

__all__ = ["make"]

MIN_LAYERS, MAX_LAYERS = 2, 8
OPTIMISERS = ("sgd", "lion", "adamw")
NORMS = ("none", "layer", "batch", "group")
ACTIVATIONS = ("gelu", "relu", "tanh", "swish")
AUGMENTATIONS = ("flip", "none", "cutout", "auto", "mixup")


def make(rng: np.random.Generator) -> Problem:
    """Return a problem of 18 variables, of which 6 are conditional."""
    space = _space()
    grids = [np.array(v.options) if v.is_number else None for v in space.variables]
    column = {name: j for j, name in enumerate(space.names)}

    def number(archs: IntArray, name: str) -> FloatArray:
        grid = grids[column[name]]
        assert grid is not None
        values: FloatArray = grid[archs[:, column[name]]].astype(float)
        return values

    power, floor = rng.uniform(0.25, 0.5), rng.uniform(3, 6)
    layer_worth = rng.dirichlet(np.full(MAX_LAYERS, 4.0)) * MAX_LAYERS
    best_log_rate = rng.uniform(-4, -2, len(OPTIMISERS))
    depth_shift = rng.uniform(0.0, 0.15)
    optimiser_loss = rng.uniform(0, 1.5, len(OPTIMISERS))
    norm_activation = rng.gamma(1.5, 0.8, (len(NORMS), len(ACTIVATIONS)))
    augmentation_loss = rng.gamma(1.5, 0.8, (len(AUGMENTATIONS), 2))
    norm_cost = rng.uniform(0, 0.3, len(NORMS))
    activation_cost = rng.uniform(0, 0.3, len(ACTIVATIONS))
    best_batch, best_decay, best_smoothing = (
        rng.uniform(4, 8),
        rng.uniform(-5, -2),
        rng.random() / 4,
    )

    def units(archs: IntArray) -> FloatArray:
        """Widths `[n, layers]`, zero where a layer does not exist."""
        widths = np.stack([number(archs, f"units_{i}") for i in range(MAX_LAYERS)], axis=1)
        return widths * (np.arange(MAX_LAYERS) < number(archs, "n_layers")[:, None])

    def error(archs: IntArray) -> FloatArray:
        code = {name: archs[:, j] for name, j in column.items()}
        capacity = (layer_worth * np.log2(1 + units(archs) / 8)).sum(axis=1)
        n_layers, optimiser = number(archs, "n_layers"), code["optimizer"]
        rate = np.log10(number(archs, "learning_rate"))
        off = rate - best_log_rate[optimiser] + depth_shift * (n_layers - MIN_LAYERS)
        wanted_dropout = np.clip(capacity / 60, 0, 0.5)
        large = (capacity > 18).astype(int)  # small networks gain nothing from augmentation
        total: FloatArray = (
            floor
            + 60 * (1 + capacity) ** -power
            + 1.5 * off**2
            + optimiser_loss[optimiser]
            + norm_activation[code["norm"], code["activation"]]
            + augmentation_loss[code["augmentation"], large]
            + 12 * (number(archs, "dropout") - wanted_dropout) ** 2
            + 0.15 * (np.log2(number(archs, "batch_size")) - best_batch) ** 2
            + 0.2 * (np.log10(number(archs, "weight_decay")) - best_decay) ** 2
            + 10 * (number(archs, "label_smoothing") - best_smoothing) ** 2
        )
        return total

    def latency(archs: IntArray) -> FloatArray:
        widths = np.concatenate([np.full((len(archs), 1), 64.0), units(archs)], axis=1)
        products = (widths[:, 1:] * widths[:, :-1]).sum(axis=1)
        extra = (
            norm_cost[archs[:, column["norm"]]] + activation_cost[archs[:, column["activation"]]]
        )
        total: FloatArray = (
            0.5 + products / 2e4 * (1 + 0.2 * extra) + extra * number(archs, "n_layers") / 4
        )
        return total

    def evaluate(archs: IntArray) -> FloatArray:
        rows = space.canonical(archs)
        return np.stack([error(rows), latency(rows)], axis=1)

    goals = (Goal("error", "%", "minimize"), Goal("latency", "ms", "minimize"))
    return Problem("", space, goals, evaluate, "generated: a network and its training", "")


def _space() -> SearchSpace:
    variables = [Variable.integer("n_layers", MIN_LAYERS, MAX_LAYERS)]
    for i in range(MAX_LAYERS):
        deeper = tuple(range(i + 1, MAX_LAYERS + 1))
        conditions = [Condition("n_layers", deeper)] if i >= MIN_LAYERS else []
        variables.append(Variable.integer(f"units_{i}", 16, 256, step=16, conditions=conditions))
    return SearchSpace(
        [
            *variables,
            Variable.floating("learning_rate", 1e-5, 1e-1, log=True),
            Variable.floating("weight_decay", 1e-6, 1e-1, log=True),
            Variable.floating("dropout", 0.0, 0.6, step=0.05),
            Variable.floating("label_smoothing", 0.0, 0.3),
            Variable.integer("batch_size", 8, 512, log=True),
            Variable.categorical("optimizer", OPTIMISERS),
            Variable.categorical("norm", NORMS),
            Variable.categorical("activation", ACTIVATIONS),
            Variable.categorical("augmentation", AUGMENTATIONS),
        ]
    )
