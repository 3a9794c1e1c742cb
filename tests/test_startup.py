from typing import Any

import numpy as np
import pytest

from optuna_linas.linas import startup
from optuna_linas.space import SearchSpace

SIZES = SearchSpace.from_choices(
    {
        **{f"kernel_{i}": [3, 5, 7] for i in range(4)},
        **{f"width_{i}": [32, 16, 8] for i in range(4)},
    }
)


def start(space: SearchSpace, n: int, seed: int = 0, taken: set[bytes] = frozenset()) -> np.ndarray:  # type: ignore[assignment]
    return startup(space, n, np.random.default_rng(seed), taken=set(taken))


def test_corners_come_first_by_the_size_that_options_mean() -> None:
    smallest, largest, *rest = start(SIZES, 9).tolist()
    assert smallest == [0, 0, 0, 0, 2, 2, 2, 2]
    assert largest == [2, 2, 2, 2, 0, 0, 0, 0]
    assert rest[0] == [2, 2, 2, 2, 2, 2, 2, 2]
    assert rest[1] == [0, 0, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("n", [1, 2, 5, 40])
def test_as_many_different_rows_as_asked_for(n: int) -> None:
    rows = start(SIZES, n)
    assert rows.shape == (n, 8)
    assert len({row.tobytes() for row in rows}) == n


def test_taken_rows_do_not_come() -> None:
    first = start(SIZES, 3)
    again = start(SIZES, 3, taken={row.tobytes() for row in first})
    assert not {row.tobytes() for row in first} & {row.tobytes() for row in again}


def test_unlike_settings_have_no_corners_but_are_stratified() -> None:
    space = SearchSpace.from_choices(
        {"a": list(range(8)), "b": list(range(10, 18)), "op": ["x", "y"]}
    )
    rows = start(space, 8)
    assert sorted(rows[:, 0].tolist()) == list(range(8))
    assert sorted(rows[:, 1].tolist()) == list(range(8))
    assert np.bincount(rows[:, 2]).tolist() == [4, 4]


def test_a_small_space_gives_all_it_has() -> None:
    space = SearchSpace.from_choices({"k_0": [1, 2], "k_1": [1, 2]})
    assert len(start(space, 9)) == 4


def test_rows_are_canonical_and_repeat_with_the_seed() -> None:
    space = SearchSpace.from_choices(
        {"depth": [1, 2], "k_0": [3, 5], "k_1": [3, 5]}, {"k_1": {"depth": [2]}}
    )
    rows = start(space, 4, seed=3)
    assert np.array_equal(rows, space.canonical(rows))
    assert np.array_equal(rows, start(space, 4, seed=3))


def test_networks_of_one_word_come_first_where_words_are_shared() -> None:
    space = SearchSpace.from_choices(
        {f"op_{i}": ["conv", "pool", *(["skip"] if i else [])] for i in range(5)}
        | {"act": ["r", "g"]}
    )
    rows = startup(space, 15, np.random.default_rng(0), taken=set())
    assert len(np.unique(rows, axis=0)) == 15
    is_pure = [(row[:5] == row[1]).sum() >= 4 for row in rows]
    assert {row[1] for row, pure in zip(rows, is_pure, strict=True) if pure} == {0, 1, 2}
    # At most half of a start, however many words there are.
    words = [f"w{k}" for k in range(20)]
    many = SearchSpace.from_choices({f"op_{i}": words for i in range(4)})
    rows = startup(many, 15, np.random.default_rng(0), taken=set())
    assert ((rows == rows[:, :1]).all(axis=1)).sum() <= 8


def test_a_start_is_the_same_whether_options_are_lists_or_tuples_or_strings() -> None:
    words: list[list[Any]] = [[[3], [3, 3], [5]], [(3,), (3, 3), (5,)], ["a", "aa", "b"]]
    starts = [
        start(SearchSpace.from_choices({f"op_{i}": options for i in range(4)}), 8)
        for options in words
    ]
    assert np.array_equal(starts[0], starts[1])
    assert np.array_equal(starts[0], starts[2])
