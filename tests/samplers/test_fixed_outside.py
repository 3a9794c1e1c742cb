"""Optuna's `PartialFixedSampler` around ours: the rest is searched, and nothing measured twice."""

import warnings
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.samplers import BaseSampler, PartialFixedSampler
from optuna.study import Study
from optuna.trial import Trial

from optuna_linas import LINASSampler, NAGSampler, PymooSampler, SearchSpace
from optuna_linas.goals import Goals
from optuna_linas.pareto import hypervolume
from optuna_linas.samplers.fixed_outside import narrowed
from optuna_linas.samplers.plan import Plan
from optuna_linas.samplers.warm_start import WarmStart

WIDTHS, KERNELS = [16, 32, 64], [3, 5, 7]
SPACE = SearchSpace.from_choices(
    {"depth": [1, 2, 3, 4], "width": WIDTHS, **{f"kernel_{i}": KERNELS for i in range(4)}},
    {f"kernel_{i}": {"depth": list(range(i + 1, 5))} for i in range(4)},
)


def network(trial: Trial) -> tuple[float, float]:
    """27 networks of depth 2, each of two kernels."""
    depth = trial.suggest_categorical("depth", [1, 2, 3, 4])
    width = trial.suggest_categorical("width", WIDTHS)
    kernels = [trial.suggest_categorical(f"kernel_{i}", KERNELS) for i in range(depth)]
    return values_of(depth, width, kernels)


def values_of(depth: int, width: int, kernels: Sequence[int]) -> tuple[float, float]:
    cost = depth * width * sum(kernels)
    return 1 - 1 / cost**0.5 - 0.01 * (kernels[0] == 5), float(cost)


def around(sampler: BaseSampler, **fixed: Any) -> PartialFixedSampler:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return PartialFixedSampler(fixed, sampler)


def study_of(sampler: BaseSampler) -> Study:
    return optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)


def networks(study: Study, start: int = 0) -> list[tuple[tuple[str, Any], ...]]:
    return [tuple(sorted(trial.params.items())) for trial in study.trials[start:]]


SAMPLERS: Mapping[str, Any] = {
    "linas": lambda: LINASSampler(seed=0),
    "declared": lambda: LINASSampler(space=SPACE, seed=0),
    "pymoo": lambda: PymooSampler(population_size=8, seed=0),
    "nag": lambda: NAGSampler(cost=1, n_steps=5, n_budgets=4, seed=0),
}


@pytest.mark.parametrize("name", SAMPLERS)
def test_nothing_is_measured_twice_while_others_remain(name: str) -> None:
    study = study_of(around(SAMPLERS[name](), depth=2))
    study.optimize(network, n_trials=29)
    assert {trial.params["depth"] for trial in study.trials} == {2}
    assert len(set(networks(study)[:27])) == 27  # and no more are there


@pytest.mark.parametrize("name", ["linas", "nag"])
def test_a_parameter_may_be_fixed_later_and_set_free_again(name: str) -> None:
    study = study_of(SAMPLERS[name]())
    free = study.sampler
    study.optimize(network, n_trials=30)
    for fixed in ({"depth": 3}, {"depth": 4, "width": 16}, {}):
        study.sampler = around(free, **fixed)
        study.optimize(network, n_trials=15)
        assert all(fixed.items() <= trial.params.items() for trial in study.trials[-15:])
    assert len(set(networks(study))) == 75


def test_it_is_searched_among_those_with_the_value() -> None:
    """Measured against the front of all 243 of depth 4; .62 by random search."""
    everything = np.array(
        [values_of(4, width, kernels) for width in WIDTHS for kernels in product(KERNELS, repeat=4)]
    )
    study = study_of(LINASSampler(space=SPACE, seed=0))
    study.optimize(network, n_trials=40)
    study.sampler = around(study.sampler, depth=4)
    study.optimize(network, n_trials=20)
    found = np.array([trial.values for trial in study.trials if trial.params["depth"] == 4])
    reference, signs = np.array([-0.96, 1800.0]), [-1.0, 1.0]
    share = hypervolume(found * signs, reference) / hypervolume(everything * signs, reference)
    assert share > 0.98


def test_a_search_resumes_exactly() -> None:
    whole = study_of(around(LINASSampler(seed=0), depth=3))
    whole.optimize(network, n_trials=26)
    study = study_of(around(LINASSampler(seed=0), depth=3))
    for _ in range(26):
        study.sampler = around(LINASSampler(seed=0), depth=3)
        study.optimize(network, n_trials=1)
    assert networks(study) == networks(whole)


def test_threads_share_it() -> None:
    study = study_of(around(LINASSampler(space=SPACE, seed=0), depth=3))
    study.optimize(network, n_trials=40, n_jobs=4)
    assert len(set(networks(study))) == 40


def test_wrappers_within_wrappers_what_is_enqueued_and_what_is_no_parameter() -> None:
    sampler = around(around(LINASSampler(seed=0), depth=1, width=16), depth=3, other=7)
    study = study_of(sampler)
    study.optimize(network, n_trials=5)
    study.enqueue_trial({"depth": 4})
    study.enqueue_trial({"width": 64})
    study.optimize(network, n_trials=22)
    fixed = [(trial.params["depth"], trial.params["width"]) for trial in study.trials]
    assert fixed[5:7] == [(4, 16), (3, 64)]
    assert set(fixed[:5] + fixed[7:]) == {(3, 16)}
    assert len(set(networks(study))) == 27


@pytest.mark.parametrize("name", ["linas", "declared"])
def test_who_has_nothing_left_leaves_the_plan_to_the_others(name: str) -> None:
    """All 9 of depth 1 are measured; then those who fix it repeat them, and plan nothing."""
    sampler = SAMPLERS[name]()
    study = study_of(around(sampler, depth=1))
    study.optimize(network, n_trials=9)
    study.sampler = sampler
    study.optimize(network, n_trials=20)
    plans, batches, found = set[str](), set[int](), []
    for i in range(24):
        study.sampler = around(sampler, depth=1) if i % 2 else sampler
        study.optimize(network, n_trials=1)
        attrs = study._storage.get_study_system_attrs(study._study_id)
        [text] = [text for key, text in attrs.items() if key.endswith(":plan")]
        plans.add(text)
        batches.add(Plan.loads(text).batch)
        found.append(networks(study)[-1])
    assert len(plans) <= 6  # of 5 places each, which repetitions take too
    assert len(batches) == max(batches) - min(batches) + 1
    assert len(set(networks(study))) == 9 + 20 + 12
    assert len(set(found[::2])) == 12


def heads(trial: Trial) -> tuple[float, float]:
    """60 networks wherever `m` is fixed: of a range [1, 1] Optuna makes 1."""
    n = trial.suggest_int("n", 1, 4)
    m = trial.suggest_int("m", 1, n)
    width = trial.suggest_categorical("width", [8, 16, 32, 64, 128])
    kernel = trial.suggest_categorical("kernel", KERNELS)
    return float(np.log(n * m * width * kernel)), float(n * m * width + kernel**2)


def pyramid(trial: Trial) -> tuple[float, float]:
    """27 networks of two layers of which the second is fixed: it is no wider than the first."""
    last, widths = 3, []
    for i in range(trial.suggest_int("depth", 1, 3)):
        last = trial.suggest_int(f"width_{i}", 1, last)
        widths.append(last)
    kernel = trial.suggest_categorical("kernel", KERNELS)
    op = trial.suggest_categorical("op", ["a", "b", "c"])
    return float(np.log(sum(widths) * kernel)) - 0.1 * (op == "b"), float(sum(widths) * kernel)


@pytest.mark.parametrize("name", ["linas", "pymoo", "nag"])
@pytest.mark.parametrize(
    ("objective", "fixed", "n_networks"),
    [(heads, {"m": 2}, 60), (pyramid, {"depth": 2, "width_1": 2}, 27)],
)
def test_nothing_is_measured_twice_where_the_range_depends_on_another(
    objective: Any, fixed: dict[str, Any], n_networks: int, name: str
) -> None:
    study = study_of(around(SAMPLERS[name](), **fixed))
    study.optimize(objective, n_trials=n_networks)
    assert len(set(networks(study))) == n_networks


@pytest.mark.parametrize("seed", [28, 49])
def test_a_search_resumes_exactly_while_a_range_is_learned(seed: int) -> None:
    """One more trial of a range that is known may show what decides it."""

    def objective(trial: Trial) -> tuple[float, float]:
        n = trial.suggest_int("n", 1, 5)
        m = trial.suggest_int("m", 1, n)
        op = trial.suggest_categorical("op", ["a", "b"])
        kernel = trial.suggest_categorical("kernel", [3, 5])
        return float(n * m + (op == "a") + np.sin(n + m)), float(n + m * kernel * 2 + (op == "b"))

    def sampler() -> PartialFixedSampler:
        linas = LINASSampler(
            seed=seed,
            n_startup_trials=5,
            batch_size=1,
            predictor="ridge",
            n_inner_evaluations=100,
        )
        return around(linas, kernel=3)

    whole = study_of(sampler())
    whole.optimize(objective, n_trials=10)
    study = study_of(sampler())
    for _ in range(10):
        study.sampler = sampler()
        study.optimize(objective, n_trials=1)
    assert networks(study) == networks(whole)


@pytest.mark.parametrize("name", ["linas", "pymoo", "nag"])
@pytest.mark.parametrize("m", [2, 9])
@pytest.mark.filterwarnings("ignore:Fixed parameter:UserWarning")
def test_what_begins_with_a_value_out_of_its_range_is_not_the_same_again(m: int, name: str) -> None:
    """Optuna takes the value as it is, and nothing can be learned from the trial."""

    def objective(trial: Trial) -> tuple[float, float]:
        n = trial.suggest_int("n", 1, 4)
        m = trial.suggest_int("m", n, 6)
        width = trial.suggest_categorical("width", [8, 16, 32, 64, 128])
        kernel = trial.suggest_categorical("kernel", KERNELS)
        return float(np.log(n * m * width * kernel)), float(n * m * width + kernel**2)

    study = study_of(around(SAMPLERS[name](), m=m))
    study.optimize(objective, n_trials=61)
    assert study.trials[0].params["n"] > 2
    # The first may come again, once it is known what the space is.
    assert len(set(networks(study))) == 60


@pytest.mark.parametrize("fixed", ["depth", "width", "kernel"])
def test_as_many_as_there_are_begin_at_once(fixed: str) -> None:
    """Before the space is known, too: what is fixed makes no two of them different."""
    choices = {"depth": [1, 2, 3], "width": WIDTHS, "kernel": KERNELS}
    study = study_of(around(LINASSampler(seed=0), **{fixed: choices[fixed][1]}))
    for trial in [study.ask() for _ in range(9)]:
        for name, options in choices.items():
            trial.suggest_categorical(name, options)
    assert len(set(networks(study))) == 9


def test_another_study_tells_of_those_with_the_value_only() -> None:
    source = study_of(LINASSampler(space=SPACE, seed=0))
    source.optimize(network, n_trials=60)
    goals = Goals(source.directions)
    space = narrowed(SPACE, {"depth": 2})
    measured = {SPACE.encode(trial.params).tobytes() for trial in source.trials}
    front = WarmStart(source).front(space, goals, 60)
    assert len(front) > 1
    assert all(row.tobytes() in measured for row in front)
    study = study_of(around(LINASSampler(warm_start=source, seed=0), depth=2))
    study.optimize(network, n_trials=27)
    assert len(set(networks(study))) == 27


def test_what_a_fixed_value_out_of_its_range_was_planned_as_is_not_planned_again() -> None:
    """Which parameter decides the range is guessed at first, and what is fixed moves with that."""
    words = ["none", "skip", "conv", "pool"]

    def cell(trial: Trial) -> tuple[float, float]:
        x = [words.index(trial.suggest_categorical(f"op_{i}", words)) for i in range(5)]
        total = sum((i + 1) * op for i, op in enumerate(x))
        first, second = (float(np.sin(total * (k + 1)) + x.count(k)) for k in range(2))
        if x[0] > 1:
            first += 0.1 * trial.suggest_int("m", 1, 1 + x[1])
        return first, second

    sampler = around(LINASSampler(seed=5), m=4)
    study = optuna.create_study(directions=["minimize"] * 2, sampler=sampler)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that 4 is out of range, and that nothing is learned
        study.optimize(cell, n_trials=100)
    assert len(set(networks(study))) >= 99  # one while the guess is wrong
