"""Objectives that are computed, by functions that fail for what cannot be or have a bug."""

import logging
import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.study import Study
from optuna.trial import Trial

from optuna_linas import LINASSampler, SearchSpace
from optuna_linas.goals import Goals
from optuna_linas.history import History
from optuna_linas.samplers.known import KnownObjectives
from optuna_linas.variable import Condition, Variable

UNITS = range(4)
OPTIONS = [2, 3, 4]
SPACE = SearchSpace(
    [
        *(Variable.integer(f"depth_{u}", 1, 3) for u in UNITS),
        *(
            Variable.categorical(
                f"{what}_{layer}",
                OPTIONS,
                [Condition(f"depth_{layer // 3}", tuple(range(layer % 3 + 1, 4)))],
            )
            for layer in range(12)
            for what in ("kernel", "expand")
        ),
    ]
)


def layers(params: Mapping[str, Any]) -> list[int]:
    return [layer for u in UNITS for layer in range(3 * u, 3 * u + params[f"depth_{u}"])]


def cost(params: Mapping[str, Any]) -> float:
    """Reads what a network has, and fails where some of it is missing."""
    return float(sum(params[f"kernel_{i}"] * params[f"expand_{i}"] for i in layers(params)))


def objective(trial: Trial) -> tuple[float, float]:
    worth = 0.0
    for u in UNITS:
        for layer in range(3 * u, 3 * u + trial.suggest_int(f"depth_{u}", 1, 3)):
            kernel = trial.suggest_categorical(f"kernel_{layer}", OPTIONS)
            expand = trial.suggest_categorical(f"expand_{layer}", OPTIONS)
            worth += (1 + u) * float(kernel * expand) ** 0.5
    return worth, cost(trial.params)


def study_of(known: Any, **settings: Any) -> Study:
    sampler = LINASSampler(seed=1, known_objectives=known, **settings)
    return optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)


def test_a_function_that_fails_for_what_cannot_be_ends_no_search(
    caplog: pytest.LogCaptureFixture,
) -> None:
    optuna.logging.enable_propagation()
    study = study_of({1: cost})
    study.optimize(objective, n_trials=60)
    assert len({tuple(sorted(trial.params.items())) for trial in study.trials}) == 60
    (said,) = {record.message for record in caplog.records if "linas" in record.name}
    assert "has for 1 failed for {'depth_0': " in said
    assert "KeyError: 'kernel_" in said
    assert "still learning" in said
    assert "`space=`" in said
    # Computed once the conditions are known, and predicted before.
    batches = study.user_attrs["linas:predictors"]["iterations"]
    by = [batch["predictors"][1] for batch in batches]
    assert by[0] != "computed"
    assert by[-1] == "computed"


def test_its_search_resumes_exactly() -> None:
    whole = study_of({1: cost})
    whole.optimize(objective, n_trials=26)
    study = study_of({1: cost})
    for _ in range(26):
        study.sampler = LINASSampler(seed=1, known_objectives={1: cost})
        study.optimize(objective, n_trials=1)
    assert [trial.params for trial in study.trials] == [trial.params for trial in whole.trials]


def test_in_a_declared_space_it_is_explained() -> None:
    def wrong(params: Mapping[str, Any]) -> float:
        return cost(params) + (params["kernel_12"] if params["depth_0"] == 3 else 0)

    study = study_of({1: wrong}, space=SPACE)
    says = r"known_objectives has for 1 failed for {'depth_0': 3.*KeyError: 'kernel_12'"
    with pytest.raises(ValueError, match=says) as caught:
        study.optimize(objective, n_trials=20)
    assert isinstance(caught.value.__cause__, KeyError)


def test_what_a_declared_space_says_is_computed() -> None:
    study = study_of({1: cost}, space=SPACE)
    study.optimize(objective, n_trials=20)
    assert study.user_attrs["linas:predictors"]["iterations"][0]["predictors"][1] == "computed"


def test_a_function_that_fails_for_most_of_what_is_measured_has_a_bug() -> None:
    def misspelt(params: Mapping[str, Any]) -> float:
        return float(params["kernal_0"])

    study = study_of({1: misspelt})
    with pytest.raises(
        ValueError, match=r"failed for .*KeyError: 'kernal_0'.*must return a number"
    ):
        study.optimize(objective, n_trials=20)


def test_two_functions_may_fail() -> None:
    def value(params: Mapping[str, Any]) -> float:
        worth = [
            (1 + layer // 3) * (params[f"kernel_{layer}"] * params[f"expand_{layer}"]) ** 0.5
            for layer in layers(params)
        ]
        return float(sum(worth))

    study = study_of({0: value, 1: cost})
    study.optimize(objective, n_trials=30)
    assert len({tuple(sorted(trial.params.items())) for trial in study.trials}) == 30


def extra(params: Mapping[str, Any]) -> float:
    return float(params["c"] + 100 * ("e" in params))


def either(trial: Trial) -> tuple[float, float]:
    """Asks for `e` under a condition that no search space can say."""
    a = trial.suggest_categorical("a", [True, False])
    b = trial.suggest_categorical("b", [None, "x"])
    worth = trial.suggest_int("c", 1, 8) + (trial.suggest_int("e", 1, 8) if a or b else 4)
    return float(worth), extra(trial.params)


def last_predictor(study: Study) -> str:
    found: str = study.user_attrs["linas:predictors"]["iterations"][-1]["predictors"][1]
    return found


def said_by(records: list[logging.LogRecord]) -> str:
    (said,) = {record.getMessage() for record in records if "linas" in record.name}
    return said


def test_a_function_is_not_asked_about_parameters_that_only_the_space_has(
    caplog: pytest.LogCaptureFixture,
) -> None:
    optuna.logging.enable_propagation()
    study = study_of({1: extra})
    study.optimize(either, n_trials=60)
    assert sum("e" not in trial.params for trial in study.trials) == 8  # all that are cheap
    assert last_predictor(study) != "computed"
    assert "under no condition that a search space can say" in said_by(caplog.records)


def test_a_function_that_does_not_care_is_computed_all_the_same() -> None:
    def size(params: Mapping[str, Any]) -> float:
        return float(params["c"])

    def objective(trial: Trial) -> tuple[float, float]:
        return either(trial)[0], size(trial.params)

    study = study_of({1: size})
    study.optimize(objective, n_trials=40)
    assert any("e" not in trial.params for trial in study.trials)
    assert last_predictor(study) == "computed"


@pytest.mark.parametrize("factor", [1e-6, -1.0, 0.0])
def test_a_function_in_another_unit_or_direction_is_found_out(
    factor: float, caplog: pytest.LogCaptureFixture
) -> None:
    optuna.logging.enable_propagation()
    study = study_of({1: lambda params: factor * cost(params)}, space=SPACE)
    study.optimize(objective, n_trials=24)
    assert last_predictor(study) != "computed"
    said = said_by(caplog.records)
    assert "known_objectives has for 1 says" in said
    assert "must return the objective's own value, in its unit" in said
    (number,) = re.findall(r"trial (\d+), which measured", said)
    assert f"measured {study.trials[int(number)].values[1]:.6g}, and is off" in said


@pytest.mark.parametrize("factor", [1e-6, -1.0, 0.0, math.nan])
def test_so_it_is_where_costs_span_decades(factor: float) -> None:
    def macs(params: Mapping[str, Any]) -> float:
        return float(params["depth"] * params["width"] ** 2 * params["kernel"] ** 2)

    def objective(trial: Trial) -> tuple[float, float]:
        depth = trial.suggest_int("depth", 1, 8)
        width = trial.suggest_categorical("width", [8, 16, 32, 64, 128, 256, 512, 1024])
        kernel = trial.suggest_categorical("kernel", [1, 3, 5, 7])
        return float(depth + width**0.5 + kernel), macs(trial.params)

    study = study_of({1: lambda params: factor * macs(params)})
    study.optimize(objective, n_trials=20)
    assert last_predictor(study) != "computed"
    right = study_of({1: macs})
    right.optimize(objective, n_trials=20)
    assert last_predictor(right) == "computed"


def test_a_default_for_what_is_lacking_may_be_its_first_option() -> None:
    def size(params: Mapping[str, Any]) -> float:
        return float(params["c"] + 4 * params.get("e", 1))

    def objective(trial: Trial) -> tuple[float, float]:
        return either(trial)[0], size(trial.params)

    study = study_of({1: size})
    study.optimize(objective, n_trials=40)
    assert any("e" not in trial.params for trial in study.trials)
    assert last_predictor(study) != "computed"


def test_a_function_may_be_a_little_off() -> None:
    study = study_of({1: lambda params: 1.02 * cost(params)}, space=SPACE)
    study.optimize(objective, n_trials=20)
    assert last_predictor(study) == "computed"


@pytest.mark.parametrize("penalty", [(0.0, 1e10), (0.0, math.inf), (-math.inf, 1e5)])
@pytest.mark.parametrize("most", [60, 33])
def test_penalties_are_nothing_that_a_function_must_say(
    penalty: tuple[float, float], most: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Of the first twelve seven cost more than 60, and nine more than 33."""

    def fragile(trial: Trial) -> tuple[float, float]:
        worth, costs = objective(trial)
        return (worth, costs) if costs <= most else penalty

    optuna.logging.enable_propagation()
    study = study_of({1: cost}, space=SPACE)
    study.optimize(fragile, n_trials=30)
    assert sum(trial.values[1] > most for trial in study.trials[:12]) == {60: 7, 33: 9}[most]
    batches = study.user_attrs["linas:predictors"]["iterations"]
    assert {batch["predictors"][1] for batch in batches} == {"computed"}
    assert not [record for record in caplog.records if "linas" in record.name]


def history_of(measured: list[float]) -> History:
    rows = np.arange(len(measured))[:, None]
    losses = np.array(measured, dtype=float)[:, None]
    return History(rows, losses, np.zeros((len(rows), 0)), np.arange(len(rows)))


def test_it_is_said_when_a_function_is_used_again(caplog: pytest.LogCaptureFixture) -> None:
    optuna.logging.enable_propagation()
    space = SearchSpace.from_choices({"width": list(range(40))})
    known = KnownObjectives({0: lambda params: float(params["width"])})  # type: ignore[arg-type]
    goals = Goals(optuna.create_study().directions)

    def is_used(measured: list[float]) -> bool:
        return 0 in known.losses(space, goals, history_of(measured), is_declared=True)

    warm = [0.0, 1.0, *(10.0 * i for i in range(2, 8))]  # the objective had another unit once
    for _ in range(2):
        assert not is_used(warm)
    assert len({record.getMessage() for record in caplog.records}) == 1
    for _ in range(2):
        assert is_used([*warm, *map(float, range(8, 20))])
    said = {record.getMessage() for record in caplog.records}
    assert len(said) == 2
    assert any("0 says by now what most trials have measured" in message for message in said)


@pytest.mark.parametrize("measured", [[], [7.0] * 12, [1e10] * 12, [5.0, 6.0], [5.0, *[1e10] * 9]])
def test_too_few_that_work_accuse_no_function(measured: list[float]) -> None:
    space = SearchSpace.from_choices({"width": list(range(40))})
    known = KnownObjectives({0: lambda params: float(params["width"])})  # type: ignore[arg-type]
    goals = Goals(optuna.create_study().directions)
    assert 0 in known.losses(space, goals, history_of(measured), is_declared=True)
