"""The README's picture of the dashboard: a search for the Note10, in the real one.

`python -m tests.dashboard.picture docs/dashboard.png`; needs Chromium and OPTUNA_LINAS_DATA.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import optuna
from optuna.artifacts import FileSystemArtifactStore
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from benchmarks.problems import make_problem
from optuna_linas import LINASSampler
from optuna_linas.dashboard import publish
from tests.dashboard.browser import opened

_N_TRIALS = 120
_SHOWN = ("search-progress", "network", "predictor-quality", "hypervolume")
_HASH_SEED = "30"
"""The dashboard keeps a page's figures in a set; with this seed they come in the order above."""


def take(path: Path, folder: Path) -> None:
    """Search, publish, and take the picture of the figures."""
    problem = make_problem("ofa-mbv3-note10", Path(os.environ["OPTUNA_LINAS_DATA"]))
    journal, files = folder / "study.log", folder / "files"
    files.mkdir()
    study = optuna.create_study(
        study_name="Note10",
        storage=JournalStorage(JournalFileBackend(str(journal))),
        directions=problem.directions,
        sampler=LINASSampler(seed=0),
    )
    study.set_metric_names(["accuracy_percent", "latency_ms"])
    study.optimize(problem.objective, n_trials=_N_TRIALS)
    publish(study, artifact_store=FileSystemArtifactStore(files))
    os.environ["PYTHONHASHSEED"] = _HASH_SEED
    with opened(study, journal, files) as dashboard:
        dashboard.page.set_viewport_size({"width": 1200, "height": 1060})
        page = dashboard.open("")
        places = [page.locator(f"[id='user-defined-plot:{figure}']") for figure in _SHOWN]
        for place in places:
            place.locator(".gtitle").wait_for()
        places[0].evaluate("place => scrollBy(0, place.getBoundingClientRect().top - 85)")
        page.wait_for_timeout(3000)  # plotly draws once more when its place is seen
        page.screenshot(path=path)
        assert dashboard.errors == []


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with tempfile.TemporaryDirectory() as temporary:
        take(Path(sys.argv[1]), Path(temporary))
