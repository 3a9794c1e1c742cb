import sys
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.trial import Trial, TrialState

from optuna_linas import LINASSampler
from optuna_linas.arrays import LARGEST
from optuna_linas.history import History
from optuna_linas.linas import Settings, propose
from optuna_linas.linas.failures import learn_failures, without_accidents
from optuna_linas.pareto import hypervolume
from optuna_linas.predictors import StructuredGP
from optuna_linas.space import SearchSpace

SPACE = SearchSpace.from_choices({f"op_{i}": ["conv", "pool", "skip", "exotic"] for i in range(6)})
SIZES = SearchSpace.from_choices({f"width_{i}": [16, 32, 64, 128] for i in range(8)})


def learned(space: SearchSpace, seen: np.ndarray, fails: np.ndarray) -> StructuredGP | None:
    """What is learned where the rows were tried in their order."""
    time = np.random.default_rng(9).permutation(len(seen))  # rows come sorted
    return learn_failures(space, seen[~fails], seen[fails], time[~fails], time[fails])


def rows(space: SearchSpace, n: int, seed: int = 0) -> np.ndarray:
    return np.unique(space.canonical(space.sample(n, np.random.default_rng(seed))), axis=0)


def is_unknown(archs: np.ndarray) -> np.ndarray:
    found: np.ndarray = (archs[:, :2] == 3).any(axis=1)
    return found  # "exotic" in the first or the second place


def is_large(archs: np.ndarray) -> np.ndarray:
    found: np.ndarray = archs.sum(axis=1) > 13
    return found


@pytest.mark.parametrize(("space", "fails"), [(SPACE, is_unknown), (SIZES, is_large)])
def test_what_fails_for_a_reason_is_learned(space: SearchSpace, fails: object) -> None:
    seen, new = rows(space, 60), rows(space, 400, seed=1)
    assert callable(fails)
    model = learned(space, seen, fails(seen))
    assert model is not None
    told = model.predict(new)[:, 0] > 0.5
    assert (told == fails(new)).mean() > 0.85


def test_what_fails_by_chance_is_hardly_ever_believed() -> None:
    believed = 0
    for seed in range(20):
        seen = rows(SPACE, 40, seed)
        fails = np.random.default_rng(seed).random(len(seen)) < 0.4
        believed += learned(SPACE, seen, fails) is not None
    assert believed <= 2


def test_two_failures_or_two_successes_tell_nothing() -> None:
    seen = rows(SPACE, 40)
    bad = np.flatnonzero(is_unknown(seen))
    good = np.flatnonzero(~is_unknown(seen))
    for some in (np.r_[good, bad[:2]], np.r_[good[:2], bad], good):
        assert learned(SPACE, seen[some], is_unknown(seen[some])) is None


def test_what_failed_while_all_failed_is_not_the_network_s_fault() -> None:
    """A search moves on, so an outage makes everything fail in one place."""
    seen = np.concatenate([rows(SIZES, 30), np.clip(rows(SIZES, 30, seed=1) + 2, 0, 3)])
    number = np.arange(len(seen))
    out = number >= 30

    def believes(number: np.ndarray) -> bool:
        times = number[~out], number[out]
        return learn_failures(SIZES, seen[~out], seen[out], *times) is not None

    assert believes(number)  # while it lasts: it does not matter where a search is then
    number[0] = 99
    assert not believes(number)  # something works again
    number[1] = 45
    assert believes(np.where(number == 99, 100, number))  # it was no outage: it has come back
    assert believes(np.random.default_rng(0).permutation(len(seen)))


def history(n: int) -> History:
    """Where "exotic" would be the best choice everywhere, if it worked."""
    seen = rows(SPACE, n)
    good, bad = seen[~is_unknown(seen)], seen[is_unknown(seen)]
    losses = np.column_stack([-good.sum(axis=1), (good[:, 2:] == 1).sum(axis=1)]).astype(float)
    times = np.random.default_rng(9).permutation(len(seen))
    worked, failed = times[: len(good)], times[len(good) :]
    return History(good, losses, np.zeros((len(good), 0)), worked, bad, failed)


def test_proposals_avoid_what_fails() -> None:
    told = history(80)
    rng = np.random.default_rng(0)
    assert not is_unknown(propose(SPACE, told, 12, rng, taken=told.failed)).any()
    ignorant = Settings(learns_failures=False)
    careless = propose(SPACE, told, 12, rng, settings=ignorant, taken=told.failed)
    assert is_unknown(careless).mean() > 0.5


def test_the_first_of_a_history_still_know_what_failed() -> None:
    told = history(40)
    assert len(told.first(5)) == 5
    np.testing.assert_array_equal(told.first(5).failed, told.failed)


def fragile(
    trial: Trial, error: type[Exception] = RuntimeError, reports: bool = False
) -> tuple[float, float]:
    ops = [trial.suggest_categorical(f"op_{i}", ["conv", "pool", "skip", "exotic"])
           for i in range(6)]  # fmt: skip
    if "exotic" in ops[:2]:
        if reports:
            trial.report(0.0, step=1)
        raise error("exotic is not supported")
    codes = np.array([["conv", "pool", "skip", "exotic"].index(op) for op in ops])
    return float(-codes.sum()), float((codes[2:] == 1).sum())


@pytest.mark.parametrize("space", [None, SPACE])
def test_a_search_learns_what_fails(space: SearchSpace | None) -> None:
    study = optuna.create_study(
        directions=["minimize", "minimize"], sampler=LINASSampler(space=space, seed=0)
    )
    study.optimize(fragile, n_trials=80, catch=RuntimeError)
    states = [trial.state for trial in study.trials]
    assert TrialState.FAIL in states
    assert states[-20:].count(TrialState.FAIL) <= 4


def test_a_search_learns_what_cannot_be_built_and_is_pruned() -> None:
    searched = []
    for error in (RuntimeError, optuna.TrialPruned):
        study = optuna.create_study(
            directions=["minimize", "minimize"], sampler=LINASSampler(seed=0)
        )
        study.optimize(partial(fragile, error=error), n_trials=50, catch=RuntimeError)
        searched.append([trial.params for trial in study.trials])
    assert TrialState.PRUNED in {trial.state for trial in study.trials}
    assert searched[0] == searched[1]


@pytest.mark.parametrize(("reports", "n_failed"), [(False, 3), (True, 0)])
def test_what_is_pruned_for_being_poor_has_not_failed(reports: bool, n_failed: int) -> None:
    """It has reported how poor it is."""

    def objective(trial: Trial) -> float:
        return fragile(trial, optuna.TrialPruned, reports)[0]

    sampler = LINASSampler(space=SPACE, seed=0)
    study = optuna.create_study(sampler=sampler)
    for op in ("conv", "pool", "skip"):
        study.enqueue_trial({"op_0": "exotic"} | {f"op_{i}": op for i in range(1, 6)})
    study.optimize(objective, n_trials=3)
    assert [trial.state for trial in study.trials] == [TrialState.PRUNED] * 3
    assert len(sampler._dispatcher.table(study).history().failed) == n_failed


@pytest.mark.parametrize("error", [RuntimeError, optuna.TrialPruned])
def test_failures_count_where_only_their_claims_tell_the_network(error: type[Exception]) -> None:
    """What only trials that failed have left out, an inferred space takes for always there."""

    def deep_fails(trial: Trial) -> tuple[float, float]:
        widths = [trial.suggest_categorical(f"width_{i}", [1, 2, 3]) for i in range(5)]
        if trial.suggest_categorical("kind", ["deep", "wide"]) == "deep":
            raise error("out of memory")
        widths.append(trial.suggest_categorical("head", [1, 2, 3]))
        return float(-sum(widths)), float(sum(widths) % 4)

    sampler = LINASSampler(seed=0)
    study = optuna.create_study(directions=["minimize", "minimize"], sampler=sampler)
    study.optimize(deep_fails, n_trials=60, catch=RuntimeError)
    worked = [trial.state == TrialState.COMPLETE for trial in study.trials]
    assert not all(worked)
    assert worked[-20:].count(False) <= 4


def test_crashes_after_the_samples_of_one_shot_mode_are_no_reason_to_leave_them() -> None:
    """What is chosen lies elsewhere than the random samples that it is chosen by."""

    def crashes(trial: Trial) -> tuple[float, float]:
        codes = np.array([trial.suggest_int(f"width_{i}", 0, 7) for i in range(6)])
        if trial.number >= 40 and trial.number % 6 == 0:
            raise RuntimeError("killed")
        return float(codes.sum()), float((codes == 3).sum())

    believed = []
    learn = learn_failures

    def noted(*args: Any) -> StructuredGP | None:
        believed.append(learn(*args))
        return believed[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules[propose.__module__], "learn_failures", noted)
        sampler = LINASSampler.one_shot(40, batch_size=10, predictor="gp", seed=0)
        study = optuna.create_study(directions=["minimize", "minimize"], sampler=sampler)
        study.optimize(crashes, n_trials=90, catch=RuntimeError)
    assert len(believed) > 3
    assert believed == [None] * len(believed)


def test_a_retried_network_that_works_has_not_failed() -> None:
    sampler = LINASSampler(space=SPACE, seed=0)
    study = optuna.create_study(directions=["minimize", "minimize"], sampler=sampler)
    params = {f"op_{i}": "conv" for i in range(6)}
    distributions: dict[str, optuna.distributions.BaseDistribution] = {
        name: optuna.distributions.CategoricalDistribution(["conv", "pool", "skip", "exotic"])
        for name in params
    }
    other = params | {"op_0": "pool"}
    study.add_trials([
        optuna.trial.create_trial(state=state, values=values, params=p, distributions=distributions)
        for state, values, p in [
            (TrialState.FAIL, None, params),
            (TrialState.FAIL, None, other),
            (TrialState.COMPLETE, [1.0, 1.0], params),
        ]
    ])  # fmt: skip
    table = sampler._dispatcher.table(study)
    np.testing.assert_array_equal(table.history().failed, [SPACE.encode(other)])
    more: list[bytes] = [SPACE.encode(p).tobytes() for p in (params, params | {"op_1": "skip"})]
    found = table.history(dict.fromkeys(more, 7))
    assert len(found.failed) == 2
    assert found.failed_numbers.tolist() == [1, 7]


def told(archs: np.ndarray, is_infinite: np.ndarray) -> History:
    losses = np.where(is_infinite[:, None], LARGEST, archs[:, :2].astype(float))
    n = len(archs)
    time = np.random.default_rng(9).permutation(2 * n)  # other numbers are of what failed
    return History(
        archs, losses, np.zeros((n, 0)), time[:n], failed=archs[:0], failed_numbers=time[:0]
    )


@pytest.mark.parametrize("n", [16, 40, 400])
def test_infinite_values_that_networks_explain_are_values(n: int) -> None:
    archs = rows(SPACE, n)
    history = told(archs, is_unknown(archs))
    assert without_accidents(SPACE, history) is history


@pytest.mark.parametrize("share", [0.1, 0.3, 0.7])
def test_infinite_values_by_chance_are_failures(share: float) -> None:
    n_apart = 0
    for seed in range(20):
        archs = rows(SPACE, 60, seed)
        by_chance = np.random.default_rng(seed).random(len(archs)) < share
        history = told(archs, by_chance)
        apart = without_accidents(SPACE, history)
        if apart is history:
            continue
        n_apart += 1
        np.testing.assert_array_equal(apart.codes, archs[~by_chance])
        assert (apart.losses < LARGEST).all()
        order = np.argsort(history.numbers[by_chance])
        np.testing.assert_array_equal(apart.failed, archs[by_chance][order])
        assert (np.diff(apart.failed_numbers) > 0).all()
    assert n_apart >= 15  # a tenth look predictable


def test_what_failed_besides_is_kept_and_two_infinite_values_are_too_few_to_doubt() -> None:
    archs = rows(SPACE, 60)
    is_infinite = np.zeros(60, dtype=bool)
    is_infinite[[7, 30]] = True
    history = replace(told(archs[:50], is_infinite[:50]), numbers=np.arange(50))
    assert without_accidents(SPACE, history) is history
    is_infinite[[3, 16, 21, 40]] = True
    history = replace(told(archs[:50], is_infinite[:50]), numbers=np.arange(50))
    crashed = replace(history, failed=archs[50:], failed_numbers=np.arange(50, 60) - 45)
    apart = without_accidents(SPACE, crashed)
    assert len(apart) == 44
    assert len(apart.failed) == 16
    assert (np.diff(apart.failed_numbers) >= 0).all()
    assert {row.tobytes() for row in archs[50:]} < {row.tobytes() for row in apart.failed}


def test_infinite_values_of_an_outage_are_failures() -> None:
    """A search is in one place at one time."""
    archs = np.concatenate([rows(SIZES, 40), np.clip(rows(SIZES, 20, seed=1) + 2, 0, 3)])
    outage = np.arange(len(archs)) >= 40
    history = replace(told(archs, outage), numbers=np.arange(len(archs)))
    apart = without_accidents(SIZES, history)
    np.testing.assert_array_equal(apart.codes, archs[~outage])


@pytest.mark.parametrize("n_infinite", [6, 10])
def test_few_infinite_values_of_many_trials_are_compared_with_those_of_their_time(
    n_infinite: int,
) -> None:
    archs = SPACE.sample(5_000, np.random.default_rng(0))
    archs[is_unknown(archs), :2] = 0
    at = np.linspace(100, 4_900, n_infinite).astype(int)
    archs[at, 0] = 3
    history = replace(told(archs, is_unknown(archs)), numbers=np.arange(5_000))
    assert without_accidents(SPACE, history) is history


def test_what_was_infinite_once_and_is_measured_did_not_fail() -> None:
    archs = rows(SPACE, 40)
    again = archs[[3, 9]]
    is_infinite = np.isin(np.arange(44), [3, 9, 17, 26, 42, 43])  # the last two are one network
    history = told(np.concatenate([archs, again, archs[[17, 17]]]), is_infinite)
    apart = without_accidents(SPACE, replace(history, numbers=np.arange(44)))
    assert len(apart) == 38
    np.testing.assert_array_equal(apart.failed, archs[[17, 26]])
    assert apart.failed_numbers.tolist() == [17, 26]


def test_infinite_values_by_chance_do_not_mislead() -> None:
    def cost(trial: Trial, is_flaky: bool) -> tuple[float, float]:
        codes = np.array([trial.suggest_int(f"width_{i}", 0, 7) for i in range(6)])
        if is_flaky and trial.number % 5 == 3:
            return float(codes.sum()), np.inf
        return float(codes.sum()), float(((codes - 7) ** 2).sum())

    def best(is_flaky: bool, seed: int) -> float:
        sampler = LINASSampler(seed=seed)
        study = optuna.create_study(directions=["minimize", "minimize"], sampler=sampler)
        study.optimize(partial(cost, is_flaky=is_flaky), n_trials=50)
        losses = np.array([t.values for t in study.trials if np.isfinite(t.values).all()])[:40]
        return hypervolume(losses, np.array([42.0, 300.0]))

    calm, flaky = (np.mean([best(is_flaky, seed) for seed in range(3)]) for is_flaky in (0, 1))
    assert flaky > 0.97 * calm
