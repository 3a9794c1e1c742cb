"""Networks that do not work, told by an infinite value: learned from as from any other penalty."""

import math
import warnings
from collections.abc import Callable

import optuna
import pytest
from optuna.study import Study
from optuna.trial import Trial

from optuna_linas import (
    Attr,
    BudgetGenerator,
    LINASSampler,
    NAGSampler,
    PymooSampler,
    best_under,
    knee_point,
)
from optuna_linas.arrays import LARGEST
from optuna_linas.goals import Goals

INF, NAN = math.inf, math.nan
OPTIONS = ["conv", "depthwise", "pool", "none"]


def network(trial: Trial) -> tuple[float, float, bool]:
    """Accuracy, latency, and whether it works: a device does not know one of the operations."""
    ops = [trial.suggest_categorical(f"op_{i}", OPTIONS) for i in range(5)]
    widths = [trial.suggest_int(f"width_{i}", 1, 8) for i in range(5)]
    cost = sum(w * (1 + OPTIONS.index(op)) for w, op in zip(widths, ops, strict=True))
    return 1 - 1 / (1 + cost**0.5), float(cost), "depthwise" not in ops


def broken(study: Study) -> int:
    return sum(not trial.user_attrs["works"] for trial in study.trials)


def search(
    sampler: optuna.samplers.BaseSampler,
    told: Callable[[float, float], tuple[float, float]],
    n: int = 50,
) -> Study:
    """Run a search in which `told` gives the values of a network that does not work."""

    def objective(trial: Trial) -> tuple[float, float]:
        accuracy, latency, works = network(trial)
        trial.set_user_attr("works", works)
        return (accuracy, latency) if works else told(accuracy, latency)

    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    study.optimize(objective, n_trials=n)
    assert len({tuple(trial.params.values()) for trial in study.trials}) == n
    return study


@pytest.mark.parametrize(
    "told",
    [
        lambda accuracy, latency: (0.0, INF),
        lambda accuracy, latency: (accuracy, INF),
        lambda accuracy, latency: (-INF, latency),
        lambda accuracy, latency: (-INF, INF),
    ],
)
def test_what_is_infinitely_bad_is_avoided(
    told: Callable[[float, float], tuple[float, float]],
) -> None:
    assert broken(search(LINASSampler(seed=0), told)) <= 16  # 38 of 50 by chance


@pytest.mark.parametrize("told", [(INF, 1.0), (0.0, -INF)])
def test_what_is_infinitely_good_counts_as_failed_and_is_warned_of_once(
    told: tuple[float, float], caplog: pytest.LogCaptureFixture
) -> None:
    optuna.logging.enable_propagation()
    study = search(LINASSampler(seed=0), lambda accuracy, latency: told, n=80)
    assert broken(study) < 40  # 61 by chance
    (message,) = {r.getMessage() for r in caplog.records if r.name == "optuna.linas"}
    first = next(trial.number for trial in study.trials if not trial.user_attrs["works"])
    assert f"Trial {first} counts as failed, as do others like it" in message
    assert "say inf where less is better and -inf where more is" in message


@pytest.mark.parametrize("bad", [INF, NAN])
def test_so_does_an_attribute(bad: float) -> None:
    def objective(trial: Trial) -> float:
        accuracy, latency, works = network(trial)
        trial.set_user_attr("works", works)
        trial.set_user_attr("latency_ms", latency if works else bad)
        return accuracy

    sampler = LINASSampler(seed=0, objectives=[0, Attr("latency_ms")])
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.optimize(objective, n_trials=80)
    assert broken(study) < (20 if bad == INF else 40)


def test_a_start_of_nothing_but_infinities_is_gone_on_from() -> None:
    def objective(trial: Trial) -> tuple[float, float]:
        accuracy, latency, _ = network(trial)
        return (accuracy, INF) if trial.number < 16 else (accuracy, latency)

    study = optuna.create_study(directions=["maximize", "minimize"], sampler=LINASSampler(seed=0))
    study.optimize(objective, n_trials=40)
    assert len({tuple(trial.params.values()) for trial in study.trials}) == 40


def test_the_record_of_predictions_is_of_what_is_finite() -> None:
    study = search(LINASSampler(seed=0), lambda accuracy, latency: (accuracy, INF), n=42)
    batches = study.user_attrs["linas:predictors"]["iterations"]
    assert sum(batch["n_trials"] for batch in batches) == sum(
        trial.user_attrs["works"] for trial in study.trials[12:]
    )


def test_an_infinite_value_is_no_answer_and_no_start_of_another_search() -> None:
    study = search(LINASSampler(seed=0), lambda accuracy, latency: (1.0, INF), n=40)
    assert knee_point(study).user_attrs["works"]
    assert best_under(study, {1: INF}).user_attrs["works"]
    warm = search(
        LINASSampler(seed=1, warm_start=study), lambda accuracy, latency: (1.0, INF), n=30
    )
    assert warm.trials[0].user_attrs["works"]
    assert broken(warm) <= 14  # 23 by chance


@pytest.mark.parametrize("value", [-INF, None])
def test_a_budget_generator_takes_it_for_a_penalty(value: float | None) -> None:
    study = search(
        LINASSampler(seed=0),
        lambda accuracy, latency: (accuracy, INF) if value is None else (value, latency),
        n=60,
    )
    generator = BudgetGenerator.from_study(study, cost=1, seed=0, progress=False)
    assert generator.n_left_out == {"with a penalty as cost": broken(study)}
    low, high = generator.cost_range
    assert 0 < low < high < 200
    answers = generator.generate(budget=(low + high) / 2, n=5)
    assert all("depthwise" not in answer.params.values() for answer in answers)


@pytest.mark.parametrize(
    "sampler",
    [
        NAGSampler(cost=1, n_steps=5, n_budgets=4, seed=0),
        PymooSampler("nsga2", population_size=10, seed=0),
    ],
)
def test_other_samplers_take_it_for_a_penalty(sampler: optuna.samplers.BaseSampler) -> None:
    assert broken(search(sampler, lambda accuracy, latency: (accuracy, INF), n=45)) < 27


def mostly_broken(trial: Trial, least: int, direction: str) -> tuple[float, float]:
    """A device knows options of `least` and above of twenty."""
    widths = [trial.suggest_int(f"width_{i}", 0, 9) for i in range(5)]
    op = trial.suggest_categorical("op", list(range(20)))
    cost = 10.0 + sum(widths) + 0.1 * op
    sign = -1 if direction == "maximize" else 1
    return (float(sum(widths[:3])), sign * cost) if op >= least else (0.0, sign * INF)


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
@pytest.mark.parametrize("least", [12, 17])
def test_no_budget_is_infinite_where_most_networks_are_broken(least: int, direction: str) -> None:
    sampler = NAGSampler(cost=1, n_steps=3, n_budgets=4, seed=0)
    study = optuna.create_study(directions=["maximize", direction], sampler=sampler)
    study.optimize(lambda trial: mostly_broken(trial, least, direction), n_trials=26)
    planned = [trial.user_attrs for trial in study.trials if trial.user_attrs]
    assert len(planned) >= 5
    for told in planned:
        assert max(abs(each) for each in told.values()) < 500


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_a_generator_of_mostly_broken_networks_is_of_those_that_work(direction: str) -> None:
    study = optuna.create_study(
        directions=["maximize", direction], sampler=optuna.samplers.RandomSampler(seed=0)
    )
    study.optimize(lambda trial: mostly_broken(trial, 17, direction), n_trials=40)
    n_working = sum(math.isfinite(trial.values[1]) for trial in study.trials)
    assert n_working < 10
    says = (
        f"10 of which work; of the 40 trials of .*, {n_working} are usable "
        rf"\({40 - n_working} with an infinite value or cost\)"
    )
    with pytest.raises(ValueError, match=says):
        BudgetGenerator.from_study(study, cost=1, seed=0, progress=False)
    study.optimize(lambda trial: mostly_broken(trial, 17, direction), n_trials=60)
    costs = [trial.values[1] for trial in study.trials if math.isfinite(trial.values[1])]
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        generator = BudgetGenerator.from_study(study, cost=1, seed=0, progress=False, n_steps=3)
    assert generator.n_used == len(costs) >= 10
    assert generator.n_left_out == {"with a penalty as cost": 100 - len(costs)}
    assert generator.cost_range == (min(costs), max(costs))


def test_a_generator_says_that_nothing_works() -> None:
    study = optuna.create_study(
        directions=["maximize", "minimize"], sampler=optuna.samplers.RandomSampler(seed=0)
    )
    study.optimize(lambda trial: mostly_broken(trial, 20, "minimize"), n_trials=30)
    with pytest.raises(ValueError, match=r"0 are usable \(30 with an infinite value or cost\)"):
        BudgetGenerator.from_study(study, cost=1, seed=0, progress=False)


def test_losses_and_values_of_what_is_not_finite() -> None:
    def trial(*values: float) -> optuna.trial.FrozenTrial:
        return optuna.create_trial(values=values)

    goals = Goals(optuna.create_study(directions=["maximize", "minimize"]).directions)
    assert goals.losses(trial(0.5, 2.0)) == [-0.5, 2.0]
    for bad in (trial(0.5, INF), trial(-INF, 2.0)):
        assert goals.losses(bad) == [LARGEST, LARGEST]
        assert goals.values(bad.values, {}) is None
        assert goals.nonsense(bad) is None
    for nonsense, said in (
        (trial(INF, INF), "objective 0 is inf"),
        (trial(0.5, -INF), "objective 1 is -inf"),
    ):
        assert goals.losses(nonsense) is None
        assert goals.nonsense(nonsense) == said
    lacking = Goals(goals.directions, [0, Attr("ms")])
    assert lacking.losses(trial(INF, 2.0)) is None
    assert lacking.nonsense(trial(INF, 2.0)) is None  # another code, perhaps: nothing has failed
