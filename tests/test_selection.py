import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optuna_linas.enumeration import some_networks
from optuna_linas.selection import best_unique, unseen
from optuna_linas.space import SearchSpace
from optuna_linas.variable import Variable
from tests.test_space import spaces

NAN, INF = float("nan"), float("inf")
FEASIBLE = np.zeros(6)
SPACE = SearchSpace.from_choices(
    {"depth": [1, 2, 3], "kernel_1": [3, 5], "kernel_2": [3, 5, 7]},
    conditions={"kernel_1": {"depth": [2, 3]}, "kernel_2": {"depth": [3]}},
)


def rows(n: int) -> np.ndarray:
    return np.arange(n)[:, None]


def keys(archs: np.ndarray) -> set[bytes]:
    return {row.tobytes() for row in archs}


def test_the_front_comes_first_and_its_ends_before_its_middle() -> None:
    losses = np.array([[5.0, 5.0], [1.0, 3.0], [0.0, 4.0], [3.0, 1.0], [4.0, 0.0], [2.9, 1.1]])
    chosen = best_unique(rows(6), losses, FEASIBLE, taken=set(), n=6).tolist()
    assert set(chosen[:2]) == {2, 4}
    assert chosen[2:] == [1, 5, 3, 0]


def test_the_least_violating_come_first() -> None:
    losses = np.array([[0.0], [1.0], [2.0]])
    violations = np.array([2.0, 1.0, 0.0])
    assert best_unique(rows(3), losses, violations, taken=set(), n=3).tolist() == [2, 1, 0]


def test_an_infeasible_row_does_not_outshine_a_feasible_one() -> None:
    # Row 0 dominates row 1, but is infeasible; 1 and 2 are equally good, 3 is worse than 2.
    losses = np.array([[0.0, 3.0], [1.0, 4.0], [4.0, 1.0], [5.0, 2.0]])
    violations = np.array([1.0, 0.0, 0.0, 0.0])
    chosen = best_unique(rows(4), losses, violations, taken=set(), n=4).tolist()
    assert sorted(chosen[:2]) == [1, 2]
    assert chosen[2:] == [3, 0]


def test_a_row_is_chosen_once_and_not_if_it_is_taken() -> None:
    archs = np.array([[1, 0], [0, 0], [1, 0], [0, 1]])
    losses = np.array([[0.0], [1.0], [0.0], [2.0]])
    chosen = best_unique(archs, losses, np.zeros(4), taken=keys(archs[1:2]), n=9)
    assert chosen.tolist() == [0, 3]
    assert best_unique(archs, losses, np.zeros(4), taken=keys(archs), n=9).tolist() == []
    # A transposed or sliced array holds the same rows.
    for view in (np.asfortranarray(archs), np.repeat(archs, 2, axis=1)[:, ::2]):
        assert best_unique(view, losses, np.zeros(4), taken=keys(archs[1:2]), n=9).tolist() == [
            0,
            3,
        ]


@pytest.mark.parametrize("n", [0, 1, 3])
def test_n_rows_at_most(n: int) -> None:
    losses = np.array([[2.0], [0.0], [1.0], [3.0], [4.0], [5.0]])
    chosen = best_unique(rows(6), losses, FEASIBLE, taken=set(), n=n)
    assert chosen.tolist() == [1, 2, 0][:n]
    none = best_unique(rows(0), losses[:0], FEASIBLE[:0], taken=set(), n=n)
    assert none.tolist() == []


@pytest.mark.parametrize("m", [1, 2, 3])
def test_what_is_not_a_finite_number_comes_last(m: int) -> None:
    losses = np.repeat([[NAN], [1.0], [INF], [2.0], [-INF], [0.0]], m, axis=1)
    chosen = best_unique(rows(6), losses, FEASIBLE, taken=set(), n=6).tolist()
    assert chosen[:3] == [5, 1, 3]
    assert sorted(chosen[3:]) == [0, 2, 4]
    violations = np.array([0.0, NAN, 0.0, INF, 0.0, 0.0])
    chosen = best_unique(rows(6), losses, violations, taken=set(), n=2).tolist()
    assert chosen == [5, 3]


@pytest.mark.parametrize("m", [1, 2, 3, 4])
def test_a_large_archive(m: int) -> None:
    rng = np.random.default_rng(m)
    losses = rng.random((20_000, m))
    chosen = best_unique(rows(20_000), losses, np.zeros(20_000), taken=set(), n=50)
    assert len(set(chosen.tolist())) == 50
    others = np.delete(losses, chosen, axis=0)
    for row in losses[chosen]:
        assert not ((others <= row).all(axis=1) & (others < row).any(axis=1)).any()


@given(st.integers(0, 9), st.integers(0, 12), st.integers(0, 2**32))
def test_unseen_rows_are_new_canonical_and_as_many_as_there_are(
    n_taken: int, n: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    networks = np.unique(SPACE.canonical(SPACE.sample(500, rng)), axis=0)
    assert len(networks) == SPACE.size(effective=True) == 9
    taken = rng.permutation(networks)[:n_taken]
    found = unseen(SPACE, n, rng, taken=keys(taken))
    assert found.shape == (min(n, 9 - n_taken), 3)
    assert len(keys(found)) == len(found)
    assert not keys(found) & keys(taken)
    assert (SPACE.canonical(found) == found).all()


def test_the_last_row_of_a_space_is_found() -> None:
    space = SearchSpace([Variable.integer("n", 1, 250), Variable.integer("k", 1, 250)])
    rng = np.random.default_rng(0)
    everything = np.stack(np.meshgrid(range(250), range(250)), axis=-1).reshape(-1, 2)
    last = everything[12_345]
    taken = keys(everything) - {last.tobytes()}
    assert unseen(space, 5, rng, taken=taken).tolist() == [last.tolist()]


def test_spaces_of_one_network() -> None:
    rng = np.random.default_rng(0)
    # numpy's grids end at 64 dimensions.
    many = SearchSpace.from_choices({f"v{i}": [0] for i in range(100)} | {"w": [0, 1]})
    assert sorted(row[-1] for row in unseen(many, 9, rng, taken=set())) == [0, 1]
    nothing = SearchSpace([])
    assert unseen(nothing, 3, rng, taken=set()).shape == (1, 0)
    assert unseen(nothing, 3, rng, taken={b""}).shape == (0, 0)


def test_unseen_repeats_with_its_rng_and_leaves_the_global_ones_alone() -> None:
    before = random.getstate(), repr(np.random.get_state())  # noqa: NPY002  # is what is tested
    found = [unseen(SPACE, 4, np.random.default_rng(s), taken=set()).tolist() for s in (0, 0, 1)]
    assert found[0] == found[1] != found[2]
    assert before == (random.getstate(), repr(np.random.get_state()))  # noqa: NPY002


def test_unseen_draws_uniformly_over_rows() -> None:
    space = SearchSpace.from_choices({"a": [0, 1, 2, 3], "b": [0, 1]})
    rng = np.random.default_rng(0)
    counts = np.zeros((4, 2))
    for _ in range(1000):
        a, b = unseen(space, 1, rng, taken=set())[0]
        counts[a, b] += 1
    assert abs(counts / 1000 - 1 / 8).max() < 0.04


CHAIN = SearchSpace.from_choices(
    {f"x{i}": [0, 1] for i in range(20)}, {f"x{i}": {f"x{i - 1}": [0]} for i in range(1, 20)}
)


def test_every_network_is_found_where_a_few_have_nearly_all_rows() -> None:
    # Half of all 2^20 rows are one network, and the last two have one each.
    assert (CHAIN.size(), CHAIN.size(effective=True)) == (2**20, 21)
    found = unseen(CHAIN, 30, np.random.default_rng(0), taken=set())
    assert len(keys(found)) == len(found) == 21
    assert (CHAIN.canonical(found) == found).all()
    last = found[-1:]
    assert np.array_equal(unseen(CHAIN, 3, np.random.default_rng(1), taken=keys(found[:-1])), last)


def test_unseen_networks_are_found_though_there_are_too_many_to_enumerate() -> None:
    tail = SearchSpace.from_choices(
        {f"x{i}": [0, 1] for i in range(20)} | {f"w{i}": list(range(9)) for i in range(8)},
        {f"x{i}": {f"x{i - 1}": [0]} for i in range(1, 20)}
        | {f"w{i}": {"x19": [1]} for i in range(8)},
    )
    rng, taken = np.random.default_rng(0), set[bytes]()
    for n in (30, 30, 500):
        found = unseen(tail, n, rng, taken=taken)
        assert len(keys(found) - taken) == n
        assert (tail.canonical(found) == found).all()
        taken |= keys(found)


@given(spaces(), st.integers(1, 40), st.integers(0, 2**32))
@settings(max_examples=60)
def test_some_networks_are_different_canonical_and_as_many_as_there_are(
    space: SearchSpace, n: int, seed: int
) -> None:
    conditions = [space.requirements(j) for j in range(len(space))]
    rng = np.random.default_rng(seed)
    rows = some_networks(space.n_options, conditions, space.parents_first, n, rng)
    assert len(keys(rows)) == len(rows) == min(n, space.size(effective=True))
    assert np.array_equal(space.canonical(rows), rows)
