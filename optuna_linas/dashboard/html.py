"""A study as one HTML page that needs nothing else: the summary and the figures."""

from __future__ import annotations

from html import escape

from markdown_it import MarkdownIt
from optuna.study import Study

from optuna_linas.dashboard.facts import front_of, known_space
from optuna_linas.dashboard.figures import figures_of
from optuna_linas.dashboard.study_note import study_note

__all__ = ["html_report"]

_STYLE = """
html { overflow-y: scroll }
body { font-family: system-ui, sans-serif; color: #222; max-width: 1100px; margin: 2rem auto;
  padding: 0 1rem; line-height: 1.45 }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums }
td, th { padding: .25rem .8rem .25rem 0; vertical-align: top }
td:first-child { white-space: nowrap }
thead th { border-bottom: 1px solid #bbb; text-align: left }
.figure { margin: 2rem 0 }
"""


def html_report(study: Study) -> tuple[str, list[str], list[str]]:
    """Return the page, the ids of its figures, and what could not be drawn.

    Args:
        study: Any study.
    """
    from plotly.offline import get_plotlyjs

    front = front_of(study)
    space = known_space(study, front)
    note = (
        MarkdownIt("commonmark", {"html": False})
        .enable("table")
        .render(study_note(study, front, space))
    )
    parts, ids, problems = [], [], []
    for each in figures_of(study, front, space):
        try:
            figure = each.draw()
            part = figure.to_html(full_html=False, include_plotlyjs=False, div_id=each.figure_id)
        except Exception as error:
            problems.append(
                f"The figure {each.figure_id!r} could not be drawn: {type(error).__name__}: {error}"
            )
            continue
        parts.append(f"<div class='figure'>{part}</div>")
        ids.append(each.figure_id)
    page = "\n".join(
        [
            "<!doctype html>",
            "<html lang='en'><head><meta charset='utf-8'>",
            "<meta name='viewport' content='width=device-width, initial-scale=1'>",
            f"<title>{escape(study.study_name)} – optuna-linas</title>",
            f"<style>{_STYLE}</style>",
            f"<script>{get_plotlyjs()}</script>",
            "</head><body>",
            note,
            *parts,
            "</body></html>",
        ]
    )
    return page, ids, problems
