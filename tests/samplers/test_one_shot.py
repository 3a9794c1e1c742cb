"""The one-shot mode: predictors are trained once, on the first samples."""

from typing import Any

import numpy as np
import optuna
import pytest
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial

from optuna_linas import LINASSampler


class Spy:
    """A ridge that remembers what it was fitted on."""

    fits: list[np.ndarray]

    def __init__(self) -> None:
        from sklearn.linear_model import Ridge

        self._model = Ridge(1e-3)

    def __deepcopy__(self, memo: Any) -> "Spy":
        copy = Spy()
        copy.fits = self.fits
        return copy

    def fit(self, X: np.ndarray, y: np.ndarray) -> None:
        self.fits.append(np.c_[X, y])
        self._model.fit(X, y)

    def predict(self, X: np.ndarray) -> np.ndarray:
        predicted: np.ndarray = self._model.predict(X)
        return predicted


def objective(trial: Trial) -> tuple[float, float]:
    widths = [trial.suggest_categorical(f"width_{i}", [1, 2, 4, 8]) for i in range(6)]
    return float(np.sqrt(widths).sum()), float(sum(widths))


def run(sampler: LINASSampler, n: int) -> Study:
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    study.optimize(objective, n_trials=n)
    return study


def test_predictors_are_fitted_on_the_first_samples_only() -> None:
    spy = Spy()
    spy.fits = []
    run(LINASSampler.one_shot(30, batch_size=10, predictor=spy, seed=0), 60)
    assert len(spy.fits) == 3 * 2  # three batches, two objectives
    assert all(len(fit) == 30 for fit in spy.fits)
    assert all((fit == spy.fits[i % 2]).all() for i, fit in enumerate(spy.fits))


def test_the_samples_are_random_and_the_rest_is_better() -> None:
    study = run(LINASSampler.one_shot(40, batch_size=10, seed=0), 60)
    random = run(LINASSampler.one_shot(60, seed=0), 60)
    assert [t.params for t in study.trials[:40]] == [t.params for t in random.trials[:40]]
    best = {trial.number for trial in study.best_trials}
    assert sum(number >= 40 for number in best) > sum(number < 40 for number in best)


def test_a_known_objective_is_not_predicted_and_a_constraint_is_kept() -> None:
    spy = Spy()
    spy.fits = []

    def n_wide(trial: FrozenTrial) -> tuple[float]:
        return (sum(width == 8 for width in trial.params.values()) - 2.0,)

    sampler = LINASSampler.one_shot(
        30,
        batch_size=10,
        predictor=spy,
        known_objectives={1: lambda params: float(sum(params.values()))},
        constraints_func=n_wide,
        seed=0,
    )
    study = run(sampler, 50)
    # Two batches; of the two objectives one is known, and constraints have a model of their own.
    assert len(spy.fits) == 2
    violations = [n_wide(trial)[0] > 0 for trial in study.trials]
    assert sum(violations[30:]) / 20 < sum(violations[:30]) / 30


def test_it_resumes() -> None:
    whole = run(LINASSampler.one_shot(20, batch_size=5, seed=0), 35)
    parts = run(LINASSampler.one_shot(20, batch_size=5, seed=0), 26)
    parts.sampler = LINASSampler.one_shot(20, batch_size=5, seed=0)
    parts.optimize(objective, n_trials=9)
    assert [t.params for t in whole.trials] == [t.params for t in parts.trials]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_samples": 3}, "n_samples must be at least 4"),
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"predictor": "crystal ball"}, "Unknown predictor 'crystal ball'"),
    ],
)
def test_unusable_settings(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LINASSampler.one_shot(**settings)
