import optuna
import pytest
from optuna.distributions import CategoricalDistribution
from optuna.study import Study
from optuna.trial import Trial

from optuna_linas import Attr, LINASSampler, NAGSampler
from optuna_linas.study_space import space_of
from optuna_linas.study_values import goals_of, values_of, why_empty
from optuna_linas.visualization import plot_search_progress


def objective(trial: Trial) -> float:
    depth = trial.suggest_int("depth", 1, 4)
    width = trial.suggest_categorical("width", [8, 16, 32])
    trial.set_user_attr("throughput", 100.0 / (depth * width))
    return 1 - 1 / (depth * width)


def test_the_goals_are_those_of_the_search_also_in_a_loaded_study() -> None:
    goals = (0, Attr("throughput", "maximize"))
    study = optuna.create_study(
        direction="maximize",
        sampler=LINASSampler(seed=0, objectives=goals, n_startup_trials=4, predictor="ridge"),
    )
    assert goals_of(study).goals == goals
    study.optimize(objective, n_trials=10)
    loaded = optuna.load_study(study_name=study.study_name, storage=study._storage)
    assert goals_of(loaded).goals == goals
    assert goals_of(loaded, [0]).goals == (0,)
    assert values_of(loaded).signs.tolist() == [-1.0, -1.0]
    nag = optuna.create_study(direction="maximize", sampler=NAGSampler(cost="throughput", seed=0))
    assert goals_of(nag).names == [0, "throughput"]
    assert goals_of(optuna.create_study(directions=["minimize"] * 3)).goals == (0, 1, 2)


def test_a_string_is_an_attribute_that_is_minimised() -> None:
    study = optuna.create_study()
    assert goals_of(study, [0, "latency_ms"]).goals == (0, Attr("latency_ms"))
    with pytest.raises(TypeError, match=r"sequence, such as \[0, 'latency_ms'\]"):
        goals_of(study, "latency_ms")
    with pytest.raises(ValueError, match="no objective 1"):
        goals_of(study, [1])


def test_trials_that_lack_a_goal_are_left_out() -> None:
    study = optuna.create_study(direction="maximize")
    for value, attributes in (
        (0.5, {"ms": 2.0}),
        (0.6, {}),
        (0.7, {"ms": float("nan")}),
        (float("inf"), {"ms": 1.0}),
    ):
        study.add_trial(optuna.create_trial(value=value, user_attrs=attributes))
    data = values_of(study, [0, "ms"])
    assert [trial.number for trial in data.trials] == [0]
    assert data.values.tolist() == [[0.5, 2.0]]
    assert why_empty(study).startswith("No complete trial has a finite value")


def test_only_what_is_asked_for_must_be_there() -> None:
    study = optuna.create_study(sampler=NAGSampler(cost="latency_ms", seed=0))
    study.add_trial(optuna.create_trial(value=1.0))
    assert values_of(study).trials == []
    assert "finite value" in plot_search_progress(study).layout.annotations[0].text
    with pytest.raises(ValueError, match="which no trial has"):
        values_of(study, [0, "latency_ms"])


def test_an_objective_has_the_name_of_the_attribute_that_repeats_it() -> None:
    study = optuna.create_study(directions=["maximize", "minimize"])
    for accuracy, latency in ((0.5, 2.0), (0.6, 3.0)):
        attributes = {"latency_ms": latency, "accuracy": accuracy, "size": 2.0}
        study.add_trial(optuna.create_trial(values=[accuracy, latency], user_attrs=attributes))
    assert values_of(study).names == ("accuracy", "latency_ms")
    study.add_trial(optuna.create_trial(values=[0.7, 4.0], user_attrs={"accuracy": 0.1}))
    assert values_of(study).names == ("objective 0", "objective 1")


def test_the_space_is_the_samplers_or_what_the_trials_show() -> None:
    def study(sampler: optuna.samplers.BaseSampler) -> Study:
        return optuna.create_study(direction="maximize", sampler=sampler)

    declared = study(LINASSampler(space={"op": CategoricalDistribution(["a", "b"])}))
    shown = space_of(declared)
    assert shown is not None
    assert shown.names == ("op",)
    random = study(optuna.samplers.RandomSampler(seed=0))
    assert space_of(random) is None
    random.optimize(objective, n_trials=3)
    shown = space_of(random)
    assert shown is not None
    assert shown.names == ("depth", "width")
