"""A small network search with conditional parameters, and how good a study's results are.

18,522 effective networks. It takes microseconds to evaluate: what the tests are about is
everything around it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState

from optuna_linas.pareto import hypervolume
from optuna_linas.space import SearchSpace
from optuna_linas.variable import Condition, Variable

__all__ = [
    "DIRECTIONS",
    "SPACE",
    "architecture",
    "evaluate",
    "evaluate_params",
    "measured_volume",
    "objective",
    "unconditional",
]

DIRECTIONS = ("maximize", "minimize")
_WIDTHS = (8, 16, 24, 32, 48, 64)
_BEST_KERNEL = (3, 7, 5)
_IN_LAYER = [(), [Condition("depth", (2, 3))], [Condition("depth", (3,))]]
_REFERENCE = (-0.3, 220.0)
"""Minus accuracy, and latency: a useless network."""


SPACE = SearchSpace(
    [
        Variable.integer("depth", 1, 3),
        Variable.categorical("activation", ["relu", "swish", "none"]),
        *(
            variable
            for i in range(3)
            for variable in (
                Variable.categorical(f"width_{i}", _WIDTHS, _IN_LAYER[i]),
                Variable.categorical(f"kernel_{i}", [3, 5, 7], _IN_LAYER[i]),
            )
        ),
    ]
)


def objective(trial: optuna.Trial) -> tuple[float, float]:
    """Suggest a network, layer by layer, and return its accuracy and latency."""
    depth = trial.suggest_int("depth", 1, 3)
    activation = trial.suggest_categorical("activation", ["relu", "swish", "none"])
    layers = [
        (
            trial.suggest_categorical(f"width_{i}", _WIDTHS),
            trial.suggest_categorical(f"kernel_{i}", [3, 5, 7]),
        )
        for i in range(depth)
    ]
    accuracy, latency_ms = evaluate(activation, layers)
    trial.set_user_attr("latency_ms", latency_ms)
    return accuracy, latency_ms


def unconditional(trial: optuna.Trial) -> tuple[float, float]:
    """The networks of three layers."""
    layers = [
        (
            trial.suggest_categorical(f"width_{i}", _WIDTHS),
            trial.suggest_categorical(f"kernel_{i}", [3, 5, 7]),
        )
        for i in range(3)
    ]
    return evaluate("swish", layers)


def evaluate(activation: str, layers: Sequence[tuple[int, int]]) -> tuple[float, float]:
    """Accuracy and latency: deeper and wider is better and slower, each layer has its kernel."""
    capacity = sum(
        math.sqrt(width) * (1.0 if kernel == _BEST_KERNEL[i] else 0.55)
        for i, (width, kernel) in enumerate(layers)
    )
    capacity *= {"relu": 0.9, "swish": 1.0, "none": 0.5}[activation]
    latency_ms = sum(width * (1 + kernel / 7) for width, kernel in layers)
    latency_ms *= {"relu": 1.0, "swish": 1.15, "none": 0.97}[activation]
    return 1 - math.exp(-capacity / 8), latency_ms


def evaluate_params(params: Mapping[str, Any]) -> tuple[float, float]:
    """The values of a network by its parameters."""
    layers = [(params[f"width_{i}"], params[f"kernel_{i}"]) for i in range(params["depth"])]
    return evaluate(params["activation"], layers)


def architecture(trial: FrozenTrial) -> tuple[tuple[str, object], ...]:
    """What makes two trials the same network: all parameters, as none is suggested in vain."""
    return tuple(sorted(trial.params.items()))


def measured_volume(trials: Sequence[FrozenTrial]) -> float:
    """The hypervolume of the complete trials."""
    values = [trial.values for trial in trials if trial.state == TrialState.COMPLETE]
    losses = np.array(values, dtype=float).reshape(-1, 2) * np.array([-1.0, 1.0])
    losses = losses[np.isfinite(losses).all(axis=1)]
    return float(hypervolume(losses, np.array(_REFERENCE)))
