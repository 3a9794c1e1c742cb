"""Studies that earlier revisions of this package have begun, as they left them in the storage.

`older/REVISION.json` was written at that revision of the repository: 18 trials of
`problem.objective` with `LINASSampler(seed=5, n_startup_trials=10)`, one that failed half-way and
one whose worker died. The first revision stores plans and claims without notes, the second with
predictions, the third with the objectives that they predict.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import json_to_distribution
from optuna.study import Study
from optuna.trial import TrialState, create_trial

from optuna_linas import LINASSampler
from optuna_linas.samplers.plan import Claim, Plan
from tests.services import problem
from tests.services.checks import check_search, with_state
from tests.services.matrix import LINAS
from tests.services.storages import Opens

STORED = sorted((Path(__file__).parent / "older").glob("*.json"))


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_a_study_of_an_older_version_goes_on(
    path: Path, storage_named: Callable[[str], Opens]
) -> None:
    study = restored(json.loads(path.read_text()), storage_named("journal-file"))
    before = Plan.loads(stored_plan(study))
    study.optimize(problem.objective, n_trials=22)
    trials = study.get_trials(deepcopy=False)
    claims = [Claim.loads(trial.system_attrs["linas:claim"]) for trial in trials]
    # The plan that was begun is used up, and then comes the next: nothing starts again.
    of_its_batch = [claim.row for claim in claims[20:] if claim.batch == before.batch]
    assert of_its_batch
    assert set(of_its_batch) <= set(before.rows)
    assert [claim.batch for claim in claims[20:]] == sorted(claim.batch for claim in claims[20:])
    assert Plan.loads(stored_plan(study)).batch > before.batch
    dead = claims[with_state(study, TrialState.RUNNING)[0].number]
    assert dead.row not in [claim.row for claim in claims[20:]]
    check_search(study, LINAS, n_lost=1)


def restored(stored: dict[str, Any], opens: Opens) -> Study:
    """The study as it was left."""
    study = optuna.create_study(
        directions=stored["directions"],
        storage=opens.open(),
        sampler=LINASSampler(n_startup_trials=10, n_inner_evaluations=2_000, seed=5),
    )
    for name, value in stored["system_attrs"].items():
        study._storage.set_study_system_attr(study._study_id, name, value)
    for name, value in stored["user_attrs"].items():
        study.set_user_attr(name, value)
    for trial in stored["trials"]:
        kinds = {k: json_to_distribution(text) for k, text in trial["distributions"].items()}
        state = TrialState[trial["state"]]
        study.add_trial(create_trial(**{**trial, "state": state, "distributions": kinds}))
    return study


def stored_plan(study: Study) -> str:
    attrs = study._storage.get_study_system_attrs(study._study_id)
    return str(attrs["linas:plan"])
