from typing import Any

import numpy as np
import pytest

from optuna_linas.evolution import Exhaustive, Visited
from optuna_linas.space import SearchSpace

SPACE = SearchSpace.from_choices(
    {"depth": [1, 2], "first": [3, 5, 7], "second": [3, 5, 7]},
    conditions={"second": {"depth": [2]}},
)


def elsewhere(*_: Any, **__: Any) -> Visited:
    raise LookupError("searched instead")


def search(most: int, n_evaluations: int = 1000) -> tuple[Visited, list[int]]:
    asked: list[int] = []

    def evaluate(archs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        asked.append(len(archs))
        cost = archs.sum(axis=1).astype(float)
        return np.stack([cost, -cost], axis=1), (cost > 3).astype(float)

    visited = Exhaustive(most, otherwise=elsewhere)(
        evaluate,
        SPACE.n_options,
        n_objectives=2,
        n_evaluations=n_evaluations,
        seeds=np.zeros((0, 3), dtype=np.int64),
        canonical=SPACE.canonical,
        rng=np.random.default_rng(0),
    )
    return visited, asked


def test_a_small_space_is_predicted_once_each_network_once() -> None:
    visited, asked = search(18)
    assert asked == [3 + 9]
    assert len(np.unique(visited.archs, axis=0)) == 12
    assert (visited.archs == SPACE.canonical(visited.archs)).all()


def test_its_population_is_the_feasible_front() -> None:
    visited, _ = search(18)
    assert (visited.violations[visited.population] == 0).all()
    # All feasible rows trade one for the other.
    assert len(visited.population) == (visited.violations == 0).sum()


@pytest.mark.parametrize(("most", "n_evaluations"), [(17, 1000), (18, 17)])
def test_more_rows_than_allowed_are_searched_instead(most: int, n_evaluations: int) -> None:
    with pytest.raises(LookupError, match="searched instead"):
        search(most, n_evaluations)
