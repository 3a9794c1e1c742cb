"""The best accuracy under latency limits: the LINAS paper's figure 9.

One row for each of four limits, at 20, 40, 60 and 80 % of the way from the fastest to the slowest
network of the best known front.

Shapes: `n` networks, `k` limits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rich.table import Table

from benchmarks.ofa_search import GeneticSearch, accuracy_predictor
from benchmarks.problem import Problem
from benchmarks.searches import Search
from benchmarks.summary import mean_and_error
from benchmarks.variants import N_SAMPLES
from benchmarks.yardstick import Yardstick
from optuna_linas.arrays import FloatArray

__all__ = ["best_within", "latency_limits", "limits_table", "ofa_results", "summarise_limits"]

_SHARES = (0.2, 0.4, 0.6, 0.8)


def latency_limits(measure: Yardstick) -> FloatArray:
    """Return the limits between the ends of the best known front, `float[k]`."""
    latency = measure.front[:, 1]
    limits: FloatArray = latency.min() + np.array(_SHARES) * np.ptp(latency)
    return limits


def best_within(values: FloatArray, limits: FloatArray) -> FloatArray:
    """Return the best accuracy within each limit, `float[k]`; NaN where nothing keeps it.

    Args:
        values: Accuracies and latencies `float[n, 2]`.
        limits: Latencies `float[k]`.

    Example:
        >>> best_within(np.array([[70.0, 5.0], [75.0, 9.0]]), np.array([4.0, 5.0, 10.0]))
        array([nan, 70., 75.])
    """
    keeps = values[:, 1][None] <= limits[:, None]
    best: FloatArray = np.where(keeps, values[:, 0][None], -np.inf).max(axis=1)
    return np.where(np.isfinite(best), best, np.nan)


def ofa_results(
    problem: Problem, limits: FloatArray, seed: int, search: GeneticSearch
) -> FloatArray:
    """Return the best accuracy that once-for-all's search measures under each limit, `float[k]`.

    It measures `N_SAMPLES` random networks, learns their accuracy, searches for each limit and
    measures what it found. Latency is known exactly, as from its table. What it measured to learn
    from counts too, if it is better.
    """
    rng = np.random.default_rng([seed, 9])
    space = problem.space
    samples = space.canonical(space.sample(N_SAMPLES, rng))
    values = problem.evaluate(samples)
    predictor = accuracy_predictor(rng)
    predictor.fit(space.features(samples), values[:, 0])
    found = [
        search(
            space,
            lambda rows: predictor.predict(space.features(rows)),
            lambda rows: problem.evaluate(rows)[:, 1],
            float(limit),
            rng,
        )
        for limit in limits
    ]
    values = np.concatenate([values, problem.evaluate(np.array(found))])
    return best_within(values, limits)


def summarise_limits(
    problem: Problem,
    measure: Yardstick,
    searches: Mapping[str, Sequence[Search]],
    ofa: Sequence[FloatArray],
) -> dict[str, Any]:
    """Return the figures as plain data.

    Args:
        problem: The problem: accuracy to maximise, latency to minimise.
        measure: Its yardstick.
        searches: Sampler to one search per seed.
        ofa: Once-for-all's best accuracies under each limit, for each seed.
    """
    limits = latency_limits(measure)
    front = measure.front * np.array([-1.0, 1.0])
    methods: dict[str, tuple[int, Sequence[FloatArray]]] = {
        "OFA's genetic search": (N_SAMPLES + len(limits), ofa)
    }
    for name, runs in searches.items():
        methods[name] = (len(runs[0].values), [best_within(run.values, limits) for run in runs])
    return {
        "goals": [vars(goal) for goal in problem.goals],
        "limits": limits.tolist(),
        "best_known": best_within(front, limits).tolist(),
        "methods": {
            name: {
                "n_evaluations": n,
                "best": [
                    {**_mean_and_error(column), "by_seed": column.tolist()}
                    for column in np.stack(best).T
                ],
            }
            for name, (n, best) in methods.items()
        },
    }


def _mean_and_error(values: FloatArray) -> dict[str, float | None]:
    """Return the figures over the seeds that kept the limit, and nothing if none did."""
    kept = [float(v) for v in values if np.isfinite(v)]
    return mean_and_error(kept) if kept else {"mean": None, "standard_error": None}


def limits_table(name: str, found: Mapping[str, Any]) -> Table:
    """Return the table of what `summarise_limits` found."""
    accuracy, latency = found["goals"]
    table = Table(
        title=f"{name}: best measured {accuracy['name']} ({accuracy['unit']}) under a limit on "
        f"{latency['name']} ({latency['unit']})",
        caption="Mean ± standard error over seeds.",
        title_justify="left",
        caption_justify="left",
    )
    table.add_column("method", no_wrap=True)
    table.add_column("evaluations", justify="right")
    for limit in found["limits"]:
        table.add_column(f"≤ {limit:.1f}", justify="right", no_wrap=True)
    for method, figures in found["methods"].items():
        cells = [_cell(each) for each in figures["best"]]
        table.add_row(method, f"{figures['n_evaluations']:,}", *cells)
    table.add_row("best known", "", *(f"{v:.2f}" for v in found["best_known"]), end_section=True)
    return table


def _cell(figure: Mapping[str, Any]) -> str:
    if figure["mean"] is None:
        return "–"
    error = figure["standard_error"]
    return f"{figure['mean']:.2f}" + ("" if error is None else f" ±{error:.2f}")
