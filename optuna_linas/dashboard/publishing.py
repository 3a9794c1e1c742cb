"""Publishing a study's page."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from optuna.artifacts._protocol import ArtifactStore
from optuna.study import Study

from optuna_linas.dashboard.writing import Contents, write_page
from optuna_linas.study_values import check_study

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["publish"]


def publish(
    study: Study,
    *,
    figures: Mapping[str, go.Figure] | None = None,
    n_trial_notes: int = 50,
    artifact_store: ArtifactStore | None = None,
    supernet: Any = None,
    n_artifacts: int = 5,
) -> None:
    """Put figures, a summary, notes and files on a study's page in optuna-dashboard.

    What is there from an earlier call is replaced; what a user has written into a note stays. Any
    storage will do, and any sampler: a study of LINASSampler or NAGSampler also says how well it
    was predicted, one of PBTNASSampler shows its population.

    Everything is kept in the study's attributes, which each trial of a running search reads: a
    figure takes at most 60 KB there and thins its points where it has more.

    Args:
        study: Any study, finished or running.
        figures: More figures, by an id of letters, digits and hyphens, such as those of
            `optuna_linas.visualization` that take more than a study.
        n_trial_notes: At most so many trials get a note with their architecture: those of the
            front first, then the newest.
        artifact_store: Where files go, the store that the dashboard is started with
            (`optuna-dashboard --artifact-dir`). Without it there are none.
        supernet: What the study searched. With it, the files of a network are its picture and its
            ONNX export (which needs the extra `export`); without it, only the picture.
        n_artifacts: Networks of the front that get files, evenly chosen. One that has its files
            keeps them.

    Raises:
        TypeError: `study` is no study, or a number is none.
        ValueError: A number is negative, or an id has other characters.

    Warns:
        UserWarning: A part could not be made; the others are there.

    Example:
        >>> import optuna
        >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
        >>> study = optuna.create_study(directions=["maximize", "minimize"])
        >>> study.optimize(lambda t: (t.suggest_int("depth", 1, 9), t.number), n_trials=3)
        >>> publish(study)
    """
    check_study(study)
    contents = Contents(
        figures=figures or {},
        n_trial_notes=n_trial_notes,
        artifact_store=artifact_store,
        supernet=supernet,
        n_artifacts=n_artifacts,
    )
    for problem in write_page(study, contents):
        warnings.warn(problem, UserWarning, stacklevel=2)
