"""The space in which some parameters are fixed: its rows are those of the whole space."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optuna_linas import SearchSpace
from optuna_linas.samplers.fixed_outside import narrowed
from optuna_linas.samplers.observed_space import ObservedSpace
from optuna_linas.variable import Variable

WIDTHS, KERNELS = [16, 32, 64], [3, 5, 7]
SPACE = SearchSpace.from_choices(
    {"depth": [1, 2, 3, 4], "width": WIDTHS, **{f"kernel_{i}": KERNELS for i in range(4)}},
    {f"kernel_{i}": {"depth": list(range(i + 1, 5))} for i in range(4)},
)


def test_a_value_that_the_space_lacks_narrows_nothing() -> None:
    assert narrowed(SPACE, {"depth": 9, "other": 1}) is SPACE
    two = narrowed(SPACE, {"depth": 2, "width": 64})
    rows = two.canonical(SPACE.sample(50, np.random.default_rng(0)))
    assert {tuple(row) for row in rows[:, [0, 1, 4, 5]].tolist()} == {(1, 2, 0, 0)}
    assert narrowed(two, {"kernel_3": 7}).canonical(rows).tolist() == rows.tolist()  # not there


@pytest.mark.parametrize(
    ("name", "value", "option"),
    [("n", "2", 1), ("n", True, 0), ("n", 2.7, 1), ("residual", True, 1), ("x", "0.5", 2)],
)
def test_a_value_is_what_optuna_makes_of_it(name: str, value: Any, option: int) -> None:
    space = SearchSpace(
        [
            Variable.integer("n", 1, 4),
            Variable.categorical("residual", [0, 1]),
            Variable.floating("x", 0, 1, step=0.25),
        ]
    )
    rows = narrowed(space, {name: value}).canonical([[3, 0, 0], [2, 1, 4]])
    assert rows[:, space.names.index(name)].tolist() == [option, option]


@pytest.mark.parametrize("value", ["wide", None, float("nan"), float("inf"), [2]])
def test_what_optuna_makes_nothing_of_narrows_nothing(value: Any) -> None:
    space = SearchSpace([Variable.integer("n", 1, 4), Variable.categorical("width", WIDTHS)])
    assert narrowed(space, {"n": value, "width": value}) is space


@given(st.data())
def test_a_row_that_has_the_values_keeps_them_whatever_the_order_of_names(
    data: st.DataObject,
) -> None:
    names = [f"x{i}" for i in range(5)]
    options = st.lists(st.integers(0, 2), min_size=1, max_size=2, unique=True)
    conditions = {
        name: data.draw(st.dictionaries(st.sampled_from(names[:i]), options, max_size=2))
        for i, name in enumerate(names)
        if i
    }
    order = data.draw(st.permutations(names))
    space = SearchSpace.from_choices({name: [0, 1, 2] for name in order}, conditions)
    fixed = data.draw(st.dictionaries(st.sampled_from(names), st.integers(0, 2)))
    one = narrowed(space, fixed)
    rows = one.canonical(space.sample(30, np.random.default_rng(0)))
    assert one.canonical(rows).tolist() == rows.tolist()
    for name in fixed.keys() & set(names):
        at = space.names.index(name)
        assert (rows[:, at] == fixed[name])[one.active(rows)[:, at]].all()


def test_what_a_known_range_brings_in_has_its_value_too() -> None:
    """Where `b` is moved to 1, `a` is there; and `b` waits for `c`, which decides its range."""
    plain = SearchSpace.from_choices({name: [0, 1, 2] for name in "abc"}, {"a": {"b": [1]}})
    space = ObservedSpace(plain.variables)
    for c, low in ((0, 0), (1, 1), (0, 0), (1, 1), (2, 0)):
        becomes = np.maximum(np.arange(3), low)
        space = space.knowing_range(1, {2: c}, becomes, {0, 2})
    for fixed in ({"a": 2}, {"a": 2, "c": 1}):
        one = narrowed(space, fixed)
        rows = one.canonical(space.sample(50, np.random.default_rng(0)))
        assert one.canonical(rows).tolist() == rows.tolist()
        assert {a for a, b, _ in rows.tolist() if b == 1} == {2}


def test_a_fixed_value_is_moved_into_the_range_so_that_rows_are_those_of_the_whole_space() -> None:
    """Of `m` from 1 to `n`, and an `o` up to `m` of which every trial has had the same."""
    space = ObservedSpace(Variable.integer(name, 1, 4) for name in "nmo")
    for n in (0, 1, 0, 1, 2, 3):
        space = space.knowing_range(1, {0: n}, np.arange(4).clip(0, n), {0})
    for m in (0, 1, 0, 1):
        space = space.knowing_range(2, {1: m}, np.arange(4).clip(0, m), {0})
    rows = space.canonical(list(product(range(4), repeat=3)))
    one = narrowed(space, {"m": 3, "o": 2})
    assert np.unique(one.canonical(rows), axis=0).tolist() == [
        [0, 0, 0],  # [1, 1]
        [1, 1, 1],
        [2, 2, 1],
        [3, 2, 1],
    ]
    assert space.canonical(one.canonical(rows)).tolist() == one.canonical(rows).tolist()
    assert one.with_variables(space.variables) == one != space
    assert narrowed(space, {"o": 2}) != one


def test_of_two_ranges_each_may_decide_the_other() -> None:
    """Trials will show which does not; until then neither moves the fixed value."""
    space = ObservedSpace(Variable.integer(name, 1, 3) for name in "ab")
    for a, b in ((0, 0), (1, 1), (0, 0), (1, 1)):
        space = space.knowing_range(0, {1: b}, np.arange(3).clip(0, b), set())
        space = space.knowing_range(1, {0: a}, np.arange(3).clip(0, a), set())
    one = narrowed(space, {"a": 2})
    rows = one.canonical(list(product(range(3), repeat=2)))
    assert set(rows[:, 0]) == {1}
    assert space.canonical(rows).tolist() == one.canonical(rows).tolist() == rows.tolist()
