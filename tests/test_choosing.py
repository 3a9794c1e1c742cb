import numpy as np
import pytest

from optuna_linas.history import History
from optuna_linas.linas import choosing
from optuna_linas.linas.choosing import best_ranked, choose_predictors
from optuna_linas.linas.fitting import FittedPredictors
from optuna_linas.space import SearchSpace

MEASURED = np.arange(10.0)
GOOD = MEASURED**3
FAIR = np.where(MEASURED == 9, -1.0, MEASURED)
"""The best one last: a rank correlation of 0.6."""


def test_the_best_ranking_candidate_is_chosen() -> None:
    assert best_ranked(MEASURED, np.stack([FAIR, GOOD, -GOOD])) == 1


def test_the_first_is_kept_unless_another_is_clearly_better() -> None:
    assert best_ranked(MEASURED, np.stack([GOOD, MEASURED])) == 0
    # One pair of ten swapped: 0.96 against 1, among ten examples.
    swapped = MEASURED.copy()
    swapped[[0, 1]] = swapped[[1, 0]]
    assert best_ranked(MEASURED, np.stack([swapped, MEASURED])) == 0
    # The same difference among very many.
    many = np.arange(2000.0)
    worse = np.r_[np.arange(40.0)[::-1] * 0 + 3000.0 + np.arange(40.0), np.arange(40.0, 2000.0)]
    assert best_ranked(many, np.stack([worse, many])) == 1


def test_nan_never_wins() -> None:
    assert best_ranked(MEASURED, np.stack([np.full(10, np.nan), -MEASURED])) == 1
    assert best_ranked(MEASURED, np.stack([FAIR, np.full(10, np.nan)])) == 0


SPACE = SearchSpace.from_choices({f"operation_{i}": ["a", "b", "c"] for i in range(8)})


def waves(archs: np.ndarray) -> np.ndarray:
    """A smooth function of how many options are the same, which nothing additive can follow."""
    same = (archs == 1).sum(axis=1)
    return np.stack([np.sin(2.5 * same), archs @ np.linspace(1, 3, 8)], axis=1)


def test_each_objective_gets_its_own_and_is_reconsidered_when_the_data_has_doubled() -> None:
    archs = SPACE.sample(130, np.random.default_rng(0))
    losses = waves(archs)
    assert choose_predictors(SPACE, archs[:99], losses[:99]) == ("gp", "gp")
    at_100 = choose_predictors(SPACE, archs[:100], losses[:100])
    assert set(at_100) <= {"gp", "ridge", "svr_rbf"}
    # 101 to 199 examples are judged by the first 100.
    spoiled = np.r_[losses[:100], -losses[100:]]
    assert choose_predictors(SPACE, archs, spoiled) == at_100


@pytest.mark.parametrize("n", [100, 200])
def test_it_repeats_and_does_not_depend_on_what_was_asked_before(n: int) -> None:
    archs = SPACE.sample(n, np.random.default_rng(1))
    first = choose_predictors(SPACE, archs, waves(archs))
    choose_predictors(SPACE, archs[::-1], -waves(archs))
    assert choose_predictors(SPACE, archs, waves(archs)) == first


def test_of_many_examples_some_spread_among_them_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    space = SearchSpace.from_choices({f"width_{i}": [1, 2, 4] for i in range(8)})
    archs = space.sample(6_400, np.random.default_rng(0))
    losses = archs.sum(axis=1, keepdims=True).astype(float)
    compared: list[bytes] = []
    monkeypatch.setattr(choosing, "_choose", lambda _, n, codes, *rest: compared.append(codes))
    choose_predictors(space, archs, losses)
    codes = np.frombuffer(compared[0], dtype=np.int64).reshape(-1, 8)
    assert len(codes) == 640
    assert (codes[[0, -1]] == archs[[0, -1]]).all()


def test_the_model_that_is_used_is_the_one_that_is_judged() -> None:
    # A cubed sum bends: without its last part the Gaussian process ranks worse than an SVR here.
    rng = np.random.default_rng(0)
    space = SearchSpace.from_choices({f"size_{i}": [1, 2, 3] for i in range(10)})
    archs = space.sample(100, rng)
    worth = rng.permuted(np.tile([-1.0, 0.0, 1.0], (10, 1)), axis=1)
    losses = worth[np.arange(10), archs].sum(axis=1, keepdims=True) ** 3
    assert choose_predictors(space, archs, losses, holds_back=True) == ("gp",)
    assert choose_predictors(space, archs, losses, holds_back=False) == ("svr_rbf",)

    def used(*, steps: bool) -> tuple[str, ...]:
        history = History(archs, losses, np.zeros((100, 0)), np.arange(100))
        fitted = FittedPredictors(
            space, history, ("auto",), known={}, masked=True, optimism=0.0, steps=steps, rng=rng
        )
        return fitted.names

    assert (used(steps=True), used(steps=False)) == (("gp",), ("svr_rbf",))
