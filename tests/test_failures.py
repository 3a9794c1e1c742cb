import numpy as np
import optuna
import pytest
from optuna.trial import Trial, TrialState

from optuna_linas import LINASSampler
from optuna_linas.history import History
from optuna_linas.linas import Settings, propose
from optuna_linas.linas.failures import learn_failures
from optuna_linas.space import SearchSpace

SPACE = SearchSpace.from_choices({f"op_{i}": ["conv", "pool", "skip", "exotic"] for i in range(6)})
SIZES = SearchSpace.from_choices({f"width_{i}": [16, 32, 64, 128] for i in range(8)})


def rows(space: SearchSpace, n: int, seed: int = 0) -> np.ndarray:
    return np.unique(space.canonical(space.sample(n, np.random.default_rng(seed))), axis=0)


def is_unknown(archs: np.ndarray) -> np.ndarray:
    return (archs[:, :2] == 3).any(axis=1)  # "exotic" in the first or the second place


def is_large(archs: np.ndarray) -> np.ndarray:
    return archs.sum(axis=1) > 13


@pytest.mark.parametrize(("space", "fails"), [(SPACE, is_unknown), (SIZES, is_large)])
def test_what_fails_for_a_reason_is_learned(space: SearchSpace, fails: object) -> None:
    seen, new = rows(space, 60), rows(space, 400, seed=1)
    assert callable(fails)
    model = learn_failures(space, seen[~fails(seen)], seen[fails(seen)])
    assert model is not None
    told = model.predict(new)[:, 0] > 0.5
    assert (told == fails(new)).mean() > 0.85


def test_what_fails_by_chance_is_hardly_ever_believed() -> None:
    believed = 0
    for seed in range(20):
        seen = rows(SPACE, 40, seed)
        fails = np.random.default_rng(seed).random(len(seen)) < 0.4
        believed += learn_failures(SPACE, seen[~fails], seen[fails]) is not None
    assert believed <= 2


def test_two_failures_or_two_successes_tell_nothing() -> None:
    seen = rows(SPACE, 40)
    good, bad = seen[~is_unknown(seen)], seen[is_unknown(seen)]
    assert learn_failures(SPACE, good, bad[:2]) is None
    assert learn_failures(SPACE, good[:2], bad) is None
    assert learn_failures(SPACE, good, bad[:0]) is None


def history(n: int) -> History:
    """Where "exotic" would be the best choice everywhere, if it worked."""
    seen = rows(SPACE, n)
    good, bad = seen[~is_unknown(seen)], seen[is_unknown(seen)]
    losses = np.column_stack([-good.sum(axis=1), (good[:, 2:] == 1).sum(axis=1)]).astype(float)
    return History(good, losses, np.zeros((len(good), 0)), np.arange(len(good)), failed=bad)


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


def fragile(trial: Trial) -> tuple[float, float]:
    ops = [trial.suggest_categorical(f"op_{i}", ["conv", "pool", "skip", "exotic"])
           for i in range(6)]  # fmt: skip
    if "exotic" in ops[:2]:
        raise RuntimeError("exotic is not supported")
    codes = np.array([["conv", "pool", "skip", "exotic"].index(op) for op in ops])
    return float(-codes.sum()), float((codes[2:] == 1).sum())


@pytest.mark.parametrize("space", [None, SPACE])
def test_a_search_learns_what_fails(space: SearchSpace | None) -> None:
    study = optuna.create_study(
        directions=["minimize", "minimize"], sampler=LINASSampler(space=space, seed=0)
    )
    study.optimize(fragile, n_trials=60, catch=RuntimeError)
    states = [trial.state for trial in study.trials]
    assert TrialState.FAIL in states
    assert states[-20:].count(TrialState.FAIL) <= 4


def test_failures_count_where_only_their_claims_tell_the_network() -> None:
    """What only trials that failed have left out, an inferred space takes for always there."""

    def deep_fails(trial: Trial) -> tuple[float, float]:
        widths = [trial.suggest_categorical(f"width_{i}", [1, 2, 3]) for i in range(5)]
        if trial.suggest_categorical("kind", ["deep", "wide"]) == "deep":
            raise RuntimeError("out of memory")
        widths.append(trial.suggest_categorical("head", [1, 2, 3]))
        return float(-sum(widths)), float(sum(widths) % 4)

    sampler = LINASSampler(seed=0)
    study = optuna.create_study(directions=["minimize", "minimize"], sampler=sampler)
    study.optimize(deep_fails, n_trials=60, catch=RuntimeError)
    states = [trial.state for trial in study.trials]
    assert TrialState.FAIL in states
    assert states[-20:].count(TrialState.FAIL) <= 4


def test_a_retried_network_that_works_has_not_failed() -> None:
    sampler = LINASSampler(space=SPACE, seed=0)
    study = optuna.create_study(directions=["minimize", "minimize"], sampler=sampler)
    params = {f"op_{i}": "conv" for i in range(6)}
    distributions = {
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
    more = [SPACE.encode(p).tobytes() for p in (params, params | {"op_1": "skip"})]
    assert len(table.history(more).failed) == 2
