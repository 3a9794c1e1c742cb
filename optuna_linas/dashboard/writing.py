"""What a study's page consists of, and writing it part by part."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from optuna.artifacts._protocol import ArtifactStore
from optuna.study import Study

from optuna_linas.dashboard.artifacts import put_files
from optuna_linas.dashboard.compact import compact_json
from optuna_linas.dashboard.facts import front_of, known_space
from optuna_linas.dashboard.figures import figures_of
from optuna_linas.dashboard.pages import Page
from optuna_linas.dashboard.study_note import study_note
from optuna_linas.dashboard.trial_note import put_trial_notes
from optuna_linas.given import check_count

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["Contents", "write_page"]


@dataclass(frozen=True)
class Contents:
    """What a page has beside the summary and the figures of its study.

    The arguments of `publish`, which says what they are.

    Raises:
        TypeError: A number is none.
        ValueError: A number is negative, or an id has other characters.
    """

    figures: Mapping[str, go.Figure] = field(default_factory=dict)
    n_trial_notes: int = 50
    artifact_store: ArtifactStore | None = None
    supernet: Any = None
    n_artifacts: int = 5

    def __post_init__(self) -> None:
        check_count("n_trial_notes", self.n_trial_notes, least=0)
        check_count("n_artifacts", self.n_artifacts, least=0)
        for figure_id in self.figures:
            if not figure_id or not all(
                c.isascii() and (c.isalnum() or c in "-_.") for c in figure_id
            ):
                raise ValueError(
                    "A figure's id has letters, digits, hyphens, points and underscores; got "
                    f"{figure_id!r}."
                )


def write_page(study: Study, contents: Contents, *, only_newer: bool = False) -> list[str]:
    """Write a study's page; a part that fails does not take the others with it.

    Args:
        study: The study.
        contents: What the page has.
        only_newer: Leave a page alone that was written when more trials had finished.

    Returns:
        What could not be made, a sentence each.
    """
    page = Page.of(study)
    n_finished = sum(trial.state.is_finished() for trial in study.get_trials(deepcopy=False))
    if only_newer and page.progress > n_finished:
        return []
    front = front_of(study)
    space = known_space(study, front)
    parts: dict[str, Callable[[], object]] = {
        "the summary": lambda: page.put_note(study_note(study, front, space)),
    }
    for each in figures_of(study, front, space):
        parts[f"the figure {each.figure_id!r}"] = partial(
            lambda each: page.put_figure(each.figure_id, compact_json(each.draw())), each
        )
    for figure_id, figure in contents.figures.items():
        parts[f"the figure {figure_id!r}"] = partial(
            lambda i, f: page.put_figure(i, compact_json(f)), figure_id, figure
        )
    parts["the notes of the trials"] = lambda: put_trial_notes(
        page, study, front.trials, n_notes=contents.n_trial_notes
    )
    store = contents.artifact_store
    if store is not None:
        parts["the networks' files"] = lambda: put_files(
            page,
            study,
            front.trials,
            store,
            contents.supernet,
            n_networks=contents.n_artifacts,
        )
    problems = []
    for what, put in parts.items():
        try:
            put()
        except Exception as error:
            problems.append(
                f"On the page of study {study.study_name!r}, {what} could not be made: "
                f"{type(error).__name__}: {error}"
            )
    page.note_progress(n_finished)
    return problems
