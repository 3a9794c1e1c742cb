"""Tables of the population benchmark: means, spread, and paired rank tests over seeds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.stats import wilcoxon

from benchmarks.summary import mean_and_error

__all__ = ["print_overhead", "print_report", "summarise"]

_FIGURES = (
    "validation_loss",
    "validation_accuracy",
    "test_loss",
    "test_accuracy",
    "soup_test_accuracy",
    "soup_members",
    "soup_candidates",
    "seconds",
)
_REFERENCE = "pbt-nas"


def summarise(methods: Mapping[str, Mapping[int, Mapping[str, Any]]]) -> dict[str, Any]:
    """Return each method's figures over seeds, and its rank test against PBT-NAS.

    Args:
        methods: Method to seed to what `search` returned.
    """
    summary: dict[str, Any] = {}
    for method, by_seed in methods.items():
        seeds = sorted(by_seed)
        entry: dict[str, Any] = {"seeds": seeds, "by_seed": [by_seed[seed] for seed in seeds]}
        for name in _FIGURES:
            values = [float(by_seed[seed][name]) for seed in seeds]
            spread = float(np.std(values, ddof=1)) if len(values) > 1 else None
            entry[name] = mean_and_error(values) | {"standard_deviation": spread}
        if method != _REFERENCE and _REFERENCE in methods:
            for name in ("test_accuracy", "test_loss", "validation_loss"):
                entry[f"p_{name}"] = _p_value(methods[_REFERENCE], by_seed, name)
        entry["p_soup"] = paired_p(
            [by_seed[s]["soup_test_accuracy"] for s in seeds],
            [by_seed[s]["test_accuracy"] for s in seeds],
        )
        summary[method] = entry
    return summary


def paired_p(first: list[float], second: list[float]) -> float | None:
    """Return the two-sided p-value of Wilcoxon's signed-rank test on pairs.

    `None` where fewer than six pairs differ: then no outcome could be below 0.05.

    Example:
        >>> paired_p([1, 2, 3, 4, 5, 6], [0, 0, 0, 0, 0, 0])
        0.03125
        >>> paired_p([1, 2], [0, 0])
    """
    differences = np.subtract(first, second)
    if np.count_nonzero(differences) < 6:
        return None
    return float(wilcoxon(differences, zero_method="wilcox").pvalue)


def _p_value(
    reference: Mapping[int, Mapping[str, Any]],
    other: Mapping[int, Mapping[str, Any]],
    name: str,
) -> float | None:
    seeds = sorted(reference.keys() & other.keys())
    return paired_p([reference[s][name] for s in seeds], [other[s][name] for s in seeds])


def print_report(results: Mapping[str, Any], console: Console) -> None:
    """Print one table per setting."""
    for name, methods in results["settings"].items():
        n_seeds = max(len(entry["seeds"]) for entry in methods.values())
        table = Table(
            title=f"{results['task']}: {name}, {n_seeds} seeds",
            caption="Mean ± standard error (standard deviation); the winner is chosen by "
            "validation loss. p: Wilcoxon's signed-rank test of the test accuracy against PBT-NAS, "
            "seed by seed; of the soup: against the winner alone.",
            title_justify="left",
            caption_justify="left",
        )
        table.add_column("method", no_wrap=True)
        for heading in (
            "validation loss",
            "test accuracy [%]",
            "p",
            "test loss",
            "p",
            "soup [%]",
            "p",
            "in soup",
            "s",
        ):
            table.add_column(heading, justify="right")
        for method, entry in methods.items():
            table.add_row(
                method,
                _figure(entry["validation_loss"], 3),
                _figure(entry["test_accuracy"], 2),
                _p(entry.get("p_test_accuracy")),
                _figure(entry["test_loss"], 3),
                _p(entry.get("p_test_loss")),
                _figure(entry["soup_test_accuracy"], 2),
                _p(entry["p_soup"]),
                f"{entry['soup_members']['mean']:.1f} of {entry['soup_candidates']['mean']:.1f}",
                f"{entry['seconds']['mean']:.0f}",
            )
        console.print(table)


def print_overhead(results: list[Mapping[str, Any]], console: Console) -> None:
    """Print seconds per step of sampling, restoring and saving."""
    table = Table(
        title="Seconds that a step costs besides the training",
        caption="Median over the steps of a search; share of a step that trains for 10 s.",
        title_justify="left",
        caption_justify="left",
    )
    for heading in (
        "storage",
        "network",
        "parameters",
        "MB",
        "sampling",
        "restore",
        "save",
        "all",
        "share",
    ):
        table.add_column(heading, justify="right")
    for row in results:
        table.add_row(
            row["storage"],
            row["network"],
            f"{row['n_parameters']:,}",
            f"{row['checkpoint_mb']:.1f}",
            *(f"{row[name]:.3f}" for name in ("sampling_s", "restore_s", "save_s", "all_s")),
            f"{row['share_of_10_s']:.1%}",
        )
    console.print(table)


def _figure(figure: Mapping[str, Any], digits: int) -> str:
    mean, error, spread = (
        "–" if figure[name] is None else f"{figure[name]:.{digits}f}"
        for name in ("mean", "standard_error", "standard_deviation")
    )
    return f"{mean} ± {error} ({spread})"


def _p(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
