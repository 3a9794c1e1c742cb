"""Trials that were added, or that end before they ask for anything, and fit no space."""

from collections.abc import Callable, Sequence
from typing import Any

import optuna
import pytest
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from optuna_linas import LINASSampler, NAGSampler
from optuna_linas.samplers.space_learner import SpaceLearner

Objective = Callable[[Trial], tuple[float, float]]


def eight(trial: Trial) -> tuple[float, float]:
    sizes = [trial.suggest_int(f"x_{i}", 0, 5) for i in range(8)]
    return float(sum(sizes)), float(sum((5 - size) ** 2 for size in sizes))


def sometimes_nothing(trial: Trial) -> tuple[float, float]:
    """Returns before it asks for anything."""
    return (100.0, 200.0) if trial.number % 4 == 2 else eight(trial)


def width(trial: Trial) -> tuple[float, float]:
    w = trial.suggest_categorical("w", [8, 16, 32, 64])
    d = trial.suggest_int("d", 1, 9)
    lr = trial.suggest_float("lr", 1e-3, 1.0, log=True)
    return w * d * lr, float(-w - d * d)


def study_of(seed: int = 0) -> Study:
    return optuna.create_study(directions=["minimize", "minimize"], sampler=LINASSampler(seed=seed))


def added(values: Sequence[float] | None = (150.0, 180.0), **given: Any) -> FrozenTrial:
    """A trial with parameters given as (value, distribution)."""
    return create_trial(
        state=TrialState.FAIL if values is None else TrialState.COMPLETE,
        values=values,
        params={name: value for name, (value, _) in given.items()},
        distributions={name: distribution for name, (_, distribution) in given.items()},
    )


def networks(study: Study) -> set[tuple[tuple[str, Any], ...]]:
    return {tuple(sorted(trial.params.items())) for trial in study.trials}


def test_a_trial_without_parameters_is_no_network(caplog: pytest.LogCaptureFixture) -> None:
    optuna.logging.enable_propagation()
    study = study_of()
    study.optimize(eight, n_trials=5)
    study.add_trial(added())
    study.optimize(eight, n_trials=30)
    assert len(networks(study)) == 36
    assert "Trial 5 cannot be learned from: it has none of the parameters" in caplog.text


def test_a_trial_without_parameters_is_no_network_to_nag() -> None:
    sampler = NAGSampler(cost=1, seed=0)
    study = optuna.create_study(directions=["minimize", "minimize"], sampler=sampler)
    study.optimize(eight, n_trials=5)
    study.add_trial(added())
    study.optimize(eight, n_trials=15)
    assert len(networks(study)) == 21


def test_a_condition_is_learned_whatever_has_no_parameters() -> None:
    def conditional(trial: Trial) -> tuple[float, float]:
        depth = trial.suggest_int("depth", 1, 3)
        widths = [trial.suggest_int(f"width_{i}", 1, 4) for i in range(depth)]
        return float(sum(widths)), float(-depth)

    sampler = LINASSampler(seed=0)
    study = optuna.create_study(directions=["minimize", "minimize"], sampler=sampler)
    study.add_trial(added())
    study.optimize(conditional, n_trials=12)
    study.add_trial(added())
    study.optimize(conditional, n_trials=12)
    space = sampler._dispatcher.table(study).space
    assert space is not None
    assert [len(variable.conditions) for variable in space.variables] == [0, 0, 1, 1]


STRANGE: dict[str, FrozenTrial] = {
    "choice": added(
        w=(128, CategoricalDistribution([8, 16, 32, 64, 128])), d=(3, IntDistribution(1, 9))
    ),
    "truth": added(w=(True, CategoricalDistribution([True, 16])), d=(3, IntDistribution(1, 9))),
    "kind": added(w=(3.5, FloatDistribution(1.0, 9.0)), d=(3, IntDistribution(1, 9))),
    "scale": added(
        w=(8, CategoricalDistribution([8, 16, 32, 64])), lr=(0.0, FloatDistribution(0.0, 1.0))
    ),
    "failed": added(None, w=(128, CategoricalDistribution([8, 128]))),
}


@pytest.mark.parametrize("strange", STRANGE.values(), ids=STRANGE)
def test_a_trial_of_another_parameter_is_left_out(
    strange: FrozenTrial, caplog: pytest.LogCaptureFixture
) -> None:
    optuna.logging.enable_propagation()
    study = study_of()
    study.optimize(width, n_trials=5)
    study.add_trial(strange)
    study.optimize(width, n_trials=20)
    states = [trial.state for trial in study.trials if trial.number != 5]
    assert states == [TrialState.COMPLETE] * 25
    is_said = "Trial 5 cannot be learned from: " in caplog.text
    assert is_said == (strange.state == TrialState.COMPLETE)


OBJECTIONS: list[tuple[BaseDistribution, BaseDistribution, Any, bool]] = [
    (IntDistribution(1, 3), IntDistribution(1, 9, step=4), 5, False),
    (IntDistribution(1, 3), FloatDistribution(1.0, 3.0), 1.0, True),
    (IntDistribution(1, 3), IntDistribution(1, 3, log=True), 2, True),
    (CategoricalDistribution([8, 16]), CategoricalDistribution([8, 16, 32]), 16, False),
    (CategoricalDistribution([8, 16]), CategoricalDistribution([8, 16, 32]), 32, True),
]


@pytest.mark.parametrize(("first", "second", "value", "is_strange"), OBJECTIONS)
def test_what_there_are_objections_to(
    first: BaseDistribution, second: BaseDistribution, value: Any, is_strange: bool
) -> None:
    learner = SpaceLearner()
    trial = added(w=(first.to_external_repr(1), first))
    assert learner.objection(trial) is None
    learner.learn(trial)
    said = learner.objection(added(w=(value, second)))
    assert (said is not None) == is_strange
    assert said is None or f"w={value!r} is of {second}, and earlier trials have {first}" in said


def growing(trial: Trial) -> tuple[float, float]:
    """What a trial has may be none of the space's variables, and some later."""
    n = 1 if trial.number < 5 else 4
    a = trial.suggest_int("a", 1, n)
    if trial.number in (3, 7):
        return float(a), 1.0
    b = trial.suggest_int("b", 1, 8)
    return float(a * b), float(-a - b)


RESUMED = [(sometimes_nothing, added()), (growing, added()), (eight, added())] + [
    (width, strange) for strange in STRANGE.values()
]


@pytest.mark.parametrize(("objective", "strange"), RESUMED)
def test_a_search_with_strange_trials_resumes_exactly(
    objective: Objective, strange: FrozenTrial
) -> None:
    def run(stops: bool) -> list[dict[str, Any]]:
        study = study_of()
        while len(study.trials) < 24:
            if stops:
                study.sampler = LINASSampler(seed=0)
            study.optimize(objective, n_trials=1)
            if len(study.trials) in (6, 15):
                study.add_trial(strange)
        return [trial.params for trial in study.trials]

    assert run(stops=True) == run(stops=False)
