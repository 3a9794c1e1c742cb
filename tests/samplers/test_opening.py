"""Trials that begin before anybody knows the search space: no two become the same."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna import Trial
from optuna.study import Study
from optuna.trial import create_trial

from optuna_linas import LINASSampler
from optuna_linas.samplers import planned
from optuna_linas.samplers.opening import opening_value

NAMES = ("a", "b", "c")


def flat(trial: Trial) -> tuple[float, float]:
    return float(sum(trial.suggest_int(name, 0, 2) for name in NAMES)), 1.0


def conditional(trial: Trial) -> tuple[float, float]:
    depth = trial.suggest_int("depth", 1, 3)
    widths = [trial.suggest_categorical(f"width_{i}", [8, 16]) for i in range(depth)]
    return float(sum(widths)), float(depth)


def study_of(seed: int = 0) -> Study:
    sampler = LINASSampler(n_startup_trials=5, n_inner_evaluations=200, seed=seed)
    return optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)


def networks(study: Study) -> list[tuple[tuple[str, Any], ...]]:
    return [tuple(sorted(trial.params.items())) for trial in study.trials]


@pytest.mark.parametrize(("objective", "n_networks"), [(flat, 27), (conditional, 6)])
@pytest.mark.parametrize("seed", range(3))
def test_as_many_as_there_are_begin_at_once(
    objective: Callable[[Trial], Any], n_networks: int, seed: int
) -> None:
    study = study_of(seed)
    for trial in [study.ask() for _ in range(n_networks)]:
        objective(trial)
    assert len(set(networks(study))) == n_networks


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=4),
    st.integers(0, 99),
    st.lists(st.integers(1, 12), max_size=4),
)
def test_slots_are_different_while_others_remain(
    sizes: list[int], seed: int, wanted: list[int]
) -> None:
    first = {f"x{i}": value for i, value in enumerate(wanted)}
    dists = {f"x{i}": optuna.distributions.IntDistribution(1, n) for i, n in enumerate(sizes)}
    n_networks = min(50, len(list(product(*(range(n) for n in sizes)))))
    found = set()
    for slot in range(n_networks):
        params: dict[str, Any] = {}
        for i, (name, dist) in enumerate(dists.items()):
            so_far = create_trial(
                value=0.0, params=params, distributions=dict(list(dists.items())[:i])
            )
            params[name] = opening_value(seed, slot, so_far, name, dist, first)
        found.add(tuple(params.values()))
        if slot == 0 and all(name in first and first[name] <= dists[name].high for name in dists):
            assert params.items() <= first.items()
    assert len(found) == n_networks


@pytest.mark.parametrize("n_params", [0, 1, 2, 3])
@pytest.mark.parametrize("seed", range(3))
def test_one_that_is_half_way_when_the_space_is_known_becomes_what_nobody_has(
    n_params: int, seed: int
) -> None:
    study = study_of(seed)
    early = [study.ask() for _ in range(3)]
    for trial in early[1:]:
        for name in NAMES[:n_params]:
            trial.suggest_int(name, 0, 2)
    study.tell(early[0], flat(early[0]))
    late = [study.ask() for _ in range(24)]
    # In turns, as workers would.
    for trial in [*late[:6], *early[1:], *late[6:]]:
        flat(trial)
    assert len(set(networks(study))) == 27


def test_what_one_may_become_with_its_last_parameter_is_left_to_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    study = study_of()
    first, second = study.ask(), study.ask()
    others: list[Trial] = []

    def meanwhile(seed: int, slot: int, trial: Any, name: str, *more: Any) -> Any:
        value = opening_value(seed, slot, trial, name, *more)
        if trial.number == second.number and name == NAMES[-1]:
            # It has seen that the space is not known, and has not told its last parameter.
            study.tell(first, flat(first))
            for _ in range(20):
                others.append(study.ask())
                flat(others[-1])
        return value

    monkeypatch.setattr(planned, "opening_value", meanwhile)
    flat(second)
    assert len(others) == 20
    assert len(set(networks(study))) == 22


def test_a_claim_outlives_the_discovery_of_more_parameters() -> None:
    study = study_of()
    study.enqueue_trial({"depth": 1})
    shallow = study.ask()
    study.tell(shallow, conditional(shallow))
    # They know of one layer; then others know of three, while these have told nothing.
    early = [study.ask() for _ in range(3)]
    for trial in early:
        trial.suggest_int("depth", 1, 3)
    study.add_trial(
        create_trial(
            values=[1.0, 3.0],
            params={"depth": 3, "width_0": 8, "width_1": 16, "width_2": 8},
            distributions={
                "depth": optuna.distributions.IntDistribution(1, 3),
                **{
                    f"width_{i}": optuna.distributions.CategoricalDistribution([8, 16])
                    for i in range(3)
                },
            },
        )
    )
    late = [study.ask() for _ in range(3)]
    for trial in [*late, *early]:
        conditional(trial)
    assert len(set(networks(study))) == len(study.trials) == 8


def test_partly_enqueued_trials_that_run_are_not_proposed() -> None:
    study = study_of()
    first = study.ask()
    study.tell(first, flat(first))
    for value in range(3):
        study.enqueue_trial({"a": value})
    partly = [study.ask() for _ in range(3)]
    for trial in partly:
        trial.suggest_int("a", 0, 2)
        trial.suggest_int("b", 0, 2)  # By now it has decided on `c`, and told nobody but us.
    others = [study.ask() for _ in range(23)]
    for trial in [*others, *partly]:
        flat(trial)
    assert len(set(networks(study))) == 27


def test_what_waits_in_the_queue_is_not_proposed() -> None:
    study = study_of()
    first = study.ask()
    study.tell(first, flat(first))
    queued = {"a": 2, "b": 2, "c": 2}  # a corner, which the start proposes too
    corner = study.ask({name: optuna.distributions.IntDistribution(0, 2) for name in NAMES})
    study.tell(corner, (0.0, 1.0))
    study.enqueue_trial(queued)
    worker = study_of().sampler
    study.sampler = worker
    view = worker._dispatcher._reader.look(study, study.trials[0], anew=True)
    assert view.table.space.encode(queued).tobytes() in view.taken


@pytest.mark.parametrize("seed", range(10))
def test_who_begins_before_a_condition_is_known_avoids_what_running_trials_may_be(
    seed: int,
) -> None:
    """Without that, one in four of these searches measures a network twice."""

    def wider(trial: Trial) -> tuple[float, float]:
        depth = trial.suggest_int("depth", 1, 3)
        widths = [trial.suggest_categorical(f"width_{i}", [8, 16, 32]) for i in range(depth)]
        return float(sum(widths)), float(depth)

    sampler = LINASSampler(n_startup_trials=10, n_inner_evaluations=200, seed=seed)
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    running: list[tuple[Trial, tuple[float, float]]] = []
    for _ in range(14):
        trial = study.ask()
        running.append((trial, wider(trial)))
        if len(running) == 8:
            study.tell(*running.pop(0))
    assert len(set(networks(study))) == 14


def test_the_first_takes_what_is_wanted_of_it_as_it_is() -> None:
    """The rate to the last digit, where others take what its cell of the grid stands for."""
    rate = optuna.distributions.FloatDistribution(0.0, 1.0)
    width = optuna.distributions.CategoricalDistribution([None, 8, 16])
    nothing = create_trial(value=0.0)
    assert opening_value(0, 0, nothing, "rate", rate, {"rate": 0.123456789}) == 0.123456789
    assert opening_value(0, 0, nothing, "rate", rate, {"rate": 2.0}) != 1.0  # lies outside
    assert opening_value(0, 0, nothing, "width", width, {"width": None}) is None
    after = create_trial(value=0.0, params={"width": 8}, distributions={"width": width})
    wanted = {"width": 8, "rate": 0.123456789}
    assert opening_value(0, 0, after, "rate", rate, wanted) == 0.123456789
    assert opening_value(0, 0, after, "rate", rate, {**wanted, "width": None}) != 0.123456789
