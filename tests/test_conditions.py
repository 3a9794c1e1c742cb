from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optuna_linas.conditions import learn_conditions
from optuna_linas.space import SearchSpace
from optuna_linas.variable import Condition, Variable


def learn(
    space: SearchSpace, n: int, seed: int = 0, *, garbage: int = 0
) -> dict[tuple[str, str], list[object]]:
    """Learn the conditions of `space` from `n` rows: (child, parent) to the allowed options."""
    codes = space.sample(n, np.random.default_rng(seed))
    present = space.active(codes)
    found = learn_conditions(
        present,
        np.where(present, codes, garbage),
        space.n_options,
        np.array([v.is_number for v in space.variables]),
    )
    return {
        (space.names[c.child], space.names[c.parent]): [
            o for o, ok in zip(space.variables[c.parent].options, c.allowed, strict=True) if ok
        ]
        for c in found
    }


def present_where(
    space: SearchSpace, rules: dict[str, Callable[[dict[str, object]], bool]], n: int = 300
) -> tuple[np.ndarray, np.ndarray]:
    codes = space.sample(n, np.random.default_rng(0))
    present = np.ones(codes.shape, dtype=bool)
    for name, rule in rules.items():
        present[:, space.names.index(name)] = [rule(space.decode(row)) for row in codes]
    return present, codes


def n_found(space: SearchSpace, present: np.ndarray, codes: np.ndarray) -> int:
    is_number = np.array([v.is_number for v in space.variables])
    return len(learn_conditions(present, codes, space.n_options, is_number))


def test_one_parent() -> None:
    space = SearchSpace.from_choices(
        {"k": [3, 5], "other": ["x", "y", "z"], "depth": [1, 2, 3]}, {"k": {"depth": [2, 3]}}
    )
    assert learn(space, 60) == {("k", "depth"): [2, 3]}


def test_a_chain() -> None:
    space = SearchSpace.from_choices(
        {"a": [1, 2, 3], "b": [1, 2], "c": [1, 2], "d": [1, 2]},
        {"b": {"a": [2, 3]}, "c": {"b": [2]}, "d": {"c": [1]}},
    )
    assert learn(space, 300) == {
        ("b", "a"): [2, 3],
        ("c", "b"): [2],
        ("d", "c"): [1],
    }


def test_a_conjunction() -> None:
    space = SearchSpace.from_choices(
        {"a": [1, 2, 3], "b": ["x", "y"], "c": [0, 1], "other": [0, 1]},
        {"c": {"a": [1, 3], "b": ["y"]}},
    )
    assert learn(space, 300) == {("c", "a"): [1, 3], ("c", "b"): ["y"]}


def test_three_parents_are_found_and_four_are_too_many() -> None:
    for n, expected in ((3, 3), (4, 0)):
        space = SearchSpace.from_choices(
            {**{f"p{i}": [0, 1] for i in range(n)}, "c": [0, 1]},
            {"c": {f"p{i}": [1] for i in range(n)}},
        )
        assert len(learn(space, 400)) == expected


def test_siblings_do_not_explain_one_another() -> None:
    siblings = [f"k{i}" for i in range(4)]
    space = SearchSpace.from_choices(
        {**{name: [3, 5] for name in siblings}, "depth": [1, 2]},
        {name: {"depth": [2]} for name in siblings},
    )
    assert learn(space, 40) == {(name, "depth"): [2] for name in siblings}


@pytest.mark.parametrize("log", [False, True])
def test_a_number_s_threshold(log: bool) -> None:
    space = SearchSpace(
        [
            Variable.integer("n", 1, 300, log=log),
            Variable.categorical("k", [3, 5], [Condition("n", tuple(range(120, 301)))]),
        ]
    )
    found = learn(space, 400)[("k", "n")]
    # The options between the last absent and the first present row were never seen: allowed.
    assert found == list(range(found[0], 301))  # type: ignore[call-overload]
    assert 100 < found[0] <= 120  # type: ignore[operator]


def test_an_interval_in_the_middle_of_a_continuous_range() -> None:
    space = SearchSpace([Variable.floating("x", 0, 1), Variable.categorical("k", [3, 5])])
    present, codes = present_where(space, {"k": lambda params: 0.25 <= params["x"] < 0.75})  # type: ignore[operator]
    (found,) = learn_conditions(present, codes, space.n_options, np.array([True, False]))
    edges = np.flatnonzero(np.diff(found.allowed.astype(int))) / 1024
    assert edges.tolist() == pytest.approx([0.25, 0.75], abs=0.03)
    assert found.allowed[codes[present[:, 1], 0]].all()
    assert not found.allowed[codes[~present[:, 1], 0]].any()


def test_a_threshold_and_an_option_together() -> None:
    space = SearchSpace(
        [
            Variable.categorical("k", [3, 5], [Condition("n", (3, 4, 5)), Condition("b", ("y",))]),
            Variable.integer("n", 1, 5),
            Variable.categorical("b", ["x", "y"]),
        ]
    )
    assert learn(space, 300) == {("k", "n"): [3, 4, 5], ("k", "b"): ["y"]}


@pytest.mark.parametrize(
    "rule",
    [
        lambda params: params["a"] == params["b"],
        lambda params: (params["a"] == 1) or (params["b"] == 1),
        lambda params: (params["a"] + params["b"] + params["c"]) % 2 == 0,
    ],
)
def test_what_no_conjunction_explains_has_no_condition(
    rule: Callable[[dict[str, object]], bool],
) -> None:
    space = SearchSpace.from_choices({**{name: [0, 1] for name in "abc"}, "k": [3, 5]})
    present, codes = present_where(space, {"k": rule})
    assert n_found(space, present, codes) == 0


def test_no_absences_or_no_presences_tell_nothing() -> None:
    space = SearchSpace.from_choices({"a": [0, 1], "k": [3, 5]})
    codes = space.sample(50, np.random.default_rng(0))
    for always in (True, False):
        present = np.ones(codes.shape, dtype=bool)
        present[:, 1] = always
        assert n_found(space, present, codes) == 0
    nothing = np.zeros((0, 2), dtype=np.int64)
    assert n_found(space, nothing.astype(bool), nothing) == 0


def test_options_never_seen_count_as_allowed() -> None:
    codes = np.array([[0, 0], [1, 0], [1, 1]])
    present = np.array([[True, False], [True, True], [True, True]])
    (found,) = learn_conditions(present, codes, np.array([4, 2]), np.zeros(2, dtype=bool))
    assert found.allowed.tolist() == [False, True, True, True]


@pytest.mark.parametrize("garbage", [-1, -99, 99])
def test_the_code_of_an_absent_variable_means_nothing(garbage: int) -> None:
    space = SearchSpace.from_choices(
        {"a": [1, 2], "b": [1, 2], "c": [1, 2]}, {"b": {"a": [2]}, "c": {"b": [2]}}
    )
    assert learn(space, 100, garbage=garbage) == {("b", "a"): [2], ("c", "b"): [2]}


@st.composite
def truths(draw: st.DrawFn) -> SearchSpace:
    """Categorical spaces in which variables depend on one or two earlier ones."""
    variables: list[Variable] = []
    for i in range(draw(st.integers(2, 6))):
        options = list(range(draw(st.integers(2, 4))))
        parents: Sequence[Variable] = []
        if i:
            parents = draw(
                st.lists(st.sampled_from(variables), max_size=2, unique_by=lambda v: v.name)
            )
        conditions = [
            Condition(p.name, tuple(draw(st.sets(st.sampled_from(p.options), min_size=1))))
            for p in parents
        ]
        variables.append(Variable.categorical(f"v{i}", options, conditions))
    return SearchSpace(draw(st.permutations(variables)))


@given(truths(), st.integers(1, 80), st.integers(0, 2**32))
@settings(max_examples=150)
def test_learned_conditions_agree_with_every_row_and_never_run_in_a_circle(
    truth: SearchSpace, n: int, seed: int
) -> None:
    codes = truth.sample(n, np.random.default_rng(seed))
    present = truth.active(codes)
    is_number = np.zeros(len(truth), dtype=bool)
    found = learn_conditions(present, codes, truth.n_options, is_number)
    learned = SearchSpace(  # raises where conditions run in a circle
        [
            Variable.categorical(
                v.name,
                v.options,
                [
                    Condition(
                        truth.names[c.parent],
                        tuple(np.array(truth.choices[c.parent])[c.allowed].tolist()),
                    )
                    for c in found
                    if c.child == j
                ],
            )
            for j, v in enumerate(truth.variables)
        ]
    )
    active = learned.active(codes)
    children = {c.child for c in found}
    for j in children:
        assert (active[:, j] == present[:, j]).all()
    # A variable without a condition was always or never there, or could not be explained.
    assert active[present].all()
