"""`optuna-linas report`."""

from __future__ import annotations

from pathlib import Path

import click

from optuna_linas.cli.output import as_json_option, print_json
from optuna_linas.cli.studies import load_study, study_options

__all__ = ["report"]


@click.command(
    epilog="""
\b
Examples:
  optuna-linas report
  optuna-linas report --storage postgresql://... --study phone --out phone.html
"""
)
@study_options
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file. [default: STUDY.html]",
)
@as_json_option
def report(storage: str, study_name: str | None, out: Path | None, as_json: bool) -> None:
    """Write a study's summary and all its figures as one HTML file.

    The file needs nothing else: it can be mailed, and opened without a network.
    """
    study = load_study(storage, study_name)
    from optuna_linas.dashboard.html import html_report

    path = out or Path(f"{_safe(study.study_name)}.html")
    text, figure_ids, problems = html_report(study)
    for problem in problems:
        click.echo(problem, err=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    if as_json:
        print_json({"study": study.study_name, "file": str(path), "figures": figure_ids})
    else:
        click.echo(f"{path}: {len(figure_ids)} figures, {path.stat().st_size / 1e6:.1f} MB")


def _safe(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in name) or "study"
