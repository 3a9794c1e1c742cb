"""The predictor study on measured tables: `python -m benchmarks.predictors --help`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots
from rich.console import Console
from rich.table import Table

from benchmarks.data import MissingData, data_folder
from benchmarks.lines import Styles, curve_with_band
from benchmarks.measured import MEASURED, TABLES_IN_WORDS, read_measured
from benchmarks.picture import write_figure
from benchmarks.predictor_study import Learner, study
from benchmarks.reasons import print_error
from benchmarks.running import platform_facts, progress_bar
from optuna_linas.predictors import PREDICTORS, SPACE_PREDICTORS

__all__ = ["draw", "main"]

NAMES = (*PREDICTORS, *SPACE_PREDICTORS)
SIZES = (50, 100, 200, 400, 600, 800, 1_000)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    console = Console(width=None if sys.stdout.isatty() else 160)
    try:
        results = _run(options, console)
    except (MissingData, ValueError) as error:
        print_error(error, console)
        return 1
    for name, found in results["tables"].items():
        console.print(_table(name, found))
    if options.picture:
        write_figure(draw(results), Path(options.picture))
    return 0


def _run(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    data = data_folder(options.data)
    learners = [
        Learner(name, masked)
        for name in options.predictors
        for masked in (True, False)
        # What is told the space knows which variables a network has.
        if masked or (options.plain and name not in SPACE_PREDICTORS)
    ]
    results: dict[str, Any] = {"platform": platform_facts(), "tables": {}}
    tables = {name: read_measured(name, data) for name in options.tables}
    with progress_bar(console) as progress:
        per_table = len(learners) * len(options.sizes) * options.repeats
        bar = progress.add_task("", total=per_table * len(tables))
        for name, measured in tables.items():
            progress.update(bar, description=name, refresh=True)
            results["tables"][name] = study(
                measured,
                learners,
                options.sizes,
                repeats=options.repeats,
                n_test=options.test,
                on_fit=lambda: progress.update(bar, advance=1, refresh=True),
            )
            if options.out:  # after each table: a study that is stopped is not lost
                Path(options.out).write_text(json.dumps(results, indent=1) + "\n")
    return results


def _table(name: str, found: Mapping[str, Any]) -> Table:
    sizes = found["sizes"]
    table = Table(
        title=f"{name}: Kendall's τ / MAPE (%) on {found['n_test']} held-out networks, by number "
        "of training examples",
        caption=f"Mean ± standard error of τ over {found['repeats']} draws of the training "
        "examples; seconds to fit and predict.",
        title_justify="left",
        caption_justify="left",
    )
    table.add_column("objective", no_wrap=True)
    table.add_column("predictor", no_wrap=True)
    for n in sizes:
        table.add_column(str(n), justify="right", no_wrap=True)
    table.add_column(f"s at {sizes[-1]}", justify="right")
    for goal in found["goals"]:
        for predictor, figures in found["predictors"].items():
            scores = figures["objectives"][goal["name"]]
            cells = []
            for tau, mape in zip(scores["kendall_tau"], scores["mape_percent"], strict=True):
                error = "" if tau["standard_error"] is None else f"±{tau['standard_error']:.3f}"
                cells.append(f"{tau['mean']:.3f}{error} / {mape['mean']:.2f}")
            seconds = figures["seconds"][-1]["mean"]
            table.add_row(goal["name"], predictor, *cells, f"{seconds:.2f}")
        table.add_section()
    return table


def draw(results: Mapping[str, Any]) -> go.Figure:
    """Draw, for each table and objective, rank correlation and error against examples."""
    panels = [
        (table, goal, found)
        for table, found in results["tables"].items()
        for goal in found["goals"]
    ]
    names = [name for _, _, found in panels for name in found["predictors"]]
    styles, legend = Styles(names), set[str]()
    kinds = {"kendall_tau": "Kendall's τ", "mape_percent": "MAPE (%)"}
    figure = make_subplots(
        rows=len(panels),
        cols=2,
        subplot_titles=[f"{table}: {goal['name']}" for table, goal, _ in panels for _ in kinds],
        vertical_spacing=0.35 / (len(panels) + 1),
    )
    for row, (_, goal, found) in enumerate(panels, start=1):
        for column, (kind, label) in enumerate(kinds.items(), start=1):
            for name, figures in found["predictors"].items():
                scores = figures["objectives"][goal["name"]][kind]
                errors = [score["standard_error"] for score in scores]
                traces = curve_with_band(
                    name,
                    found["sizes"],
                    [score["mean"] for score in scores],
                    None if None in errors else errors,
                    styles,
                    in_legend=name not in legend,
                    markers=True,
                )
                figure.add_traces(traces, rows=row, cols=column)
                legend.add(name)
            figure.update_xaxes(title_text="training examples", row=row, col=column)
            scale = "log" if kind == "mape_percent" else "linear"
            figure.update_yaxes(title_text=label, type=scale, row=row, col=column)
    figure.update_layout(
        template="plotly_white",
        title="Predictors against training examples (mean ± standard error)",
        height=120 + 360 * len(panels),
    )
    return figure


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.predictors", description=__doc__)
    add = parser.add_argument
    add("--tables", nargs="+", default=list(MEASURED), metavar="NAME",
        help=f"of {TABLES_IN_WORDS}; default: all that have a name")  # fmt: skip
    add("--predictors", nargs="+", choices=NAMES, default=list(NAMES), metavar="NAME",
        help=f"of {', '.join(NAMES)}; default: all")  # fmt: skip
    add("--sizes", nargs="+", type=int, default=list(SIZES), help="default: %(default)s")
    add("--repeats", type=int, default=5, help="draws of training examples; the paper's 100")
    add("--test", type=int, default=500, help="held-out examples; default: 500")
    add("--plain", action="store_true", help="features without masking too, for comparison")
    add("--data", help="folder of the data files; default: the variable OPTUNA_LINAS_DATA")
    add("--out", help="write the results here as JSON")
    add("--picture", help="write the picture here: .html, or an image with kaleido installed")
    return parser


if __name__ == "__main__":
    sys.exit(main())
