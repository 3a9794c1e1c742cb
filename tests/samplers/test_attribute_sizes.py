"""What the samplers keep in a study's attributes stays below the 64 KB that MySQL takes."""

import json

import numpy as np
import optuna
import pytest

from optuna_linas.goals import Goals
from optuna_linas.predictors import mape_percent
from optuna_linas.samplers import quality
from optuna_linas.samplers.plan import Claim, Note, Plan
from optuna_linas.samplers.quality import Outcome, record_quality

LIMIT = 2**16 - 1


def note(m: int, rng: np.random.Generator) -> Note:
    predicted = [float(f"{value:.9g}") for value in rng.random(m)]
    return {"predicted": predicted, "predictors": ["gradient_boosting"] * m}


def outcomes(n_batches: int, size: int, m: int) -> list[Outcome]:
    rng = np.random.default_rng(0)
    return [
        Outcome(Claim(1 + i // size, i % size, (0,), "", note(m, rng)), rng.random(m).tolist())
        for i in range(n_batches * size)
    ]


@pytest.mark.parametrize("names", [("a", "b"), tuple(f"größe_{i}" for i in range(40))])
def test_a_plan_fits_as_a_storage_writes_it(names: tuple[str, ...]) -> None:
    rng = np.random.default_rng(0)
    rows = tuple(tuple(rng.integers(0, 9, len(names)).tolist()) for _ in range(2_000))
    plan = Plan(1, 1_000, names, rows, tuple(note(2, rng) for _ in rows))
    written = json.dumps(plan.dumps())
    assert len(written) <= LIMIT
    kept = Plan.loads(json.loads(written))
    assert len(kept.rows) == len(kept.notes) > 100
    assert kept.rows == rows[: len(kept.rows)]


def test_the_record_of_many_batches_fits_and_keeps_the_last() -> None:
    study = optuna.create_study(directions=["minimize"] * 8)
    record_quality(study, "linas", Goals(study.directions), outcomes(400, 1, 8))
    record = study.user_attrs["linas:predictors"]
    assert len(json.dumps(record)) <= LIMIT
    numbers = [each["iteration"] for each in record["iterations"]]
    assert numbers == list(range(numbers[0], 401))
    assert len(numbers) > 100


def test_a_batch_that_is_recorded_is_not_computed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    study = optuna.create_study(directions=["minimize"] * 2)
    goals, found = Goals(study.directions), outcomes(6, 3, 2)
    record_quality(study, "linas", goals, found[:-1])
    n_asked = 0

    def counted(measured: np.ndarray, predicted: np.ndarray) -> float:
        nonlocal n_asked
        n_asked += 1
        return mape_percent(measured, predicted)

    monkeypatch.setattr(quality, "mape_percent", counted)
    record_quality(study, "linas", goals, found)
    assert n_asked == 2  # The last batch has one more trial, and two objectives.
    resumed = study.user_attrs["linas:predictors"]
    study.set_user_attr("linas:predictors", {})
    record_quality(study, "linas", goals, found)
    assert study.user_attrs["linas:predictors"] == resumed
