"""How much of what predictions promise is believed."""

import numpy as np
import optuna
import pytest
from optuna.trial import Trial

from optuna_linas import LINASSampler
from optuna_linas.gain import greedy_gain
from optuna_linas.history import History
from optuna_linas.linas import promises
from optuna_linas.linas.fitting import FittedPredictors
from optuna_linas.linas.promises import Promises, kept_shares
from optuna_linas.predictors import StructuredGP, structured
from optuna_linas.predictors.surprise import from_those_before
from optuna_linas.space import SearchSpace

OPS = ["none", "skip", "conv", "pool"]
CELL = SearchSpace.from_choices({f"op_{i}": OPS for i in range(6)})
REFERENCE = np.array([10.0, 10.0])
EDGES = [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)]
WORTH, COST = np.array([0.0, 0.2, 1.5, 0.4]), np.array([0.0, 0.02, 1.0, 0.3])


def shares(
    foretold: list[list[float]], measured: list[list[float]], counts: list[bool] | None = None
) -> list[float]:
    """Of the last examples, whose foretold losses are given."""
    n = len(measured)
    return kept_shares(
        np.arange(n - len(foretold), n),
        np.array(foretold),
        np.array(measured),
        REFERENCE,
        np.array(counts or [True] * n),
    ).tolist()


def test_a_promise_is_kept_as_far_as_volume_was_added() -> None:
    assert shares([[0.0, 5.0]], [[5.0, 5.0], [2.5, 5.0]]) == [0.5]
    assert shares([[4.0, 5.0]], [[5.0, 5.0], [0.0, 0.0]]) == [1.0]  # more than was promised
    assert shares([[0.0, 0.0]], [[5.0, 5.0], [6.0, 6.0]]) == [0.0]


def test_where_nothing_was_promised_nothing_is_told() -> None:
    behind, beyond = [6.0, 6.0], [11.0, 1.0]
    assert np.isnan(shares([behind, beyond], [[5.0, 5.0], [0.0, 0.0], [1.0, 1.0]])).all()


def test_what_violates_a_constraint_neither_promises_nor_is_the_front() -> None:
    told = shares(
        [[0.0, 0.0], [4.0, 5.0]], [[5.0, 5.0], [1.0, 1.0], [4.0, 5.0]], [True, False, True]
    )
    assert np.isnan(told[0])
    assert told[1] == 1.0


def test_a_penalty_keeps_nothing_and_leaves_shares_finite() -> None:
    measured = np.array([[5.0, 5.0]] * 5 + [[1e100, 1e100]])
    foretold = np.array([[5.0, 5.0]] * 4 + [[0.0, 0.0]])
    told = Promises(np.arange(1, 6), foretold, measured, REFERENCE, np.ones(6, dtype=bool))
    assert told(np.array([[0.0, 0.0], [1e300, 0.0], [-1e300, 0.0]])) == pytest.approx([0.5, 1, 1])


def test_it_does_not_matter_where_an_objective_has_its_zero() -> None:
    rng = np.random.default_rng(0)
    measured, foretold, rows = (rng.random((30, 2)) * 10 for _ in range(3))
    told = [
        Promises(
            np.arange(30),
            foretold + zero,
            measured + zero,
            REFERENCE + zero,
            np.ones(30, dtype=bool),
        )(rows + zero)
        for zero in (0.0, 2.0**24)
    ]
    assert len(set(told[0])) > 20
    assert told[1] == pytest.approx(told[0], abs=1e-6)


def test_what_hardly_any_foretell_promises_nothing() -> None:
    measured = np.tile([5.0, 5.0], (90, 1))
    every, foretold = np.arange(10, 90, 20), np.zeros((4, 2))
    told = Promises(every, foretold, measured, REFERENCE, np.ones(90, dtype=bool))
    assert told(np.zeros((1, 2))).tolist() == [1.0]


def test_three_objectives() -> None:
    measured = np.array([[5.0, 5.0, 5.0], [5.0, 5.0, 0.0]])
    told = kept_shares(
        np.array([1]), np.zeros((1, 3)), measured, np.full(3, 10.0), np.ones(2, dtype=bool)
    )
    assert told == pytest.approx([125 / 875])


def test_without_promises_everything_is_believed() -> None:
    told = Promises(
        np.zeros(0, dtype=np.int64),
        np.zeros((0, 2)),
        np.full((3, 2), 5.0),
        REFERENCE,
        np.ones(3, dtype=bool),
    )
    assert told(np.array([[1.0, 1.0], [9.0, 9.0]])).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("m", [2, 3])
def test_a_gain_counts_by_its_share(m: int) -> None:
    front = np.full((1, m), 1.0)
    candidates = np.full((3, m), 1.0)
    candidates[[0, 1, 2], [0, 1, 0]] = [0.0, 0.5, 0.6]
    reference = np.full(m, 2.0)
    assert greedy_gain(front, candidates, reference, 2).tolist() == [0, 1]
    few = np.array([0.1, 0.5, 0.9])
    assert greedy_gain(front, candidates, reference, 3, shares=few).tolist() == [2, 1, 0]


def test_forecasts_are_those_of_the_examples_before() -> None:
    rng = np.random.default_rng(0)
    points, target = rng.normal(size=(9, 2)), rng.normal(size=9)
    covariance = np.exp(-((points[:, None] - points) ** 2).sum(axis=2)) + 0.1 * np.eye(9)
    told = from_those_before(np.linalg.inv(np.linalg.cholesky(covariance)), target)
    for i in range(9):
        before = slice(i)
        weights = np.linalg.solve(covariance[before, before], target[before])
        assert told[i] == pytest.approx(covariance[i, before] @ weights)


def test_forecasts_belong_to_examples_where_there_are_more_than_are_learned_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(structured, "_MAX_EXAMPLES", 60)
    archs = CELL.sample(90, np.random.default_rng(0))
    losses = np.column_stack([archs.sum(axis=1), -archs[:, 0]]).astype(float)
    positions, told = StructuredGP(CELL).fit(archs, losses).foretold()
    assert len(positions) == len(told) == 60
    assert positions.max() > 60
    late = positions > 40
    assert np.corrcoef(told[late, 0], losses[positions[late], 0])[0, 1] > 0.9


def test_what_is_computed_is_foretold_as_it_is() -> None:
    archs = CELL.sample(20, np.random.default_rng(0))
    losses = np.column_stack([archs.sum(axis=1), archs[:, 0]]).astype(float)
    history = History(archs, losses, np.zeros((20, 0)), np.arange(20))
    settings = {"masked": True, "optimism": 0.5, "rng": np.random.default_rng(0)}
    known = {1: lambda rows: rows[:, 0].astype(float)}
    fitted = FittedPredictors(CELL, history, ("gp",), known=known, **settings)
    foretold = fitted.foretold()
    assert foretold is not None
    assert foretold[1][:, 1].tolist() == losses[:, 1].tolist()
    assert FittedPredictors(CELL, history, ("ridge",), known={}, **settings).foretold() is None


def cell(trial: Trial) -> tuple[float, float]:
    """Accuracy and latency of a cell; without a path through it there is neither."""
    ops = [OPS.index(trial.suggest_categorical(f"op_{i}", OPS)) for i in range(6)]
    reached = [True, False, False, False]
    for (start, end), op in zip(EDGES, ops, strict=True):
        reached[end] |= bool(op) and reached[start]
    used = [op for (start, _), op in zip(EDGES, ops, strict=True) if reached[start]]
    if not reached[3]:
        trial.set_user_attr("broken", True)
        return 10.0, 0.5 + 0.1 * float(COST[ops].sum())
    return 94.0 - 8.0 * float(np.exp(-WORTH[used].sum() / 2)), 1.3 + float(COST[used].sum())


def test_a_search_goes_less_often_into_the_gap_of_a_front(monkeypatch: pytest.MonkeyPatch) -> None:
    def n_broken() -> float:
        found = []
        for seed in range(6):
            study = optuna.create_study(
                directions=["maximize", "minimize"], sampler=LINASSampler(seed=seed)
            )
            study.optimize(cell, n_trials=100)
            found.append(sum("broken" in trial.user_attrs for trial in study.trials[30:]))
        return float(np.mean(found))

    doubting = n_broken()
    monkeypatch.setattr(promises, "_BELIEF", 1e9)
    assert doubting < 0.95 * n_broken()
