"""Who reads a study at once finds what those have found who read each trial in its time."""

import random
from collections.abc import Callable
from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.study import Study
from optuna.trial import Trial

from optuna_linas.goals import Goals
from optuna_linas.samplers.space_learner import SpaceLearner
from optuna_linas.samplers.trials import TrialTable

KINDS = ("integer", "steps", "float", "log", "choice")
DEPENDS = ("nothing", "nothing", "one", "two", "range", "narrows")


def some_code(seed: int) -> Callable[[Trial], float]:
    """Code that asks for parameters under conditions, in ranges that grow, and at times fails."""
    rng = random.Random(seed)
    n = rng.randint(2, 6)
    kinds, depends = rng.choices(KINDS, k=n), rng.choices(DEPENDS, k=n)
    grows = [rng.random() < 0.3 for _ in range(n)]
    late = rng.choices([0, 0, 0, 8], k=n)
    fails = rng.choice([0.0, 0.2, 0.5])

    def code(trial: Trial) -> float:
        chance = random.Random(1000 * seed + trial.number)
        values = [3.0, 3.0]
        for i in range(n):
            before = values[-1]
            is_there = trial.number >= late[i] and not (
                (depends[i] == "one" and before <= 1)
                or (depends[i] == "two" and before + values[-2] < 4)
            )
            if not is_there:
                values.append(0.0)
                continue
            high = 6 + (trial.number if grows[i] else 0)
            if depends[i] == "range":
                high = max(1, min(high, int(before)))
            elif depends[i] == "narrows":
                high = max(2, high - trial.number // 4)
            values.append(suggested(trial, kinds[i], f"p_{i}", high))
            if chance.random() < fails / n:
                raise (optuna.TrialPruned if chance.random() < 0.5 else ValueError)
        return sum(values)

    return code


def suggested(trial: Trial, kind: str, name: str, high: int) -> float:
    if kind == "integer":
        return trial.suggest_int(name, 1, high)
    if kind == "steps":
        return trial.suggest_int(name, 1, 1 + 2 * (high // 2), step=2)
    if kind == "choice":
        return float(trial.suggest_categorical(name, [0, 1, 2, 3]))
    return trial.suggest_float(name, 0.001, high / 3, log=kind == "log")


def study_of(code: Callable[[Trial], float], n: int) -> Study:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(code, n_trials=n, catch=(ValueError,))
    return study


def table_of(study: Study) -> TrialTable:
    return TrialTable(Goals(study.directions), None, lambda message: None)


def told(table: TrialTable) -> dict[str, Any]:
    return {
        "space": table.space,
        "codes": {number: code.tolist() for number, code in table.codes.items()},
        "outside": table.outside,
        "usable": table.n_usable,
    }


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_reading_at_once_is_reading_one_by_one(seed: int) -> None:
    trials = (study := study_of(some_code(seed), 30)).trials
    one_by_one, at_once = table_of(study), table_of(study)
    for n in range(len(trials)):
        one_by_one.update(trials[: n + 1])
    at_once.update(trials)
    assert told(one_by_one) == told(at_once)


@pytest.mark.parametrize("seed", [42, 75, 86])
def test_a_range_that_varies_from_a_failed_trial_on_is_heeded_in_the_same_trials(seed: int) -> None:
    """A failed trial with a narrower range says nothing new but that the range is not fixed."""

    def code(trial: Trial) -> float:
        rng = random.Random(100 * seed + trial.number)
        n = trial.suggest_int("n", 1, 5 if trial.number == 6 else 8)
        if trial.number == 6:
            raise ValueError
        m = trial.suggest_int("m", 1, rng.randint(2, 8))
        return n * m

    trials = (study := study_of(code, 9)).trials
    one_by_one, at_once = table_of(study), table_of(study)
    for n in range(len(trials)):
        one_by_one.update(trials[: n + 1])
    at_once.update(trials)
    assert told(one_by_one) == told(at_once)


def test_a_space_is_not_inferred_for_each_trial_that_widens_a_range(
    inferred: list[SpaceLearner],
) -> None:
    study = study_of(lambda trial: trial.suggest_float("x", 0.0, 1.0 + trial.number), 60)
    table_of(study).update(study.trials)
    assert len(inferred) == 1
