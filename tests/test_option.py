from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import Trial

from optuna_linas import LINASSampler
from optuna_linas.distributions import nearest, planned_distributions
from optuna_linas.option import same_option
from optuna_linas.space import SearchSpace

KERNELS = [(3, 3), (5, 5), (7, 7)]

pytestmark = pytest.mark.filterwarnings("ignore:Choices for a categorical distribution")


@pytest.mark.parametrize(
    ("option", "value", "same"),
    [
        ((3, 3), [3, 3], True),
        (["conv", (3, 3)], ("conv", [3, 3]), True),
        ((3, 3), [3, 5], False),
        ((3, 3), [3], False),
        ((1,), [True], False),
        ((3,), 3, False),
    ],
)
def test_a_database_makes_lists_of_tuples(option: Any, value: Any, same: bool) -> None:
    assert same_option(option, value) is same
    assert same_option(value, option) is same


@pytest.mark.parametrize(
    ("distribution", "value", "found"),
    [
        (IntDistribution(1, 4), 9, 4),
        (IntDistribution(1, 4), -1, 1),
        (IntDistribution(2, 10, step=4), 7, 6),
        (IntDistribution(2, 64, log=True), 100, 64),
        (FloatDistribution(0.5, 1.0), 0.7, 0.7),
        (FloatDistribution(0.5, 1.0), 0.1, 0.5),
        (FloatDistribution(0.0, 1.0, step=0.25), 0.9, 1.0),
        (FloatDistribution(0.0, 0.3, step=0.1), 0.5, 0.3),
        (IntDistribution(1, 4), float("nan"), None),
        (FloatDistribution(0.0, 1.0, step=0.25), float("nan"), None),
        (IntDistribution(1, 4), "deep", None),
        (IntDistribution(1, 4), True, 1),
        (CategoricalDistribution(["a", "b"]), "a", "a"),
        (CategoricalDistribution(["a", "b"]), "c", None),
    ],
)
def test_the_nearest_value(distribution: BaseDistribution, value: Any, found: Any) -> None:
    nearby = nearest(distribution, value)
    assert nearby == pytest.approx(found) if isinstance(found, float) else nearby == found
    assert type(nearby) is type(found) or value is True


def test_the_nearest_of_tuples_is_the_same_one() -> None:
    assert nearest(CategoricalDistribution(KERNELS), [5, 5]) == (5, 5)


def test_what_a_plan_can_be_announced_with() -> None:
    space = SearchSpace.from_choices({"k": KERNELS, "width": [1, 2], "stride": [1]})
    assert list(planned_distributions(space)) == ["width"]


@pytest.mark.parametrize("declared", [False, True])
def test_tuples_are_searched_on_a_database(tmp_path: Path, declared: bool) -> None:
    """Optuna keeps them there as lists, and multivariate TPE fails."""

    def objective(trial: Trial) -> float:
        kernel = trial.suggest_categorical("k", KERNELS)
        return abs(kernel[0] * trial.suggest_int("d", 1, 6) - 25)

    space = {"k": CategoricalDistribution(KERNELS), "d": IntDistribution(1, 6)}
    study = optuna.create_study(
        storage=f"sqlite:///{tmp_path}/studies.db",
        sampler=LINASSampler(space=space if declared else None, seed=0, n_startup_trials=6),
    )
    study.optimize(objective, n_trials=18)
    networks = {(tuple(trial.params["k"]), trial.params["d"]) for trial in study.trials}
    assert len(networks) == 18
    assert study.best_value == 0
