import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import FloatDistribution, IntDistribution

from optuna_linas.errors import SpaceMismatchError
from optuna_linas.variable import MAX_LEVELS, Condition, Variable

NAN = float("nan")


@st.composite
def numbers(draw: st.DrawFn) -> Variable:
    """Any integer or float variable, from one value to far more than the grid has points."""
    kind = draw(st.sampled_from(["int", "int_log", "float", "float_log", "float_step"]))
    if kind == "int":
        low = draw(st.integers(-(10**6), 10**6))
        step = draw(st.integers(1, 7))
        return Variable.integer("x", low, low + draw(st.integers(0, 10**5)), step=step)
    if kind == "int_log":
        low = draw(st.integers(1, 100))
        return Variable.integer("x", low, low + draw(st.integers(0, 10**6)), log=True)
    if kind == "float":
        low = draw(st.floats(-1e6, 1e6))
        return Variable.floating("x", low, low + draw(st.floats(0, 1e6)))
    if kind == "float_log":
        low = draw(st.floats(1e-9, 1e3))
        return Variable.floating("x", low, low * draw(st.floats(1, 1e9)), log=True)
    low = draw(st.integers(-1000, 1000)) / 100
    step = draw(st.sampled_from([0.01, 0.1, 0.25, 0.3, 1.5]))
    return Variable.floating("x", low, low + draw(st.floats(0, 500)), step=step)


def optuna_contains(variable: Variable, value: Any) -> bool:
    distribution: IntDistribution | FloatDistribution
    if variable.kind == "integer":
        assert variable.step is not None
        distribution = IntDistribution(
            int(variable.low), int(variable.high), log=variable.log, step=int(variable.step)
        )
    else:
        distribution = FloatDistribution(
            variable.low, variable.high, log=variable.log, step=variable.step
        )
    return distribution._contains(distribution.to_internal_repr(value))


@pytest.mark.parametrize(
    ("variable", "options"),
    [
        (Variable.categorical("a", ["x", None, 2, 0.5, False]), ("x", None, 2, 0.5, False)),
        (Variable.integer("a", 2, 9, step=3), (2, 5, 8)),
        (Variable.integer("a", 1, 4, log=True), (1, 2, 3, 4)),
        (Variable.integer("a", -3, -3), (-3,)),
        (Variable.floating("a", 0.0, 0.3, step=0.1), (0.0, 0.1, 0.2, 0.3)),
        (Variable.floating("a", 0.0, 1.0, step=0.3), (0.0, 0.3, 0.6, 0.9)),
        (Variable.floating("a", 0.25, 0.25), (0.25,)),
        (Variable.floating("a", 0.0, 0.5, step=2.0), (0.0,)),
    ],
)
def test_options(variable: Variable, options: tuple[Any, ...]) -> None:
    assert variable.options == options
    assert variable.n_options == len(options)
    assert [variable.index(option) for option in options] == list(range(len(options)))


def test_the_range_of_a_stepped_number_ends_at_its_last_step() -> None:
    assert Variable.integer("a", 2, 9, step=3).high == 8
    assert Variable.floating("a", 0.0, 1.0, step=0.3).high == 0.9


@given(numbers())
@settings(max_examples=150)
def test_the_grid_is_increasing_and_spans_the_range(variable: Variable) -> None:
    options = variable.options
    assert all(a < b for a, b in itertools.pairwise(options))  # type: ignore[operator]
    assert options[0] == variable.low
    assert options[-1] == variable.high
    assert len(options) <= MAX_LEVELS
    assert all(optuna_contains(variable, option) for option in options[:3] + options[-3:])
    assert (np.diff(variable.positions) > 0).all()


@given(numbers(), st.data())
@settings(max_examples=150)
def test_index_is_the_nearest_grid_point(variable: Variable, data: st.DataObject) -> None:
    value = data.draw(st.floats(variable.low, variable.high))
    index = variable.index(value)
    distance = np.abs(np.array(variable.options, dtype=float) - value)
    if variable.log:
        distance = np.abs(np.log(np.array(variable.options, dtype=float)) - np.log(value))
    assert distance[index] <= distance.min() + 1e-9 * (1 + distance.max())


@given(numbers(), st.data())
@settings(max_examples=300)
def test_a_refined_value_stays_in_its_cell_and_on_its_step(
    variable: Variable, data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, variable.n_options - 1))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    for _ in range(5):
        value = variable.refine(index, rng)
        assert type(value) is (int if variable.kind == "integer" else float)
        assert variable.index(value) == index
        assert optuna_contains(variable, value)


@pytest.mark.parametrize(
    "variable",
    [
        Variable.integer("a", 0, 4 * (MAX_LEVELS - 1)),  # cells end in the middle of a step
        Variable.integer("a", 1, 5000, log=True),  # neighbours one apart at the low end
        Variable.integer("a", 0, 2**40),
        Variable.integer("a", 2**60, 2**60 + 10**6),
        Variable.integer("a", 0, 2**63 - 1),
        Variable.floating("a", 0.0, 1000.0, step=0.1),
    ],
)
def test_refine_stays_in_every_cell(variable: Variable) -> None:
    rng = np.random.default_rng(0)
    for index in range(variable.n_options):
        value = variable.refine(index, rng)
        assert variable.index(value) == index
        assert variable.low <= value <= variable.high  # type: ignore[operator]


def test_refine_reaches_the_values_between_the_grid_points() -> None:
    rng = np.random.default_rng(0)
    variable = Variable.integer("a", 0, 10 * (MAX_LEVELS - 1))
    # Grid points 90, 100, 110: the cell of 100 is 95 to 105; of its edges, 105 belongs to it.
    drawn = {variable.refine(10, rng) for _ in range(2000)}
    assert drawn == set(range(96, 106))
    floats = {variable.refine(10, rng) for variable in [Variable.floating("a", 0, 1)] * 50}
    assert len(floats) == 50


@pytest.mark.parametrize(
    "variable",
    [
        Variable.categorical("a", ["x", "y"]),
        Variable.integer("a", 0, 10),
        Variable.floating("a", 0.0, 1.0, step=0.3),
        Variable.floating("a", 2.0, 2.0),
    ],
)
def test_refine_keeps_an_option_where_the_grid_holds_every_value(variable: Variable) -> None:
    rng = np.random.default_rng(0)
    for i in range(variable.n_options):
        assert {variable.refine(i, rng) for _ in range(20)} == {variable.options[i]}


def test_refine_is_log_uniform_where_the_variable_is() -> None:
    variable = Variable.floating("a", 1e-8, 1.0, log=True)
    rng = np.random.default_rng(0)
    values = [variable.refine(i, rng) for i in rng.integers(variable.n_options, size=4000)]
    below = np.mean(np.array(values, dtype=float) < 1e-4)
    assert abs(below - 0.5) < 0.04


def test_ranges_of_any_length_keep_their_ends() -> None:
    for high in (10**15, 10**17 + 1, 2**62 + 1, 2**63 - 1):
        for log in (False, True):
            variable = Variable.integer("a", 1, high, log=log)
            assert (variable.low, variable.high) == (1, high)
            assert variable.index(high) == variable.n_options - 1
    variable = Variable.floating("a", 1e-300, 1e300, log=True)
    assert (variable.index(1e-300), variable.index(1e300)) == (0, MAX_LEVELS - 1)
    assert variable.index(1.0) == MAX_LEVELS // 2


def test_neighbouring_large_integers_differ() -> None:
    variable = Variable.integer("a", 2**60, 2**60 + 100)
    assert [variable.index(2**60 + i) for i in range(101)] == list(range(101))
    logarithmic = Variable.integer("a", 2**60, 2**60 + 100, log=True)
    assert [logarithmic.index(2**60 + i) for i in range(101)] == list(range(101))


@pytest.mark.parametrize("log", [False, True])
def test_a_range_of_a_few_floats_has_each_of_them_once(log: bool) -> None:
    for low in (1.0, 1e300):
        high = low
        for _ in range(20):
            high = math.nextafter(high, math.inf)
        variable = Variable.floating("a", low, high, log=log)
        assert len(set(variable.options)) == variable.n_options <= 21
        assert [variable.index(o) for o in variable.options] == list(range(variable.n_options))


def test_a_value_is_drawn_from_each_cell_of_nearly_all_floats() -> None:
    rng = np.random.default_rng(0)
    for variable in (
        Variable.floating("a", -5e307, 5e307),
        Variable.floating("a", 1e-300, 1e300, log=True),
    ):
        for i in range(variable.n_options):
            assert variable.index(variable.refine(i, rng)) == i


@pytest.mark.parametrize(
    ("options", "value", "index"),
    [
        ([3, 5], 5.0, 1),
        ([3.0, 5.0], 5, 1),
        ([0.5, NAN], NAN, 1),
        ([0.5, NAN], np.float32("nan"), 1),
        ([False, True], True, 1),
        ([False, True], np.True_, 1),
        (["a", None], None, 1),
        ([3, 5], np.int64(5), 1),
        (["3", 3], 3, 1),
        ([[1, 2], [3]], [3], 1),
    ],
)
def test_index_of_a_categorical_option(options: list[Any], value: Any, index: int) -> None:
    assert Variable.categorical("a", options).index(value) == index


@pytest.mark.parametrize(
    ("options", "value"),
    [([0, 1], True), ([False, True], 1), (["1"], 1), ([1], "1"), ([1], None), ([1.0], NAN)],
)
def test_a_value_that_is_no_option(options: list[Any], value: Any) -> None:
    with pytest.raises(SpaceMismatchError, match="is not an option"):
        Variable.categorical("a", options).index(value)


@pytest.mark.parametrize("value", [NAN, math.inf, -0.01, 1.01, "0.5", None, True, 1j])
def test_a_value_outside_a_range(value: Any) -> None:
    with pytest.raises(SpaceMismatchError, match="a="):
        Variable.floating("a", 0.0, 1.0).index(value)


def test_rounding_at_the_ends_of_a_range_is_forgiven_and_zero_is_not_a_rounding_of_1e_12() -> None:
    variable = Variable.floating("a", 1e-12, 0.1, log=True)
    assert variable.index(0.1 * (1 + 1e-12)) == variable.n_options - 1
    assert variable.index(1e-12 * (1 - 1e-12)) == 0
    for value in (0.0, -1e-13):
        with pytest.raises(SpaceMismatchError, match="outside"):
            variable.index(value)
    with pytest.raises(SpaceMismatchError, match="outside"):
        Variable.integer("a", 0, 10**12).index(10**12 + 1)


@pytest.mark.parametrize(
    "options", [[], [1, True], [0, False], [1, 1.0], ["a", "a"], [NAN, float("nan")], [[1], [1]]]
)
def test_options_must_be_different(options: list[Any]) -> None:
    with pytest.raises(ValueError, match="'a'"):
        Variable.categorical("a", options)


@pytest.mark.parametrize(
    "settings",
    [
        {"low": 2, "high": 1},
        {"low": 0, "high": math.inf},
        {"low": NAN, "high": 1},
        {"low": 0, "high": 1, "step": 0},
        {"low": 0, "high": 1, "step": -0.5},
        {"low": 0, "high": 1, "log": True},
        {"low": 1, "high": 8, "log": True, "step": 2},
        {"low": -1.7e308, "high": 1.7e308},
        {"low": 0.0, "high": 1e300, "step": 1e-300},
    ],
)
def test_a_float_range_that_is_none(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="'a'"):
        Variable.floating("a", **settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"low": 2, "high": 1},
        {"low": 0, "high": 10**400},
        {"low": 0, "high": 1, "step": 0},
        {"low": 0, "high": 8, "log": True},
        {"low": 1, "high": 8, "log": True, "step": 2},
    ],
)
def test_an_integer_range_that_is_none(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="'a'"):
        Variable.integer("a", **settings)


def test_an_integer_range_is_of_whole_numbers() -> None:
    with pytest.raises(TypeError, match=r"Use Variable\.floating"):
        Variable.integer("a", 0.5, 3)  # type: ignore[arg-type]
    options = Variable.integer("a", np.int64(1), np.int64(3)).options
    assert [type(option) for option in options] == [int, int, int]


def test_variables_compare_and_hash_by_value() -> None:
    conditions = [Condition("b", (1,))]
    one = Variable.integer("a", 0, 10, conditions=conditions)
    assert one == Variable.integer("a", 0, 10, conditions=conditions)
    assert len({one, Variable.integer("a", 0, 10), Variable.integer("a", 0, 10)}) == 2
    one.index(3)  # fills a cache
    assert one == Variable.integer("a", 0, 10, conditions=conditions)


def test_variables_whose_options_are_lists_compare_and_hash_by_value() -> None:
    lists: list[Any] = [[1, 2], [3], {"a": 1}]
    one, same, other = (
        Variable.categorical("a", options, [Condition("b", (options[0],))])
        for options in (lists, [[1, 2], [3], {"a": 1}], [(1, 2), [3], {"a": 1}])
    )
    assert one == same != other
    assert len({one, same, other}) == 2


def test_one_value_where_options_belong_is_explained() -> None:
    for options in (4, "deep", b"deep"):
        with pytest.raises(TypeError, match=r"condition on 'd' takes a list.*such as \["):
            Condition("d", options)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match=r"'k' takes a list.*such as \["):
            Variable.categorical("k", options)  # type: ignore[arg-type]
    assert Condition("d", [4]) == Condition("d", (4,))


def test_an_option_that_optuna_cannot_compare() -> None:
    with pytest.raises(ValueError, match="'a' has an option beyond the floats"):
        Variable.categorical("a", [1, 10**400, 2])


def test_a_set_has_no_order_that_lasts() -> None:
    for options in ({"x", "y"}, frozenset({"x"})):
        with pytest.raises(TypeError, match=r"'k' has a set.*give a list"):
            Variable.categorical("k", options)  # type: ignore[arg-type]


@pytest.mark.parametrize("bounds", [(0, 10**30), (-(2**63) - 1, 0), (0, 2**63)])
def test_an_integer_that_no_plan_can_hold(bounds: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"'a'.*64 bits"):
        Variable.integer("a", *bounds)
    assert Variable.integer("a", -(2**63), 2**63 - 1).options[-1] == 2**63 - 1


@given(numbers())
@settings(max_examples=50)
def test_every_point_of_a_grid_is_an_option(variable: Variable) -> None:
    assert [variable.option_index(o) for o in variable.options[:50]] == list(
        range(min(variable.n_options, 50))
    )


def test_a_number_between_two_points_of_a_grid_is_no_option() -> None:
    assert Variable.floating("x", 0, 1, step=0.1).option_index(0.1 * 3) == 3
    for variable, value in [
        (Variable.integer("n", 0, 10_000), 7),
        (Variable.integer("n", 0, 2**60), 1),
        (Variable.integer("n", 2, 8, step=2), 3),
        (Variable.floating("n", 0, 1), 0.3),
        (Variable.floating("n", 1e-12, 0.1, log=True), 1.001e-12),
    ]:
        with pytest.raises(SpaceMismatchError, match=f"n={value} is no point of the grid"):
            variable.option_index(value)
