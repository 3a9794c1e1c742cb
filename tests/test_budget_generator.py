"""What BudgetGenerator promises to a user with a finished study."""

import json
import math
import pickle
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from optuna.study import Study
from optuna.trial import Trial

import optuna_linas
from optuna_linas import Attr, BudgetGenerator, LINASSampler, NAGSampler, SearchSpace
from optuna_linas.budget_limits import how_many_within
from optuna_linas.errors import DeviceNotFoundError, SpaceMismatchError
from optuna_linas.nag import PAPER, REWARDS, EvaluatorSettings, Settings

QUICK = Settings(n_steps=15, n_samples=8, evaluator=EvaluatorSettings(32, 30, n_imagined=50))
SIZES = [8, 16, 32, 64, 128]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def true_values(params: dict[str, Any]) -> tuple[float, float]:
    """Accuracy and latency of a network: a conditional space with numbers and categories."""
    widths = [params[f"width_{i}"] for i in range(params["depth"])]
    accuracy = 1.0 - 1.0 / math.sqrt(sum(widths)) - 0.02 * abs(math.log10(params["lr"]) + 2)
    return accuracy, 0.02 * sum(widths) + 0.1


def suggest(trial: Trial) -> dict[str, Any]:
    params: dict[str, Any] = {"depth": trial.suggest_int("depth", 1, 3)}
    params["lr"] = trial.suggest_float("lr", 1e-4, 1e-1, log=True)
    for i in range(params["depth"]):
        params[f"width_{i}"] = trial.suggest_categorical(f"width_{i}", SIZES)
    return params


def with_attribute(trial: Trial) -> float:
    accuracy, latency = true_values(suggest(trial))
    trial.set_user_attr("latency_ms", latency)
    trial.set_user_attr("error", 1.0 - accuracy)
    return accuracy


def study_of(
    objective: Any = with_attribute, n: int = 50, directions: tuple[str, ...] = ("maximize",)
) -> Study:
    study = optuna.create_study(
        directions=list(directions),
        sampler=optuna.samplers.RandomSampler(seed=0),
        study_name="networks",
    )
    study.optimize(objective, n_trials=n, catch=RuntimeError)
    return study


def generator_of(study: Study, cost: Any = "latency_ms", **settings: Any) -> BudgetGenerator:
    settings = {"seed": 0, "settings": QUICK, "progress": False, **settings}
    return BudgetGenerator.from_study(study, cost=cost, **settings)


@pytest.fixture(scope="module")
def fitted() -> BudgetGenerator:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return generator_of(study_of())


def test_it_answers_with_networks_of_the_budget(fitted: BudgetGenerator) -> None:
    best = [fitted.generate(budget)[0] for budget in (1.0, 3.0, 6.0)]
    true = [true_values(each.params) for each in best]
    assert all(t[1] <= budget for t, budget in zip(true, (1.0, 3.0, 6.0), strict=True))
    assert true[0][0] < true[1][0] < true[2][0]
    for each, (accuracy, latency) in zip(best, true, strict=True):
        assert each.is_within
        assert each.predicted_cost == pytest.approx(latency, rel=0.25)
        assert each.predicted_value == pytest.approx(accuracy, abs=0.05)
        assert len(each.params) == 2 + each.params["depth"]  # type: ignore[operator]


def test_several_answers_are_different_networks(fitted: BudgetGenerator) -> None:
    answers = fitted.generate(4.0, n=5)
    assert len({tuple(sorted(a.params.items())) for a in answers}) == 5
    assert all(a.is_within for a in answers)


def test_the_same_request_has_the_same_answer(fitted: BudgetGenerator) -> None:
    assert fitted.generate(2.5, n=3) == fitted.generate(np.float64(2.5), n=3)
    again = generator_of(study_of())
    assert again.generate(2.5, n=3) == fitted.generate(2.5, n=3)


def test_a_budget_above_the_range_is_the_highest_one(fitted: BudgetGenerator) -> None:
    high = fitted.cost_range[1]
    assert fitted.generate(1e6)[0].predicted_value == pytest.approx(
        fitted.generate(high)[0].predicted_value, abs=0.02
    )
    assert all(each.predicted_cost <= high for each in fitted.generate(1e6, n=5))


@pytest.mark.parametrize("budget", [1e40, sys.float_info.max])
def test_a_budget_beyond_single_precision_is_the_highest_one(
    fitted: BudgetGenerator, budget: float
) -> None:
    high = fitted.cost_range[1]
    for found, wanted in (
        (fitted.generate(budget), fitted.generate(high)),
        (fitted.draw(budget, 200), fitted.draw(high, 200)),
    ):
        values = [np.mean([each.predicted_value for each in some]) for some in (found, wanted)]
        assert values[0] == pytest.approx(values[1], abs=0.02)
    with pytest.raises(ValueError, match="below every"):
        fitted.generate(-budget)


def test_the_front_rises_with_the_budget(fitted: BudgetGenerator) -> None:
    front = fitted.front(n_budgets=12)
    assert front.budgets[[0, -1]].tolist() == list(fitted.cost_range)
    assert len(front.params) == len(front.values) == len(front.costs) == 12
    assert (front.value_name, front.cost_name) == ("objective 0", "latency_ms")
    assert (front.costs <= front.budgets + 1e-9)[front.is_within].all()
    assert front.is_within[1:].all()
    assert (np.diff(front.values) > -0.02).all()
    assert front.values[-1] > front.values[0] + 0.2


def test_the_front_shows_what_is_measured_where_costs_are_skewed() -> None:
    """Of costs between .1 and 100, even budgets would see nothing below five."""

    def skewed(trial: Trial) -> float:
        accuracy, latency = true_values(suggest(trial))
        trial.set_user_attr("latency_ms", latency**3)
        return accuracy

    study = study_of(skewed)
    front = generator_of(study).front(20)
    costs = np.array([trial.user_attrs["latency_ms"] for trial in study.trials])
    values = np.array([trial.values[0] for trial in study.trials])
    for budget in np.quantile(costs, [0.1, 0.2, 0.3, 0.5, 0.7, 0.9]):
        shown = front.values[front.budgets <= budget].max()
        assert shown > values[costs <= budget].max() - 0.02


def test_draws_are_as_they_come(fitted: BudgetGenerator) -> None:
    draws = fitted.draw(3.0, 200)
    assert len(draws) == 200
    assert draws == fitted.draw(3.0, 200) != fitted.draw(3.0, 200, seed=1)
    low, high = (np.mean([d.predicted_cost for d in fitted.draw(b, 100)]) for b in (1.0, 6.0))
    assert low < high


@pytest.mark.parametrize("directions", [("maximize", "minimize"), ("minimize", "maximize")])
def test_directions_are_symmetric(directions: tuple[str, str], fitted: BudgetGenerator) -> None:
    signs = [1.0, 1.0] if directions[0] == "maximize" else [-1.0, -1.0]

    def objective(trial: Trial) -> list[float]:
        return [s * v for s, v in zip(signs, true_values(suggest(trial)), strict=True)]

    found = generator_of(study_of(objective, directions=directions), cost=1)
    for budget in (1.5, 4.0):
        mine, other = fitted.generate(budget, 3), found.generate(signs[1] * budget, 3)
        if signs[0] > 0:
            assert [m.params for m in mine] == [o.params for o in other]
        best = true_values(other[0].params)
        assert best[1] <= budget
        assert signs[0] * other[0].predicted_value == pytest.approx(best[0], abs=0.06)
    front = found.front(10)
    assert (front.is_value_maximised, front.is_cost_maximised) == (signs[0] > 0, signs[0] < 0)
    assert (np.diff(front.budgets) > 0).all()
    assert (signs[1] * (front.budgets - front.costs) > -1e-9)[front.is_within].all()


def test_the_value_may_be_an_attribute_too(fitted: BudgetGenerator) -> None:
    study = study_of()
    found = generator_of(study, value="error", cost=Attr("latency_ms"))
    assert true_values(found.generate(3.0)[0].params)[1] <= 3.0
    assert found.generate(3.0)[0].predicted_value < 0.5


def test_failed_pruned_and_nan_trials_are_left_out_and_counted() -> None:
    def fragile(trial: Trial) -> float:
        value = with_attribute(trial)
        if trial.number % 10 == 1:
            raise RuntimeError("out of memory")
        if trial.number % 10 == 2:
            raise optuna.TrialPruned
        if trial.number % 10 == 3:
            return math.nan
        if trial.number % 10 == 4:
            trial.set_user_attr("latency_ms", math.nan)
        if trial.number % 10 == 5:
            trial.set_constraint("memory", 1.0)
        return value

    found = generator_of(study_of(fragile, n=60))
    assert found.n_used == 30
    assert found.n_left_out == {
        "failed": 12,  # Optuna fails a trial that returns NaN
        "pruned": 6,
        "without a finite value and cost": 6,
        "infeasible by a constraint": 6,
    }


@pytest.mark.parametrize("penalty", [1e4, 1e10, sys.float_info.max])
def test_trials_with_a_penalty_as_cost_are_counted_and_no_budget_reaches_it(
    penalty: float, tmp_path: Path
) -> None:
    def fragile(trial: Trial) -> float:
        accuracy = with_attribute(trial)
        if trial.number % 10 != 1:
            return accuracy
        trial.set_user_attr("latency_ms", penalty)
        return 0.0

    study = study_of(fragile)
    costs = [t.user_attrs["latency_ms"] for t in study.trials if t.number % 10 != 1]
    found = generator_of(study)
    assert (found.n_used, found.n_left_out) == (45, {"with a penalty as cost": 5})
    assert found.cost_range == (min(costs), max(costs))
    best = [found.generate(budget)[0] for budget in (1.5, 4.0)]
    for each, budget in zip(best, (1.5, 4.0), strict=True):
        assert each.is_within
        assert true_values(each.params)[1] <= budget
    front = found.front(20)
    assert len({tuple(sorted(p.items())) for p in front.params}) > 8
    failed = [t.params for t in study.trials if t.number % 10 == 1]
    assert not any(p in failed for p in front.params)
    found.save(tmp_path / "networks.npz")
    loaded = BudgetGenerator.load(tmp_path / "networks.npz")
    assert (loaded.n_left_out, loaded.cost_range) == (found.n_left_out, found.cost_range)
    assert loaded.generate(4.0, n=3) == found.generate(4.0, n=3)
    assert loaded.draw(4.0, 20) == found.draw(4.0, 20)


def test_a_penalty_that_most_trials_have_as_cost_is_no_budget() -> None:
    def fragile(trial: Trial) -> float:
        accuracy = with_attribute(trial)
        if sum(v for name, v in trial.params.items() if name.startswith("width")) > 60:
            trial.set_user_attr("latency_ms", 1e10)
        return accuracy

    study = study_of(fragile, n=80)
    costs = [t.user_attrs["latency_ms"] for t in study.trials]
    assert costs.count(1e10) > 40
    found = generator_of(study)
    assert found.n_left_out == {"with a penalty as cost": costs.count(1e10)}
    assert found.cost_range == (min(costs), max(cost for cost in costs if cost < 1e10))
    for budget in (0.5, 0.8, 1.2):
        (answer,) = found.generate(budget)
        assert answer.is_within
        assert true_values(answer.params)[1] <= budget


def test_a_cost_that_may_be_a_penalty_is_warned_of() -> None:
    def fragile(trial: Trial) -> float:
        accuracy = with_attribute(trial)
        trial.set_user_attr("latency_ms", 1e10 if trial.number % 8 else 1.0 + trial.number)
        return accuracy

    says = r"35 of 40 usable trials have 1e\+10 as cost, 'latency_ms'"
    with pytest.warns(UserWarning, match=says):
        generator_of(study_of(fragile, n=40))


@pytest.mark.parametrize("how", ["raise", "constraint", "infinite"])
def test_an_option_that_never_works_is_no_answer(how: str, tmp_path: Path) -> None:
    def fragile(trial: Trial) -> float:
        width = trial.suggest_categorical("width", SIZES)
        depth, kernel = trial.suggest_int("depth", 1, 8), trial.suggest_int("kernel", 1, 8)
        trial.set_user_attr("latency_ms", 0.01 * width * depth + kernel)
        value = math.sqrt(width) + depth
        if how == "constraint":
            trial.set_constraint("supported", 1.0 if width == 32 else -1.0)
        elif width == 32:
            trial.set_user_attr("latency_ms", math.inf)
            if how == "raise":
                raise RuntimeError
        return value

    made = generator_of(study_of(fragile, n=80))
    made.save(tmp_path / "networks.npz")
    for generator in (made, BudgetGenerator.load(tmp_path / "networks.npz")):
        front = generator.front(12)
        answers = [*front.params, *(each.params for each in generator.generate(3.0, n=10))]
        assert {params["width"] for params in answers} > {8, 16}
        assert not any(params["width"] == 32 for params in answers)
        assert front.is_within.all()


def test_it_is_saved_and_loaded(fitted: BudgetGenerator, tmp_path: Path) -> None:
    path = tmp_path / "networks.npz"
    fitted.save(path)
    assert list(tmp_path.iterdir()) == [path]
    assert path.stat().st_size < 1_000_000
    loaded = BudgetGenerator.load(path)
    assert loaded.space == fitted.space
    assert repr(loaded) == repr(fitted)
    assert (loaded.n_used, loaded.n_left_out) == (fitted.n_used, fitted.n_left_out)
    assert loaded.generate(2.5, n=3) == fitted.generate(2.5, n=3)
    assert loaded.draw(2.5, 20) == fitted.draw(2.5, 20)
    BudgetGenerator.load(path, space=fitted.space)
    BudgetGenerator.load(path, space=SearchSpace(fitted.space.variables[::-1]))


def test_a_file_of_another_space_is_refused(fitted: BudgetGenerator, tmp_path: Path) -> None:
    path = tmp_path / "networks.npz"
    fitted.save(path)
    other = SearchSpace.from_choices({"depth": [1, 2], "kernel": [3, 5]})
    with pytest.raises(SpaceMismatchError, match=r"only the given space has \['kernel'\]"):
        BudgetGenerator.load(path, space=other)


def test_other_files_are_refused_and_not_executed(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "exploded",))

    path = tmp_path / "bomb.npz"
    np.savez(path, header=np.array([Bomb()], dtype=object))
    with pytest.raises(ValueError, match="not a file that BudgetGenerator"):
        BudgetGenerator.load(path)
    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ValueError, match="not a file that BudgetGenerator"):
        BudgetGenerator.load(path)
    np.savez(path, header=np.array('{"format": "other"}'))
    with pytest.raises(ValueError, match="was not saved by BudgetGenerator"):
        BudgetGenerator.load(path)
    np.savez(path, header=np.array('{"format": "optuna-linas budget generator", "version": 5}'))
    with pytest.raises(ValueError, match="Upgrade optuna-linas"):
        BudgetGenerator.load(path)
    for version, why in ((1, "trusted predictions more"), (2, "forgot in which ranges")):
        text = f'{{"format": "optuna-linas budget generator", "version": {version}}}'
        np.savez(path, header=np.array(text))
        with pytest.raises(ValueError, match=f"{why}.* Fit and save the generator again"):
            BudgetGenerator.load(path)
    np.savez(path, header=np.array('{"format": "optuna-linas budget generator", "version": true}'))
    with pytest.raises(ValueError, match="does not tell the version"):
        BudgetGenerator.load(path)
    with pytest.raises(FileNotFoundError):
        BudgetGenerator.load(tmp_path / "missing.npz")
    assert not (tmp_path / "exploded").exists()


def test_the_papers_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "optuna_linas.budget_generator.PAPER", replace(PAPER, evaluator=QUICK.evaluator)
    )
    found = BudgetGenerator.paper(study_of(), cost="latency_ms", n_steps=20, seed=0, progress=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # so few steps may find nothing feasible
        answers = found.generate(6.0, n=2)
    assert len(answers) == 2
    assert found._model.settings.reward == REWARDS["dominance"]
    assert len(found._model.remembered) == 0


def test_numbers_of_settings_are_options() -> None:
    found = generator_of(study_of(), n_budgets=4, n_steps=3, reward="tunas")
    assert len(found._model.grid) == 4
    assert type(found._model.settings.reward).__name__ == "TuNAS"
    assert found._model.settings.n_steps == 3


def test_the_least_violating_come_with_a_warning() -> None:
    study = study_of()
    strict = Settings(
        n_steps=0, n_elites=0, n_refinements=0, n_rounds=1, n_candidates=4, coverage=0.999
    )
    found = generator_of(study, settings=strict)
    with pytest.warns(UserWarning, match=r"of the 4 architectures for a budget of 1 stay"):
        answers = found.generate(1.0, n=4)
    assert not all(a.is_within for a in answers)
    excess = [max(0.0, a.predicted_cost - 1.0) for a in answers]
    assert excess[-1] >= excess[0]


def test_a_study_without_the_cost_is_explained() -> None:
    with pytest.raises(ValueError, match=r"'latency', which no trial.*\['error', 'latency_ms'\]"):
        generator_of(study_of(), cost="latency")
    with pytest.raises(ValueError, match="no objective 3"):
        generator_of(study_of(), cost=3)


def test_too_few_trials_are_explained_and_counted() -> None:
    def half(trial: Trial) -> float:
        value = with_attribute(trial)
        if trial.number % 2:
            raise RuntimeError("out of memory")
        return value

    with pytest.raises(ValueError, match=r"of the 30 trials of 'networks', 15 .*\(15 failed\)"):
        generator_of(study_of(half, n=30))
    with pytest.raises(ValueError, match="of the 0 trials"):
        generator_of(study_of(n=0))


def test_trials_of_few_architectures_are_explained_and_counted() -> None:
    def small(trial: Trial) -> float:
        value = trial.suggest_int("a", 0, 3) + trial.suggest_int("b", 0, 3)
        trial.set_user_attr("latency_ms", 1.0 + value)
        return value

    study = study_of(small, n=25)
    n = len({tuple(sorted(t.params.items())) for t in study.trials})
    says = rf"20 different .* of the 25 trials of 'networks', {n} .*\({25 - n} of an architecture"
    with pytest.raises(ValueError, match=says):
        generator_of(study)


def test_a_cost_that_is_constant_but_for_repetitions_is_explained() -> None:
    study = study_of(n=24)
    for trial in study.trials:
        study.add_trial(trial)
    for i, trial in enumerate(study.get_trials(deepcopy=False)):
        trial.user_attrs["latency_ms"] = 6.0 if i < 24 else 8.0
    with pytest.raises(ValueError, match="is 7 on average for each of 24 architectures"):
        generator_of(study)


def test_trials_are_no_study() -> None:
    with pytest.raises(TypeError, match="takes an Optuna study; got a list of FrozenTrial"):
        generator_of(study_of(n=3).trials)  # type: ignore[arg-type]


def test_a_constant_cost_is_explained() -> None:
    def constant(trial: Trial) -> float:
        value = with_attribute(trial)
        trial.set_user_attr("latency_ms", 7.5)
        return value

    with pytest.raises(ValueError, match=r"'latency_ms', is 7.5 in all 30 usable trials"):
        generator_of(study_of(constant, n=30))


def test_a_budget_below_everything_is_explained(fitted: BudgetGenerator) -> None:
    with pytest.raises(ValueError, match=r"budget of 0.05 is below every .* has 0.2\d* as lat"):
        fitted.generate(0.05)
    with pytest.raises(ValueError, match="finite"):
        fitted.generate(math.nan)
    with pytest.raises(ValueError, match="beyond the largest float"):
        fitted.generate(10**400)
    for none in ("37 ms", 3j, np.complex128(3), True, None, np.ones(1)):
        with pytest.raises(TypeError, match="A budget is a number"):
            fitted.generate(none)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="n must be at least 1"):
        fitted.generate(1.0, n=0)
    assert fitted.generate(np.float32(4.0)) == fitted.generate(4) == fitted.generate(4.0)


def test_a_budget_just_below_everything_is_told_apart(fitted: BudgetGenerator) -> None:
    least = fitted._model.least_cost
    below = float(np.nextafter(least, 0.0))
    with pytest.raises(ValueError, match=rf"budget of {below!r} is below .* has {least!r} as"):
        fitted.generate(below)


def test_draws_beyond_the_dearest_trial_are_judged_as_answers_are(fitted: BudgetGenerator) -> None:
    dearest = fitted.cost_range[1]
    assert fitted.draw(1e6, 200) == fitted.draw(dearest, 200)
    draws = fitted.draw(1e6, 200)
    bounds = fitted._model.model.predict(
        np.array([fitted.space.encode(each.params) for each in draws])
    ).bounds
    assert (bounds > dearest).any()
    assert [each.is_within for each in draws] == (bounds <= dearest).tolist()


@pytest.mark.parametrize(
    ("n_within", "n", "says"),
    [
        (134, 248, "Only 134 of the 248 architectures for a budget of 2.5 stay within"),
        (1, 3, "Only 1 of the 3 architectures for a budget of 2.5 stays within"),
        (0, 3, "None of the 3 architectures for a budget of 2.5 stay within"),
        (0, 1, "The architecture for a budget of 2.5 does not stay within"),
    ],
)
def test_how_many_answers_are_within_is_said(n_within: int, n: int, says: str) -> None:
    said = how_many_within(n_within, n, 2.5)
    assert said.startswith(says)
    assert ("the others" in said) == (n_within > 0)


@pytest.mark.parametrize(
    ("settings", "error", "says"),
    [
        ({"reward": "accuracy"}, ValueError, "Unknown reward 'accuracy'"),
        ({"reward": 3}, TypeError, "A reward is a name"),
        ({"seed": "x"}, TypeError, "seed"),
        ({"n_budgets": 1}, ValueError, "n_budgets must be at least 2"),
        ({"space": ["depth"]}, TypeError, "SearchSpace"),
        ({"cost": 0}, ValueError, "once"),
    ],
)
def test_bad_arguments_are_explained(
    settings: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        generator_of(study_of(n=25), **settings)


def test_a_given_space_that_does_not_fit_is_explained() -> None:
    space = SearchSpace.from_choices({"depth": [1, 2, 3], "stride": [1, 2]})
    with pytest.raises(ValueError, match=r"0 are usable \(50 not of the space\).*stride"):
        generator_of(study_of(), space=space)


def test_a_given_space_that_lacks_what_trials_vary_is_explained() -> None:
    def objective(trial: Trial) -> float:
        depth, width = trial.suggest_int("depth", 1, 12), trial.suggest_int("width", 1, 12)
        kernel = trial.suggest_categorical("kernel", [1, 3, 5] if varies else [3])
        stride = trial.suggest_int("stride", 1, 4) if depth > 100 else 1
        trial.set_user_attr("latency_ms", float(depth * width * kernel * stride))
        return 1.0 - 1.0 / (depth * width * kernel)

    varies = False
    space = SearchSpace.from_choices({"depth": range(1, 13), "width": range(1, 13)})
    assert set(generator_of(study_of(objective), space=space).generate(50.0)[0].params) == {
        "depth",
        "width",
    }
    varies = True
    with pytest.raises(SpaceMismatchError, match=r"lacks .* vary: 'kernel'\. .* leave `space` out"):
        generator_of(study_of(objective), space=space)


def test_it_is_a_public_name() -> None:
    assert optuna_linas.BudgetGenerator is BudgetGenerator


def test_a_file_answers_alike_where_no_condition_explains_what_trials_lack(tmp_path: Path) -> None:
    def objective(trial: Trial) -> tuple[float, float]:
        width = trial.suggest_int("width", 1, 6)
        first, second = (trial.suggest_categorical(name, [False, True]) for name in "ab")
        heads = trial.suggest_categorical("heads", [1, 2, 4]) if first or second else 0
        return 1 / width + 0.01 * heads, float(width * (1 + first + second) + heads)

    study = optuna.create_study(directions=["minimize"] * 2, sampler=LINASSampler(seed=0))
    study.optimize(objective, n_trials=40)
    generator = BudgetGenerator.from_study(study, cost=1, value=0, seed=0)
    generator.save(tmp_path / "budgets.nag")
    loaded = BudgetGenerator.load(tmp_path / "budgets.nag")
    for budget in (5.0, 9.0, 14.0):
        assert loaded.generate(budget=budget, n=3) == generator.generate(budget=budget, n=3)


def test_answers_are_in_the_ranges_that_trials_have_shown(tmp_path: Path) -> None:
    def objective(trial: Trial) -> tuple[float, float]:
        n = trial.suggest_int("n", 1, 8)
        m = trial.suggest_int("m", 1, n)  # large is good, and only a large n has it
        x = trial.suggest_float("x", 0.0, 1.0)
        trial.suggest_categorical("op", ["a", "b", "c"])
        return -m + 0.1 * x, n + 0.1 * m + x

    found = generator_of(study_of(objective, 60, ("minimize", "minimize")), cost=1)
    found.save(tmp_path / "networks.npz")
    loaded = BudgetGenerator.load(tmp_path / "networks.npz")
    assert (tmp_path / "networks.npz").stat().st_size < 300_000
    for generator in (found, loaded):
        answers = [p for b in (2.1, 4.0, 7.0) for p in generator.generate(b, n=3)]
        everything = [each.params for each in answers + generator.draw(4.0, 100)]
        everything += generator.front(10).params
        assert all(p["m"] <= p["n"] for p in everything)  # type: ignore[operator]
    assert loaded.space == found.space
    assert loaded.generate(4.0, n=3) == found.generate(4.0, n=3)
    assert loaded.draw(4.0, 50) == found.draw(4.0, 50)
    # A declared space knows of no ranges: the same variables are the same space.
    BudgetGenerator.load(tmp_path / "networks.npz", space=SearchSpace(found.space.variables))


def test_a_file_that_says_nonsense_of_ranges_is_refused(
    fitted: BudgetGenerator, tmp_path: Path
) -> None:
    path = tmp_path / "networks.npz"
    fitted.save(path)
    with np.load(path) as arrays:
        kept = dict(arrays)
    header = json.loads(str(kept["header"]))
    for known, says in (
        (None, r"networks\.npz cannot be read: it is damaged.*known of the space"),
        ({"absences": [{"names": ["a"], "options": [[0]]}], "ranges": []}, "What is known"),
    ):
        np.savez(path, **{**kept, "header": np.array(json.dumps({**header, "known": known}))})
        with pytest.raises(ValueError, match=says):
            BudgetGenerator.load(path)


def test_choices_may_be_tuples(tmp_path: Path) -> None:
    def objective(trial: Trial) -> float:
        kernel = trial.suggest_categorical("kernel", [(1, 1), (3, 3), (5, 5)])
        width = trial.suggest_int("width", 1, 16)
        trial.set_user_attr("latency_ms", float(kernel[0] * width))
        return 1.0 - 1.0 / (kernel[0] + width)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # Optuna's, of choices in a database
        made = generator_of(study_of(objective))
        made.save(tmp_path / "generator.npz")
        BudgetGenerator.load(tmp_path / "generator.npz", space=made.space)
    loaded = BudgetGenerator.load(tmp_path / "generator.npz")
    (answer,) = loaded.generate(20.0)
    assert answer.is_within
    assert answer.params["kernel"] in [(1, 1), (3, 3), (5, 5)]
    assert answer == made.generate(20.0)[0]


def test_what_networks_lack_under_no_condition_is_not_answered(tmp_path: Path) -> None:
    def objective(trial: Trial) -> float:
        a = trial.suggest_categorical("a", [True, False])
        b = trial.suggest_categorical("b", [None, "x"])
        width, extra = trial.suggest_int("width", 1, 8), 0
        if a or b:
            extra = trial.suggest_int("extra", 1, 8)
        trial.set_user_attr("latency_ms", float(width + (100 + extra if a or b else 0)))
        return float(width + extra)

    study = study_of(objective, 200)
    made = generator_of(study)
    made.save(tmp_path / "generator.npz")
    for generator in (made, BudgetGenerator.load(tmp_path / "generator.npz")):
        (answer,) = generator.generate(8.0)
        assert answer.params in [trial.params for trial in study.trials]
        assert set(answer.params) == {"a", "b", "width"}


def test_numbers_of_numpy_are_costs() -> None:
    def objective(trial: Trial) -> float:
        width = trial.suggest_int("width", 1, 64)
        trial.set_user_attr("macs", np.int64(width))  # a storage in memory keeps it so
        return 1.0 - 1.0 / width

    assert generator_of(study_of(objective), cost="macs").generate(20)[0].is_within


def test_a_device_or_folder_that_is_not_there_is_explained(
    fitted: BudgetGenerator, tmp_path: Path
) -> None:
    with pytest.raises(DeviceNotFoundError, match="'gpu' was asked for, but this machine has cpu"):
        generator_of(study_of(), device="gpu")
    with pytest.raises(DeviceNotFoundError, match="'gpu' was asked for"):
        NAGSampler(cost="latency_ms", device="gpu")
    path = tmp_path / "networks.npz"
    fitted.save(path)
    with pytest.raises(DeviceNotFoundError, match="'gpu' was asked for"):
        BudgetGenerator.load(path, device="gpu")
    with pytest.raises(FileNotFoundError, match=r"folder .*nowhere does not exist: make it"):
        fitted.save(tmp_path / "nowhere" / "networks.npz")


def test_a_front_of_two_budgets_has_both_ends(fitted: BudgetGenerator) -> None:
    assert fitted.front(n_budgets=2).budgets.tolist() == pytest.approx(list(fitted.cost_range))
    assert fitted.front(n_budgets=3).budgets[[0, -1]].tolist() == list(fitted.cost_range)
