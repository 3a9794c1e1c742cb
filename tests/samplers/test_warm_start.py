"""A study of another device, or of a cheaper objective, starts the search."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.study import Study
from optuna.trial import Trial

from optuna_linas import Attr, LINASSampler, SearchSpace
from optuna_linas.errors import SpaceMismatchError
from optuna_linas.goals import Goals
from optuna_linas.samplers.warm_start import WarmStart

WIDTHS = ("ant", "bee", "cat", "dog", "elk", "fox", "gnu", "hen")
WORTH = np.array([5.0, 1.0, 8.0, 3.0, 9.0, 2.0, 7.0, 4.0])


def network(trial: Trial) -> np.ndarray:
    """Eight layers of unlike worth, whose options say nothing of their size."""
    sizes = [trial.suggest_categorical(name, ["x", "y", "z"]) for name in WIDTHS]
    return np.array(["yzx".index(size) for size in sizes])


def macs(trial: Trial) -> tuple[float, float]:
    chosen = network(trial)
    return float(np.sqrt(chosen @ WORTH)), float(chosen.sum())


def on_device(trial: Trial) -> tuple[float, float]:
    chosen = network(trial)
    return float(np.sqrt(chosen @ WORTH)), 3.0 + 2.0 * float(chosen.sum()) + float(chosen[0] == 2)


def run(
    objective: Callable[[Trial], tuple[float, float]], n: int, sampler: Any, **kwargs: Any
) -> Study:
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler, **kwargs)
    study.optimize(objective, n_trials=n)
    return study


@pytest.fixture(scope="module")
def source() -> Study:
    return run(macs, 60, LINASSampler(seed=0))


def quick(**settings: Any) -> LINASSampler:
    return LINASSampler(**{"n_startup_trials": 8, "seed": 1, **settings})


def test_its_front_is_measured_first(source: Study) -> None:
    study = run(on_device, 9, quick(warm_start=source))
    front = [trial.params for trial in source.best_trials]
    # The first trial shows the space; of the eight of the start, half are the other's front.
    assert study.trials[0].params in front
    assert sum(trial.params in front for trial in study.trials[1:]) >= 4
    plain = run(on_device, 9, quick())
    assert plain.trials[0].params not in front
    assert sum(trial.params in front for trial in plain.trials[1:]) < 4


def test_workers_that_begin_at_once_begin_with_different_networks(source: Study) -> None:
    study = optuna.create_study(
        directions=["maximize", "minimize"], sampler=quick(warm_start=source)
    )
    begun = [study.ask() for _ in range(8)]
    values = [on_device(trial) for trial in begun]
    assert len({tuple(sorted(trial.params.items())) for trial in study.trials}) == 8
    assert study.trials[0].params in [trial.params for trial in source.best_trials]
    for trial, each in zip(begun, values, strict=True):
        study.tell(trial, each)
    study.optimize(on_device, n_trials=8)
    assert len({tuple(sorted(trial.params.items())) for trial in study.trials}) == 16


def test_nothing_is_feasible_there_and_the_search_starts_all_the_same() -> None:
    def limited(trial: Trial) -> tuple[float, float]:
        trial.set_constraint("memory", 1.0)
        return on_device(trial)

    source = run(limited, 12, LINASSampler(seed=0))
    assert len(run(on_device, 12, quick(warm_start=source)).trials) == 12


def test_its_measurements_teach_the_predictors(source: Study) -> None:
    def quality(sampler: LINASSampler) -> float:
        study = run(on_device, 20, sampler)
        records = study.user_attrs["linas:predictors"]["iterations"]
        return float(np.mean([each["mape_percent"] for each in records]))

    assert quality(quick(warm_start=source)) < 0.5 * quality(quick())


def test_bare_trials_have_the_directions_of_the_search(source: Study) -> None:
    from_study = run(on_device, 24, quick(warm_start=source))
    from_trials = run(on_device, 24, quick(warm_start=source.trials))
    assert [t.params for t in from_study.trials] == [t.params for t in from_trials.trials]


def test_a_resumed_search_goes_on_as_if_uninterrupted(source: Study) -> None:
    whole = run(on_device, 24, quick(warm_start=source))
    parts = run(on_device, 1, quick(warm_start=source))
    for n in (10, 13):
        parts.sampler = quick(warm_start=source)
        parts.optimize(on_device, n_trials=n)
    assert [t.params for t in parts.trials] == [t.params for t in whole.trials]


def test_a_single_objective_starts_a_search_with_two() -> None:
    cheap = optuna.create_study(direction="minimize", sampler=LINASSampler(seed=0))
    cheap.optimize(lambda trial: macs(trial)[1], n_trials=30)
    study = run(on_device, 20, quick(warm_start=cheap))
    assert len(study.trials) == 20


def test_a_front_is_spread_however_few_rows_are_taken() -> None:
    space = SearchSpace.from_choices({"width": [1, 2, 3, 4, 5]})
    study = optuna.create_study(directions=["maximize", "minimize"])
    for width in (1, 2, 3, 4, 5):
        study.enqueue_trial({"width": width})
    study.optimize(lambda t: [t.suggest_categorical("width", [1, 2, 3, 4, 5])] * 2, n_trials=5)
    front = WarmStart(study).front(space, Goals(study.directions), 3)
    assert len(front) == 3
    assert 2 in front[:, 0]


@pytest.mark.parametrize("older", [False, True])
def test_what_violates_a_constraint_is_not_on_its_front(older: bool) -> None:
    def excess(width: int) -> tuple[float]:
        return (width - 3.5,)

    def limited(trial: Trial) -> tuple[float, float]:
        width = trial.suggest_categorical("width", [1, 2, 3, 4, 5])
        if not older:
            trial.set_constraint("memory", *excess(width))
        return width, width

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sampler = (
            optuna.samplers.NSGAIISampler(constraints_func=lambda t: excess(t.params["width"]))
            if older
            else None
        )
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    for width in (1, 2, 3, 4, 5):
        study.enqueue_trial({"width": width})
    study.optimize(limited, n_trials=5)
    space = SearchSpace.from_choices({"width": [1, 2, 3, 4, 5]})
    goals = Goals(study.directions)
    assert sorted(WarmStart(study).front(space, goals, 5)[:, 0]) == [0, 1, 2]
    # It teaches all the same.
    assert WarmStart(study).advice(space, goals) is not None
    assert len(WarmStart(study.trials[3:]).front(space, goals, 5)) == 0


def test_trials_without_values_or_of_other_spaces_are_left_out(source: Study) -> None:
    other = optuna.create_study(directions=["maximize", "minimize"])
    other.add_trials(source.trials[:10])
    other.optimize(lambda t: (t.suggest_float("else", 0, 1), 0.0), n_trials=3)
    other.optimize(lambda t: (float("nan"), macs(t)[1]), n_trials=3)
    assert len(run(on_device, 16, quick(warm_start=other)).trials) == 16


def test_what_cannot_start_a_search_is_explained(source: Study) -> None:
    with pytest.raises(TypeError, match="is a study or a list of its trials, got int"):
        LINASSampler(warm_start=3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="not a finished trial"):
        LINASSampler(warm_start=[{"ant": "x"}])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="0 trials and none is complete"):
        LINASSampler(warm_start=optuna.create_study())
    unlike = optuna.create_study()
    unlike.optimize(lambda trial: trial.suggest_float("rate", 0, 1), n_trials=5)
    with pytest.raises(
        SpaceMismatchError,
        match=r"No complete trial of warm_start fits .*have other parameters, \['rate'\], than",
    ):
        run(on_device, 4, quick(warm_start=unlike))


def test_what_the_other_study_lacks_is_named_and_not_what_has_a_condition() -> None:
    def conditional(trial: Trial) -> tuple[float, float]:
        widths = [
            trial.suggest_int(f"width_{i}", 1, 9) for i in range(trial.suggest_int("depth", 1, 3))
        ]
        return float(sum(widths)), float(sum(widths) * len(widths))

    def wider(trial: Trial) -> tuple[float, float]:
        value, cost = conditional(trial)
        return value + trial.suggest_int("z", 0, 9), cost + trial.suggest_int("y", 0, 9)

    source = run(conditional, 20, LINASSampler(seed=0))
    with pytest.raises(SpaceMismatchError, match=r"None of them has \['y', 'z'\]\. If"):
        run(wider, 4, quick(warm_start=source))


def test_bare_trials_of_another_number_of_objectives_are_explained() -> None:
    unlike = optuna.create_study()
    unlike.optimize(lambda trial: trial.suggest_float("rate", 0, 1), n_trials=5)
    with pytest.raises(ValueError, match=r"have 1 values.*Pass the study itself"):
        run(on_device, 4, quick(warm_start=unlike.trials))


def test_an_attribute_that_is_an_objective_is_one_of_the_source_too() -> None:
    def accuracy(trial: Trial) -> float:
        value, cost = macs(trial)
        trial.set_user_attr("cost", cost)
        return value

    study = optuna.create_study(direction="maximize")
    study.optimize(accuracy, n_trials=40)
    space = SearchSpace.from_choices({name: ["x", "y", "z"] for name in WIDTHS})
    goals = Goals(study.directions, [0, Attr("cost")])
    front = WarmStart(study).front(space, goals, 40)
    costs = {
        trial.user_attrs["cost"]
        for trial in study.trials
        if space.encode(trial.params).tobytes() in {row.tobytes() for row in front}
    }
    assert min(costs) == min(trial.user_attrs["cost"] for trial in study.trials)
    assert len(WarmStart(study).front(space, Goals(study.directions), 40)) == 1 < len(front)


def test_the_largest_float_as_a_penalty_does_no_harm() -> None:
    def penalised(trial: Trial) -> tuple[float, float]:
        value, cost = macs(trial)
        return (-1.7e308 if trial.number % 5 == 0 else value), cost

    source = run(penalised, 20, optuna.samplers.RandomSampler(seed=0))
    assert len(run(on_device, 12, quick(warm_start=source)).trials) == 12
