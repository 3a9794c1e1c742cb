"""How well each batch was predicted is recorded with the study, and follows from its trials."""

from typing import Any

import numpy as np
import optuna
import pytest
from optuna.study import Study
from optuna.trial import Trial

from optuna_linas import Attr, LINASSampler, PymooSampler
from optuna_linas.predictors import kendall_tau, mape_percent


def objective(trial: Trial) -> tuple[float, float]:
    widths = [trial.suggest_categorical(f"width_{i}", [1, 2, 4, 8]) for i in range(5)]
    trial.set_user_attr("megabytes", 10.0 + sum(w**2 for w in widths))
    return 70.0 + sum(w**0.5 for w in widths), 5.0 + sum(widths)


def sampler(**settings: Any) -> LINASSampler:
    return LINASSampler(n_startup_trials=6, batch_size=4, seed=0, **settings)


def run(made: optuna.samplers.BaseSampler, n: int) -> Study:
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=made)
    study.optimize(objective, n_trials=n)
    return study


def record(study: Study) -> dict[str, Any]:
    found: dict[str, Any] = study.user_attrs["linas:predictors"]
    return found


def test_every_batch_is_recorded_when_its_last_trial_ends() -> None:
    study = run(sampler(), 13)
    assert [each["iteration"] for each in record(study)["iterations"]] == [1]
    study.optimize(objective, n_trials=1)
    assert [each["iteration"] for each in record(study)["iterations"]] == [1, 2]
    assert record(study)["objectives"] == [0, 1]
    assert all(each["n_trials"] == 4 for each in record(study)["iterations"])
    assert all(each["predictors"] == ["gp", "gp"] for each in record(study)["iterations"])


def test_the_figures_are_those_of_what_was_predicted_and_measured() -> None:
    predicted: list[np.ndarray] = []

    class Remembered:
        """A predictor whose answers for known rows can be computed by hand: the mean so far."""

        def fit(self, X: np.ndarray, y: np.ndarray) -> None:
            self._weights = np.linalg.lstsq(X, y, rcond=None)[0]

        def predict(self, X: np.ndarray) -> np.ndarray:
            predicted.append(X @ self._weights)
            return predicted[-1]

    study = run(sampler(predictor=[Remembered(), "ridge"]), 10)
    (first,) = record(study)["iterations"]
    batch = study.trials[6:]
    # The last answer of an iteration is about the rows that it proposes, the trials' in order.
    foretold = -predicted[-1][:4]
    measured = np.array([trial.values[0] for trial in batch])
    assert first["predictors"] == ["Remembered", "ridge"]
    assert first["mape_percent"][0] == pytest.approx(mape_percent(measured, foretold), rel=1e-3)
    assert first["kendall_tau"][0] == pytest.approx(kendall_tau(measured, foretold), rel=1e-3)


def test_attributes_and_computed_objectives_are_named() -> None:
    def megabytes(params: Any) -> float:
        return 10.0 + float(sum(w**2 for w in params.values()))

    size = Attr("megabytes", "minimize")
    study = run(sampler(objectives=[0, size], known_objectives={size: megabytes}), 10)
    assert record(study)["objectives"] == [0, "megabytes"]
    (first,) = record(study)["iterations"]
    assert first["predictors"] == ["gp", "computed"]
    assert first["mape_percent"][1] == pytest.approx(0.0, abs=1e-6)
    assert first["kendall_tau"][1] in (1.0, 0.0)  # 0 where all four are of one size


def test_a_resumed_study_has_the_same_record() -> None:
    whole = run(sampler(), 18)
    parts = run(sampler(), 9)
    for n in (4, 5):
        parts.sampler = sampler()
        parts.optimize(objective, n_trials=n)
    assert record(parts) == record(whole)


def test_failed_trials_are_no_part_of_it() -> None:
    study = run(sampler(), 6)
    for number in range(6, 12):
        trial = study.ask()
        values = objective(trial)
        if number % 3 == 0:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        else:
            study.tell(trial, values)
    assert [each["n_trials"] for each in record(study)["iterations"]] == [4]


def test_what_predicts_nothing_records_nothing() -> None:
    study = run(PymooSampler(population_size=5, seed=0), 12)
    assert study.user_attrs == {}


def test_a_search_that_gets_other_objectives_starts_a_record_of_its_own() -> None:
    study = optuna.create_study(direction="maximize", sampler=sampler())

    def accuracy(trial: Trial) -> float:
        return objective(trial)[0]

    study.optimize(accuracy, n_trials=14)
    assert len(record(study)["iterations"][-1]["kendall_tau"]) == 1
    for objectives in ([0, Attr("megabytes")], [Attr("megabytes")]):
        study.sampler = sampler(objectives=objectives)
        study.optimize(accuracy, n_trials=10)
        found = record(study)
        assert found["objectives"] == [getattr(goal, "name", goal) for goal in objectives]
        assert found["iterations"]
        assert all(len(each["kendall_tau"]) == len(objectives) for each in found["iterations"])
    study.sampler = sampler()
    study.optimize(accuracy, n_trials=6)
    assert [each["iteration"] for each in record(study)["iterations"]][:2] == [1, 2]
