"""How large a start and a batch are by default."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial

from optuna_linas import LINASSampler, SearchSpace
from optuna_linas.samplers.plan import Plan
from optuna_linas.samplers.sizes import size_of_batch, size_of_first_fit

ORDERED = SearchSpace.from_choices({f"width_{i}": [8, 16, 32] for i in range(20)})
WORDS = SearchSpace.from_choices({f"kind_{i}": ["conv", "pool", "skip"] for i in range(20)})


@pytest.mark.parametrize(
    ("n_trials", "n_running", "size"),
    [
        (12, 0, 5),
        (12, 7, 5),
        (12, 32, 8),
        (375, 32, 15),
        (20_000, 200, 100),
        (20_000, 600, 150),
        (20_000, 5_000, 250),
    ],
)
def test_a_batch_is_a_share_of_what_is_known_or_runs(
    n_trials: int, n_running: int, size: int
) -> None:
    assert size_of_batch(None, ORDERED, n_trials, n_running) == size
    assert size_of_batch(3, ORDERED, n_trials, n_running) == 3
    assert size_of_batch(None, ORDERED, 300, dear=True) == 15


def test_a_batch_is_small_while_there_are_fewer_trials_than_options_without_an_order() -> None:
    assert [size_of_batch(None, WORDS, n) for n in (12, 59, 60)] == [3, 3, 5]
    assert size_of_batch(None, WORDS, 12, dear=True) == 5
    assert size_of_batch(None, WORDS, 12, 32) == 8  # many workers would wait for plans


@pytest.mark.parametrize(("n_startup", "least"), [(None, 8), (0, 4), (5, 5), (12, 8), (1_000, 8)])
def test_a_start_goes_on_until_something_is_measured(n_startup: int | None, least: int) -> None:
    assert size_of_first_fit(n_startup) == least


OPTIONS = tuple(range(8))
NAMES = tuple(f"layer_{i}" for i in range(6))


def trial_of(code: int, *, minutes_ago: int, state: TrialState) -> FrozenTrial:
    """Begun so long ago; a complete one has taken a minute."""
    values = [float(code % 7), -float(code % 5)] if state == TrialState.COMPLETE else None
    choices = optuna.distributions.CategoricalDistribution(OPTIONS)
    trial = create_trial(
        state=state,
        values=values,
        params={name: code // 8**i % 8 for i, name in enumerate(NAMES)},
        distributions=dict.fromkeys(NAMES, choices),
    )
    trial.datetime_start = datetime.now() - timedelta(minutes=minutes_ago)
    if values is not None:
        trial.datetime_complete = trial.datetime_start + timedelta(minutes=1)
    return trial


@pytest.mark.parametrize(("minutes_ago", "size"), [(2, 100), (10, 5)])
def test_trials_that_have_run_for_too_long_make_no_large_batches(
    minutes_ago: int, size: int
) -> None:
    study = optuna.create_study(
        directions=["minimize", "minimize"], sampler=LINASSampler(n_inner_evaluations=500, seed=0)
    )
    for code in range(20):
        trial = trial_of(code * 11_111, minutes_ago=30, state=TrialState.COMPLETE)
        study.add_trial(trial)
    for code in range(400):
        trial = trial_of(code * 600 + 1, minutes_ago=minutes_ago, state=TrialState.RUNNING)
        study._storage.create_new_trial(study._study_id, template_trial=trial)
    trial = study.ask()
    for name in NAMES:
        trial.suggest_categorical(name, OPTIONS)
    attrs = study._storage.get_study_system_attrs(study._study_id)
    assert Plan.loads(attrs["linas:plan"]).size == size


def test_a_plan_that_is_cut_to_fit_has_no_more_places_than_rows() -> None:
    rows = tuple(tuple(range(1_000, 1_100)) for _ in range(375))
    stored = Plan.loads(Plan(1, 250, NAMES, rows).dumps())
    assert stored.size == len(stored.rows) < 250
    whole = json.loads(Plan(1, 250, NAMES, rows[:9]).dumps())
    assert whole["size"] == 250  # where nothing more is unseen
