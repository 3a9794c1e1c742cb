"""The printed table of a benchmark's results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.overhead import overhead_table
from benchmarks.reasons import print_left_out

__all__ = ["print_report"]


def print_report(results: Mapping[str, Any], console: Console) -> None:
    """Print one table per problem, the overhead, the verdicts, and what was left out."""
    for name, problem in results["problems"].items():
        console.print(_table(name, problem))
    if "overhead" in results:
        console.print(overhead_table(results["overhead"]))
    if results["verdicts"]:
        console.print(_verdicts(results["verdicts"]))
    for skipped in results["skipped"]:
        print_left_out(skipped["name"], skipped["reason"], console)


def _table(name: str, problem: Mapping[str, Any]) -> Table:
    goals = " × ".join(_goal(goal) for goal in problem["goals"])
    targets = problem["targets"]
    table = Table(
        title=f"{name}: {goals}",
        caption="Share of the best known front's hypervolume, mean ± standard error over seeds. "
        + " ".join(f"{target} = {share:.3f}." for target, share in targets.items()),
        title_justify="left",
        caption_justify="left",
    )
    table.add_column("sampler", no_wrap=True)
    checkpoints = sorted(
        {c for s in problem["samplers"].values() for c in s["hypervolume"]}, key=int
    )
    for heading in [*(f"@{c}" for c in checkpoints), *(f"to {t}" for t in targets)]:
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("ms/trial", justify="right")
    table.add_column("last 50", justify="right")
    table.add_column("seeds", justify="right")
    for sampler, figures in problem["samplers"].items():
        seconds = figures["seconds_per_trial"]
        table.add_row(
            sampler,
            *(_share(figures["hypervolume"].get(c)) for c in checkpoints),
            *(_evaluations(figures["evaluations_to"][t]) for t in targets),
            f"{1000 * seconds['mean']:.1f}",
            f"{1000 * seconds['last_50']:.1f}",
            str(len(figures["seeds"])),
        )
    return table


def _verdicts(verdicts: Sequence[Mapping[str, Any]]) -> Table:
    decided = [v["holds"] for v in verdicts if v["holds"] is not None]
    table = Table(
        title="The project's targets",
        caption=f"{sum(decided)} of {len(decided)} hold. Difference: ours less theirs over the "
        "seeds that both have, mean ± standard error.",
        title_justify="left",
        caption_justify="left",
    )
    for heading in ("problem", "target", "measured", "difference", "holds"):
        table.add_column(heading)
    for verdict in verdicts:
        difference = verdict["difference"]
        table.add_row(
            verdict["problem"],
            verdict["claim"],
            verdict["measured"],
            _with_error(difference, "+.4f", ".4f") if difference else "",
            {True: "yes", False: "[red]no[/red]", None: "?"}[verdict["holds"]],
        )
    return table


def _goal(goal: Mapping[str, str]) -> str:
    """Say an objective with its unit and its direction: "accuracy (%, maximised)"."""
    said = (goal["unit"], goal["direction"].replace("ize", "ised"))
    return f"{goal['name']} ({', '.join(word for word in said if word)})"


def _share(figure: Mapping[str, Any] | None) -> str:
    if figure is None:
        return "–"
    return _with_error(figure, ".3f")


def _evaluations(figure: Mapping[str, Any]) -> str:
    if figure["n_reached"] == 0:
        return f"> {figure['mean']:.0f}"
    if figure["is_lower_bound"]:
        n_seeds = len(figure["by_seed"])
        return f"> {figure['mean']:.0f} ({figure['n_reached']} of {n_seeds})"
    return _with_error(figure, ".0f")


def _with_error(figure: Mapping[str, Any], precision: str, of_error: str | None = None) -> str:
    text = format(figure["mean"], precision)
    if figure["standard_error"] is None:
        return text
    return f"{text} ±{format(figure['standard_error'], of_error or precision)}"
