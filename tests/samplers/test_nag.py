"""What NAGSampler promises: the promises of every planned sampler, and budgets on record."""

import logging
import math
import pickle
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.testing.pytest_samplers import (
    BasicSamplerTestCase,
    MultiObjectiveSamplerTestCase,
    RelativeSamplerTestCase,
)
from optuna.trial import Trial, TrialState

from optuna_linas import Attr, NAGSampler, SearchSpace
from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.errors import SpaceMismatchError
from optuna_linas.gain import greedy_gain

SPACE_OF_256 = SearchSpace.from_choices({name: [0, 1, 2, 3] for name in "abcd"})
RECORDED = {"nag_budget", "nag_predicted_value", "nag_predicted_cost"}


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    optuna.logging.enable_propagation()
    with caplog.at_level(logging.WARNING):
        yield caplog
    optuna.logging.disable_propagation()


class TestNAGBasic(BasicSamplerTestCase, MultiObjectiveSamplerTestCase):
    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        return lambda: NAGSampler(cost="latency_ms", n_steps=1, n_startup_trials=4, seed=0)


class TestNAGRelative(RelativeSamplerTestCase):
    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        return lambda: NAGSampler(cost="latency_ms", n_steps=1, n_startup_trials=0, seed=0)


def sampler_of(**settings: Any) -> NAGSampler:
    return NAGSampler(**{"cost": 1, "n_budgets": 3, "n_steps": 2, "seed": 0, **settings})


def flat(trial: Trial) -> tuple[float, float]:
    a, b, c, d = (trial.suggest_categorical(name, [0, 1, 2, 3]) for name in "abcd")
    return a + 2 * b - c + math.sqrt(d), (a - 1) ** 2 + b + c + d + 1.0


def conditional(trial: Trial) -> tuple[float, float]:
    depth = trial.suggest_int("depth", 1, 4)
    widths = [trial.suggest_categorical(f"width_{i}", [8, 16, 32]) for i in range(depth)]
    return math.sqrt(sum(widths)), sum(widths) + 0.5 * depth


def run(objective: Callable[[Trial], Any], n: int, sampler: BaseSampler) -> Study:
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    study.optimize(objective, n_trials=n)
    return study


def params(study: Study) -> list[dict[str, object]]:
    return [trial.params for trial in study.trials]


def n_different(study: Study) -> int:
    return len({tuple(sorted(trial.params.items())) for trial in study.trials})


def batches(study: Study) -> list[int]:
    return [study.sampler._dispatcher.claim_of(trial).batch for trial in study.trials]  # type: ignore[attr-defined]


def test_every_proposed_trial_records_its_budget_and_what_was_predicted() -> None:
    study = run(flat, 40, sampler_of())
    for trial, batch in zip(study.trials, batches(study), strict=True):
        assert set(trial.user_attrs) == (RECORDED if batch > 0 else set())
    proposed = [trial for trial in study.trials if trial.user_attrs]
    assert len(proposed) == 20
    budgets, costs, values = np.array(
        [[trial.user_attrs[name] for name in sorted(RECORDED)] for trial in proposed]
    ).T
    assert len(set(budgets.tolist())) >= 4
    assert (costs <= budgets + 1e-6).all()
    # In the user's direction, and about right.
    true = np.array([trial.values for trial in proposed])
    assert np.corrcoef(values, true[:, 0])[0, 1] > 0.7
    assert np.corrcoef(costs, true[:, 1])[0, 1] > 0.9


def test_it_learns_from_what_it_measures() -> None:
    def objective(trial: Trial) -> tuple[float, float]:
        x = np.array([trial.suggest_categorical(f"x{i}", [0, 1, 2, 3]) for i in range(10)])
        return float(x[:5].sum() + x.mean()), float(1 + x.sum())  # half of the cost is for nothing

    def gain(sampler: BaseSampler) -> float:
        study = run(objective, 60, sampler)
        return float(np.mean([t.values[0] / t.values[1] for t in study.trials[30:]]))

    assert gain(sampler_of(n_budgets=5)) > 1.3 * gain(optuna.samplers.RandomSampler(seed=0))


def test_networks_beyond_all_measured_ones_are_asked_for_and_worth_something(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A start that has missed the dear ones does not keep the search from them."""
    references: list[FloatArray] = []

    def seen(front: FloatArray, candidates: FloatArray, reference: FloatArray, n: int) -> IntArray:
        references.append(reference)
        return greedy_gain(front, candidates, reference, n)

    monkeypatch.setattr("optuna_linas.samplers.nag.greedy_gain", seen)
    study = run(flat, 21, sampler_of())
    losses = np.array([trial.values for trial in study.trials[:20]]) * [-1.0, 1.0]
    assert (references[0] > losses.max(axis=0)).all()
    costs = losses[:, 1]
    for seed in range(5):
        budgets = sampler_of(n_budgets=10)._budgets(costs, np.random.default_rng(seed))
        # 30 over 1.2 ranges: at least two lie beyond on either side.
        assert (np.diff(budgets) > 0).all()
        assert budgets[1] < costs.min()
        assert budgets[-2] > costs.max()


@pytest.mark.parametrize("space", [None, SPACE_OF_256])
def test_no_architecture_comes_twice(space: SearchSpace | None) -> None:
    study = run(flat, 60, sampler_of(space=space))
    assert n_different(study) == 60


def test_an_exhausted_space_goes_on_with_repetitions() -> None:
    def tiny(trial: Trial) -> tuple[float, float]:
        a = trial.suggest_int("a", 0, 4)
        b = trial.suggest_int("b", 0, 4)
        return float(a * b), float(a + b + 1)

    study = run(tiny, 30, sampler_of())
    assert n_different(study) == 25
    assert len(study.trials) == 30


@pytest.mark.parametrize("stop", [3, 20, 23, 27])
def test_a_resumed_search_equals_an_uninterrupted_one(stop: int, tmp_path: Path) -> None:
    whole = run(conditional, 32, sampler_of())
    journal = optuna.storages.journal.JournalFileBackend(str(tmp_path / "journal"))
    for n in (stop, 32 - stop):
        study = optuna.create_study(
            storage=optuna.storages.JournalStorage(journal),
            study_name="resumed",
            load_if_exists=True,
            directions=["maximize", "minimize"],
            sampler=sampler_of(),
        )
        study.optimize(conditional, n_trials=n)
    assert params(study) == params(whole)
    assert [t.user_attrs for t in study.trials] == [t.user_attrs for t in whole.trials]


def test_seeds_matter_and_global_generators_do_not() -> None:
    before = (
        np.random.get_state()[1].tolist(),  # type: ignore[union-attr]  # noqa: NPY002
        random.getstate(),
        torch.random.get_rng_state().tolist(),
    )
    found = [params(run(flat, 30, sampler_of(seed=seed))) for seed in (0, 0, 1)]
    assert found[0] == found[1] != found[2]
    assert before == (
        np.random.get_state()[1].tolist(),  # type: ignore[union-attr]  # noqa: NPY002
        random.getstate(),
        torch.random.get_rng_state().tolist(),
    )


def test_directions_are_symmetric() -> None:
    def negated(trial: Trial) -> tuple[float, float]:
        value, cost = flat(trial)
        return -value, cost

    study = optuna.create_study(directions=["minimize", "minimize"], sampler=sampler_of())
    study.optimize(negated, n_trials=32)
    other = run(flat, 32, sampler_of())
    assert params(study) == params(other)
    for mine, theirs in zip(study.trials[20:], other.trials[20:], strict=True):
        assert mine.user_attrs["nag_predicted_value"] == -theirs.user_attrs["nag_predicted_value"]
        assert mine.user_attrs["nag_budget"] == theirs.user_attrs["nag_budget"]


def test_attributes_make_a_trade_off_of_one_objective() -> None:
    def recording(trial: Trial) -> float:
        value, cost = flat(trial)
        trial.set_user_attr("latency_ms", cost)
        return value

    attributed = optuna.create_study(direction="maximize", sampler=sampler_of(cost="latency_ms"))
    attributed.optimize(recording, n_trials=30)
    assert params(attributed) == params(run(flat, 30, sampler_of()))
    assert sampler_of(cost="latency_ms")._cost == Attr("latency_ms", "minimize")


def test_a_pickled_sampler_goes_on() -> None:
    study = run(flat, 24, sampler_of())
    study.sampler = pickle.loads(pickle.dumps(study.sampler))
    study.sampler.reseed_rng()
    study.optimize(flat, n_trials=8)
    assert params(study) == params(run(flat, 32, sampler_of()))


def test_workers_with_samplers_of_their_own_share_a_study(tmp_path: Path) -> None:
    storage = optuna.storages.RDBStorage(
        f"sqlite:///{tmp_path}/study.db", engine_kwargs={"connect_args": {"timeout": 60}}
    )
    optuna.create_study(storage=storage, study_name="shared", directions=["maximize", "minimize"])

    def work() -> None:
        study = optuna.load_study(
            storage=storage, study_name="shared", sampler=sampler_of(space=SPACE_OF_256)
        )
        study.optimize(flat, n_trials=9)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    study = optuna.load_study(storage=storage, study_name="shared")
    assert len(study.trials) == n_different(study) == 36


def test_threads_share_a_study() -> None:
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler_of())
    study.optimize(flat, n_trials=40, n_jobs=4)
    assert n_different(study) == 40
    assert all(trial.state == TrialState.COMPLETE for trial in study.trials)


def test_failed_trials_and_killed_workers_cost_their_places_only() -> None:
    def fragile(trial: Trial) -> tuple[float, float]:
        values = flat(trial)
        if trial.params["a"] == 3:
            raise RuntimeError("out of memory")
        return (math.nan, 1.0) if trial.params["b"] == 3 else values

    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler_of())
    study.optimize(fragile, n_trials=10, catch=RuntimeError)
    flat(study.ask())  # never told
    study.optimize(fragile, n_trials=40, catch=RuntimeError)
    assert n_different(study) == 51
    assert max(batches(study)) > 0


def test_enqueued_and_added_trials_are_training_data() -> None:
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler_of())
    study.enqueue_trial({"a": 3, "b": 3, "c": 0, "d": 1})
    study.enqueue_trial({"a": 2})
    for other in run(flat, 20, sampler_of(seed=9)).trials:
        study.add_trial(other)
    study.optimize(flat, n_trials=12)
    assert study.trials[0].params == {"a": 3, "b": 3, "c": 0, "d": 1}
    assert study.trials[1].params["a"] == 2
    assert set(study.trials[-1].user_attrs) >= RECORDED
    assert n_different(study) == len(study.trials)


def test_trials_beyond_a_constraint_are_not_learned_from() -> None:
    def limited(trial: Trial) -> tuple[float, float]:
        values = flat(trial)
        trial.set_constraint("small", trial.params["d"] - 1.5)
        return values

    study = run(limited, 45, sampler_of())
    assert n_different(study) == 45
    assert max(batches(study)) > 0


def test_what_fails_with_a_penalty_as_cost_is_avoided_whatever_the_penalty() -> None:
    def fragile(penalty: float) -> Callable[[Trial], tuple[float, float]]:
        def objective(trial: Trial) -> tuple[float, float]:
            x = np.array([trial.suggest_int(f"x{i}", 0, 9) for i in range(5)])
            cost = float(1 + x.sum())
            return float(x @ np.arange(1, 6)), penalty if cost > 30 else cost

        return objective

    found = [run(fragile(penalty), 36, sampler_of()) for penalty in (1e4, 1e10, sys.float_info.max)]
    assert params(found[0]) == params(found[1]) == params(found[2])
    proposed = [trial for trial in found[0].trials if trial.user_attrs]
    assert len(proposed) == 16
    assert sum(trial.values[1] > 30 for trial in proposed) <= 3
    # Evenly over the costs that were measured, 1 to 30, and a little beyond.
    assert max(trial.user_attrs["nag_budget"] for trial in proposed) < 34


@pytest.mark.parametrize("how", ["raise", "constraint"])
def test_an_option_that_never_works_is_not_proposed(how: str) -> None:
    def fragile(trial: Trial) -> tuple[float, float]:
        value, cost = flat(trial)
        if how == "constraint":
            trial.set_constraint("supported", 1.0 if trial.params["a"] == 1 else -1.0)
        elif trial.params["a"] == 1:
            raise RuntimeError("unsupported")
        return value, cost

    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler_of())
    study.optimize(fragile, n_trials=50, catch=RuntimeError)
    chosen = [trial for trial in study.trials if "nag_budget" in trial.user_attrs]
    assert len(chosen) >= 20
    assert not any(trial.params["a"] == 1 for trial in chosen)


@pytest.mark.parametrize("unit", [(1e200, 1.0), (1.0, 1e200), (1e307, 1e307)])
def test_no_size_of_values_and_costs_overflows(unit: tuple[float, float]) -> None:
    def huge(trial: Trial) -> tuple[float, float]:
        value, cost = flat(trial)
        return unit[0] * value, unit[1] * cost

    assert n_different(run(huge, 30, sampler_of())) == 30


def test_a_cost_that_nobody_records_is_warned_of_once(logged: pytest.LogCaptureFixture) -> None:
    def forgetful(trial: Trial) -> float:
        trial.set_user_attr("latency", 3.0)
        return flat(trial)[0]

    study = optuna.create_study(direction="maximize", sampler=sampler_of(cost="latency_ms"))
    study.optimize(forgetful, n_trials=45)
    (message,) = [r.getMessage() for r in logged.records if "NAGSampler" in r.getMessage()]
    assert "latency_ms" in message
    assert "['latency']" in message
    assert n_different(study) == 45  # at random, and still nothing twice
    assert all(set(t.user_attrs) == {"latency"} for t in study.trials)


def test_a_constant_cost_is_sampled_at_random() -> None:
    study = run(lambda trial: (flat(trial)[0], 7.0), 40, sampler_of())
    assert n_different(study) == 40


def test_trials_that_returned_early_are_one_network_and_no_search_ends_of_it() -> None:
    def hasty(trial: Trial) -> tuple[float, float]:
        x = [trial.suggest_int(name, 0, 9) for name in ("x0", "x1")]
        if random.Random(f"{trial.number}").random() < 0.15:
            return 150.0, 180.0
        x += [trial.suggest_int(f"x{i}", 0, 9) for i in range(2, 6)]
        return float(sum(x)), 1.0 + x[0] + 2 * x[3]

    for seed in range(4):
        study = run(hasty, 26, sampler_of(seed=seed))
        assert len(study.trials) == 26


def test_a_cost_that_is_constant_but_for_repetitions_is_sampled_at_random() -> None:
    """As means of what was measured several times, all costs are the same."""
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler_of())
    for trial in run(lambda trial: (flat(trial)[0], 7.0), 24, sampler_of(seed=9)).trials:
        for cost in (6.0, 8.0):
            study.add_trial(
                optuna.trial.create_trial(
                    params=trial.params, distributions=trial.distributions, values=[1.0, cost]
                )
            )
    study.optimize(lambda trial: (flat(trial)[0], 7.0), n_trials=3)
    assert len(study.trials) == 51


def test_a_space_that_does_not_fit_is_explained() -> None:
    space = SearchSpace.from_choices({"a": [0, 1, 2, 3], "z": [0, 1]})
    with pytest.raises(SpaceMismatchError, match=r"does not fit .* lack 'z'"):
        run(flat, 2, sampler_of(space=space))


def test_a_missing_objective_is_explained_on_the_first_trial() -> None:
    with pytest.raises(ValueError, match="no objective 2"):
        run(flat, 1, sampler_of(cost=2))


@pytest.mark.parametrize(
    ("settings", "error", "says"),
    [
        ({"cost": 0}, ValueError, "value and cost are the same"),
        ({"n_budgets": 0}, ValueError, "n_budgets must be at least 2"),
        ({"n_startup_trials": -1}, ValueError, "n_startup_trials must be at least 0"),
        ({"n_steps": 1.5}, TypeError, "n_steps is a whole number"),
        ({"space": ["a"]}, TypeError, "SearchSpace"),
        ({"seed": "x"}, TypeError, "seed"),
    ],
)
def test_bad_settings_are_explained(
    settings: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        sampler_of(**settings)


def test_torch_is_loaded_when_the_generator_is_needed_and_not_before() -> None:
    program = (
        "import sys, optuna; from optuna_linas import LINASSampler, NAGSampler;"
        "study = optuna.create_study(sampler=NAGSampler(cost='ms', seed=0));"
        "study.optimize(lambda t: t.suggest_float('x', 0, 1), n_trials=3);"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
