from typing import Any

import numpy as np
import pytest

from optuna_linas.evolution import VectorizedNSGA2
from optuna_linas.evolution.additive import additive_children
from optuna_linas.pareto import hypervolume
from tests.inner_search import search

OPTIONS = np.full(30, 4)
WORTH = np.random.default_rng(7).normal(size=(30, 4, 2))


def losses_of(archs: np.ndarray) -> np.ndarray:
    """Two objectives that are sums of what each option is worth."""
    return WORTH[np.arange(30), archs].sum(axis=1)


def random_rows(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, OPTIONS, size=(n, 30))


def test_the_best_of_a_sum_is_found_at_once() -> None:
    archs = random_rows(200)
    losses = losses_of(archs)[:, :1]
    children = additive_children(archs, losses, OPTIONS, 3, np.random.default_rng(0))
    assert (children == WORTH[:, :, 0].argmin(axis=1)).all()


def test_children_stand_for_all_trade_offs() -> None:
    archs = random_rows(300)
    children = additive_children(archs, losses_of(archs), OPTIONS, 100, np.random.default_rng(0))
    for share in np.linspace(0.0, 1.0, 21):
        weights = np.array([share, 1 - share])
        best = (WORTH @ weights).min(axis=1).sum()  # negative
        assert (losses_of(children) @ weights).min() < 0.9 * best
    assert len(np.unique(children, axis=0)) > 10


@pytest.mark.parametrize("penalty", [1e3, 1e10, 1e300])
def test_penalties_do_not_hide_what_options_are_worth(penalty: float) -> None:
    archs = random_rows(300)
    losses = losses_of(archs)[:, :1]
    losses[archs[:, 0] == 0] = penalty
    [child] = additive_children(archs, losses, OPTIONS, 1, np.random.default_rng(0))
    assert child[0] != 0
    # All others are as good as where nothing fails: the sum of the best is negative.
    assert losses_of(child[None])[0, 0] < 0.9 * WORTH[:, :, 0].min(axis=1).sum()


def test_half_of_all_may_share_the_best_value() -> None:
    archs = random_rows(300)
    losses = (archs[:, 0] == 0)[:, None] * (1.0 + archs[:, 1:2])
    [child] = additive_children(archs, losses, OPTIONS, 1, np.random.default_rng(0))
    assert child[0] != 0


def test_rows_are_described_in_canonical_form() -> None:
    # Where the first variable is 0 the second one does not exist.
    def canonical(archs: np.ndarray) -> np.ndarray:
        return np.where(np.arange(2) * (archs[:, :1] == 0) > 0, 0, archs)

    archs = np.array([[0, 1], [0, 1], [1, 0], [1, 1]])
    losses = np.array([[5.0], [5.0], [1.0], [2.0]])
    options, rng = np.array([2, 2]), np.random.default_rng(0)
    told = additive_children(archs, losses, options, 1, rng, canonical=canonical)
    assert told.tolist() == [[1, 0]]


@pytest.mark.parametrize(
    ("n_rows", "n_options"), [(1, [2, 2]), (0, [2, 2]), (9, [5_000, 2]), (9, [])]
)
def test_where_nothing_can_be_learned_there_are_none(n_rows: int, n_options: list[int]) -> None:
    archs = np.zeros((n_rows, len(n_options)), dtype=np.int64)
    found = additive_children(
        archs, np.zeros((n_rows, 2)), np.array(n_options, int), 5, np.random.default_rng(0)
    )
    assert found.shape == (0, len(n_options))


@pytest.mark.parametrize(
    "without", [{"additive": False}, {"neighbours": None}, {"additive": False, "neighbours": None}]
)
def test_each_departure_from_nsga2_finds_more(without: dict[str, Any]) -> None:
    def evaluate(archs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        losses = losses_of(archs)
        losses[:, 0] += 0.5 * (archs[:, :-1] == archs[:, 1:]).sum(axis=1)  # no sum
        return losses, np.zeros(len(archs))

    def volume(algorithm: VectorizedNSGA2, seed: int) -> float:
        visited = search(algorithm, evaluate, OPTIONS, seed=seed, n_evaluations=1_500)
        return hypervolume(visited.losses, np.array([10.0, 10.0]))

    gains = [
        volume(VectorizedNSGA2(), seed) - volume(VectorizedNSGA2(**without), seed)
        for seed in range(8)
    ]
    assert np.mean(gains) > 2 * np.std(gains) / np.sqrt(8)
