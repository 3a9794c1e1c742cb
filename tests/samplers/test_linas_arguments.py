"""Arguments of LINASSampler that do not go together are refused before anything is measured."""

from typing import Any

import numpy as np
import optuna
import pytest
from optuna.study import Study
from optuna.trial import Trial
from pymoo.algorithms.moo.dnsga2 import DNSGA2
from pymoo.algorithms.moo.moead import MOEAD
from pymoo.algorithms.moo.rvea import RVEA
from pymoo.algorithms.soo.nonconvex.de import DE
from pymoo.algorithms.soo.nonconvex.ga import GA
from pymoo.core.problem import Problem

from optuna_linas import Attr, LINASSampler
from optuna_linas.evolution.directions import riesz_directions
from optuna_linas.linas import Settings

DIRECTIONS = riesz_directions(2, 10)


def widths(trial: Trial) -> tuple[float, float]:
    a, b, c = (trial.suggest_int(name, 0, 4) for name in "abc")
    return float(a - (b - 2) ** 2 - c), float(a + b + c)


def study_of(n_objectives: int, **settings: Any) -> Study:
    few = {} if "settings" in settings else {"n_inner_evaluations": 100}
    sampler = LINASSampler(n_startup_trials=6, seed=0, **few, **settings)  # type: ignore[arg-type]
    return optuna.create_study(directions=["maximize", "minimize"][:n_objectives], sampler=sampler)


@pytest.mark.parametrize(
    ("n_objectives", "settings", "says"),
    [
        (2, {"algorithm": "ga"}, "no way to weigh 2 objectives"),
        (1, {"algorithm": "ctaea"}, "has but one"),
        (2, {"known_objectives": {5: lambda params: 1.0}}, "5 is not an objective"),
        (2, {"known_objectives": {Attr("mb"): lambda params: 1.0}}, "not an objective"),
        (2, {"predictor": ["gp"] * 3}, "got 3"),
        (2, {"algorithm": MOEAD(DIRECTIONS)}, "MOEAD of pymoo cannot search here.*by name"),
        (2, {"algorithm": DNSGA2(pop_size=10)}, "DNSGA2 of pymoo cannot search here.*by name"),
    ],
)
def test_what_does_not_fit_the_study_is_said_at_its_first_trial(
    n_objectives: int, settings: dict[str, Any], says: str
) -> None:
    study = study_of(n_objectives, **settings)
    with pytest.raises(ValueError, match=says):
        study.optimize(lambda trial: widths(trial)[:n_objectives], n_trials=1)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"settings": {"masked": False}}, "a `Settings`, or a function"),
        ({"known_objectives": {1: 3.0}}, "a function of the parameters; got 3.0 for 1"),
        ({"known_objectives": [0]}, r"a mapping from an objective .* got \[0\]"),
        ({"objectives": 0}, "a list of indices .* got 0"),
        ({"objectives": "accuracy"}, "a list of indices .* got 'accuracy'"),
        ({"objectives": Attr("accuracy")}, "a list of indices .* got Attr"),
        ({"algorithm": GA}, "Pass an object, not its class"),
    ],
)
def test_what_is_of_the_wrong_kind_is_said_at_once(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(TypeError, match=says):
        LINASSampler(**settings)


def test_an_algorithm_of_pymoo_that_wants_to_know_its_end_searches_predictions() -> None:
    study = study_of(2, algorithm=RVEA(DIRECTIONS), predictor="ridge")
    study.optimize(widths, n_trials=12)
    assert len({tuple(trial.params.items()) for trial in study.trials}) == 12


def test_an_algorithm_of_pymoo_that_has_been_run_is_refused() -> None:
    used = GA(pop_size=10)
    used.setup(Problem(n_var=2, n_obj=1))
    with pytest.raises(ValueError, match="GA has been set up for another problem"):
        study_of(1, algorithm=used).optimize(lambda trial: widths(trial)[0], n_trials=1)


@pytest.mark.parametrize("algorithm", [GA(pop_size=10), DE(pop_size=10)])
def test_algorithms_of_pymoo_for_one_objective_search_it(algorithm: object) -> None:
    study = study_of(1, algorithm=algorithm, predictor="gp")
    study.optimize(lambda trial: widths(trial)[0], n_trials=12)
    assert len({tuple(trial.params.items()) for trial in study.trials}) == 12


@pytest.mark.parametrize("value", [None, np.array([3.0]), "3", [1, [2]], 10**400])
def test_a_known_objective_that_is_no_number_is_explained(value: object) -> None:
    wrong: dict[Any, Any] = {1: lambda params: value}
    study = study_of(2, known_objectives=wrong)
    says = r"known_objectives has for 1 must return a number.*for {'a': \d, .* it returned"
    with pytest.raises(TypeError, match=says):
        study.optimize(widths, n_trials=7)


def test_a_schedule_must_return_settings() -> None:
    study = study_of(2, settings=lambda iteration: {"masked": False})
    with pytest.raises(TypeError, match=r"settings\(1\) must return a `Settings`, got {'masked"):
        study.optimize(widths, n_trials=7)


@pytest.mark.parametrize("scale", [1e-310, 1e307])
def test_values_at_the_ends_of_the_range_of_floats_are_searched(scale: float) -> None:
    def extreme(trial: Trial) -> tuple[float, float]:
        value, cost = widths(trial)
        return value * scale, cost * scale

    def cost(params: Any) -> float:
        return float(sum(params.values())) * scale

    study = study_of(2, known_objectives={1: cost})
    study.optimize(extreme, n_trials=12)
    assert len({tuple(trial.params.items()) for trial in study.trials}) == 12


@pytest.mark.parametrize("value", ["3 ms", True])
def test_an_attribute_that_is_no_number_is_explained(value: object) -> None:
    def measured(trial: Trial) -> float:
        trial.set_user_attr("latency_ms", value)
        return widths(trial)[0]

    study = study_of(1, objectives=[0, Attr("latency_ms")])
    with pytest.raises(ValueError, match=r"as a number; trial 0 has \['latency_ms'"):
        study.optimize(measured, n_trials=2)


def test_numbers_may_be_those_of_numpy() -> None:
    sampler = LINASSampler(n_startup_trials=np.int64(4), batch_size=np.int64(2), seed=np.int64(0))
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    study.optimize(widths, n_trials=7)
    assert len({tuple(trial.params.items()) for trial in study.trials}) == 7


@pytest.mark.parametrize(
    "beside",
    [{"predictor": "ridge"}, {"algorithm": "nsga2"}, {"n_inner_evaluations": 500}],
)
def test_settings_are_not_mixed_with_what_they_replace(beside: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="settings stands in the place of"):
        LINASSampler(settings=Settings(), **beside)
