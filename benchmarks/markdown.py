"""A benchmark's results as Markdown tables: `python -m benchmarks.markdown results.json`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["figures", "main", "targets"]

CHECKPOINTS = (50, 100, 250)


def figures(
    results: Mapping[str, Any],
    *,
    checkpoints: Sequence[int] | None = None,
    samplers: Sequence[str] | None = None,
) -> str:
    """Return one table: a row for each problem and sampler, the best mean of a column in bold.

    Args:
        results: What `benchmarks.samplers --out` wrote.
        checkpoints: Evaluations at which hypervolumes are shown; by default the last and, of those
            that were measured, 50, 100 and 250 (all, where no search is longer than 50).
        samplers: Those to show, in this order; by default all.
    """
    checkpoints = _measured(results) if checkpoints is None else checkpoints
    targets = list(dict.fromkeys(t for p in results["problems"].values() for t in p["targets"]))
    columns = [f"@{c}" for c in checkpoints] + [f"to {t}" for t in targets]
    rows = [_row(["problem", "sampler", *columns, "ms a trial"])]
    rows.append(_row(["---"] * (len(columns) + 3)))
    for name, problem in results["problems"].items():
        shown = [s for s in (samplers or problem["samplers"]) if s in problem["samplers"]]
        best = {
            c: max(_at(problem["samplers"][s], c) or 0.0 for s in shown) if shown else 0.0
            for c in checkpoints
        }
        for i, sampler in enumerate(shown):
            found = problem["samplers"][sampler]
            cells = [_share(found["hypervolume"].get(str(c)), best[c]) for c in checkpoints]
            cells += [_evaluations(found["evaluations_to"].get(t)) for t in targets]
            ms = 1000 * found["seconds_per_trial"]["mean"]
            rows.append(_row([name if i == 0 else "", sampler, *cells, _time(ms)]))
    return "\n".join(rows)


def targets(results: Mapping[str, Any]) -> str:
    """Return the table of the project's targets."""
    rows = [_row(["problem", "target", "measured", "difference", "holds"]), _row(["---"] * 5)]
    for verdict in results["verdicts"]:
        difference = verdict["difference"]
        shown = "" if difference is None else f"{difference['mean']:+.4f}"
        if difference is not None and difference["standard_error"] is not None:
            shown += f" ± {difference['standard_error']:.4f}"
        holds = {True: "yes", False: "**no**", None: "?"}[verdict["holds"]]
        rows.append(_row([verdict["problem"], verdict["claim"], verdict["measured"], shown, holds]))
    return "\n".join(rows)


def _measured(results: Mapping[str, Any]) -> list[int]:
    """Return the checkpoints to show of those that were measured."""
    found = {
        int(c)
        for problem in results["problems"].values()
        for figures in problem["samplers"].values()
        for c in figures["hypervolume"]
    }
    last = max(found, default=0)
    return sorted(c for c in found if c in (*CHECKPOINTS, last) or last <= CHECKPOINTS[0])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _at(sampler: Mapping[str, Any], checkpoint: int) -> float | None:
    found = sampler["hypervolume"].get(str(checkpoint))
    return None if found is None else float(found["mean"])


def _share(figure: Mapping[str, Any] | None, best: float) -> str:
    if figure is None:
        return "–"
    text = f"{figure['mean']:.3f}".removeprefix("0")
    if figure["standard_error"] is not None:
        text += f" ± {figure['standard_error']:.3f}".replace(" 0.", " .")
    return f"**{text}**" if figure["mean"] >= best else text


def _evaluations(figure: Mapping[str, Any] | None) -> str:
    if figure is None:
        return "–"
    if figure["n_reached"] == 0:
        return f"> {figure['mean']:.0f}"
    if figure["is_lower_bound"]:
        return f"> {figure['mean']:.0f} ({figure['n_reached']} of {len(figure['by_seed'])})"
    error = figure["standard_error"]
    return f"{figure['mean']:.0f}" + ("" if error is None else f" ± {error:.0f}")


def _time(ms: float) -> str:
    return f"{ms:,.0f}" if ms >= 10 else f"{ms:.1f}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.markdown", description=__doc__)
    parser.add_argument("results", type=Path, help="what benchmarks.samplers --out wrote")
    parser.add_argument("--checkpoints", nargs="+", type=int, metavar="N",
        help="evaluations to show; default: 50, 100, 250 and the last, as far as they were "
        "measured")  # fmt: skip
    parser.add_argument("--samplers", nargs="+", help="those to show, in this order; default: all")
    options = parser.parse_args(arguments)
    results = json.loads(options.results.read_text())
    print(figures(results, checkpoints=options.checkpoints, samplers=options.samplers))
    if results["verdicts"]:
        print(f"\n{targets(results)}")
    print(f"\n```console\n{results['command']}\n```")
    return 0


if __name__ == "__main__":
    sys.exit(main())
