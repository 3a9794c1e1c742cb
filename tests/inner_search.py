"""Calling an inner search in tests: what all of them pass alike."""

from typing import Any

import numpy as np

from optuna_linas.evolution import Evaluate, InnerAlgorithm, Visited


def search(
    algorithm: InnerAlgorithm,
    evaluate: Evaluate,
    n_options: np.ndarray,
    *,
    n_objectives: int | None = None,
    seed: int = 0,
    **changes: Any,
) -> Visited:
    """Search a space without conditions or seeds; `changes` are other arguments of the search."""
    if n_objectives is None:
        losses, _ = evaluate(np.zeros((1, len(n_options)), dtype=np.int64))
        n_objectives = losses.shape[1]
    settings: dict[str, Any] = {
        "n_objectives": n_objectives,
        "n_evaluations": 2000,
        "seeds": np.zeros((0, len(n_options)), dtype=np.int64),
        "canonical": lambda archs: archs,
        "rng": np.random.default_rng(seed),
    }
    return algorithm(evaluate, n_options, **(settings | changes))
