import copy
import itertools
import math
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optuna_linas.errors import SpaceMismatchError
from optuna_linas.one_hot import N_KNOTS
from optuna_linas.space import SearchSpace
from optuna_linas.variable import Condition, Option, Variable

DEPTH = SearchSpace.from_choices(
    {"depth": [1, 2, 3], "kernel_1": [3, 5], "kernel_2": [3, 5, 7]},
    conditions={"kernel_1": {"depth": [2, 3]}, "kernel_2": {"depth": [3]}},
)
# Child first; grandchild needs both its parents, one of which is conditional itself.
CHAIN = SearchSpace.from_choices(
    {"c": ["x", "y"], "b": [False, True], "a": [1, 2, 3], "always": [None]},
    conditions={"c": {"b": [True], "a": [2]}, "b": {"a": [2, 3]}},
)

OPTIONS: list[list[Option]] = [[0], [3, 5], [None, "a", 0.5], [False, True], ["1", 1, 2, 3]]


@st.composite
def spaces(draw: st.DrawFn, *, with_numbers: bool = True, max_variables: int = 6) -> SearchSpace:
    """Spaces with chains and conjunctions of conditions, in any order of declaration."""
    variables: list[Variable] = []
    for i in range(draw(st.integers(0, max_variables))):
        parents = draw(st.lists(st.sampled_from(variables), max_size=3)) if variables else []
        conditions = [
            Condition(
                parent.name,
                tuple(draw(st.lists(st.sampled_from(parent.options), min_size=1, max_size=3))),
            )
            for parent in parents
        ]
        kind = draw(st.sampled_from(["categorical", "int", "log", "float", "step"]))
        if kind == "categorical" or not with_numbers:
            options = draw(st.sampled_from(OPTIONS))
            variables.append(Variable.categorical(f"v{i}", options, conditions))
        elif kind == "int":
            high = draw(st.sampled_from([1, 4, 12, 5000]))
            variables.append(Variable.integer(f"v{i}", 1, high, conditions=conditions))
        elif kind == "log":
            high = draw(st.sampled_from([1, 20, 9000]))
            variables.append(Variable.integer(f"v{i}", 1, high, log=True, conditions=conditions))
        elif kind == "float":
            log = draw(st.booleans())
            variables.append(Variable.floating(f"v{i}", 1e-4, 1, log=log, conditions=conditions))
        else:
            step = draw(st.sampled_from([0.1, 0.3, 0.0001]))
            variables.append(Variable.floating(f"v{i}", 0, 1, step=step, conditions=conditions))
    return SearchSpace(draw(st.permutations(variables)))


def rows_of(space: SearchSpace, seed: int, n: int = 20) -> np.ndarray:
    return space.sample(n, np.random.default_rng(seed))


def exists(space: SearchSpace, row: np.ndarray, name: str) -> bool:
    """The definition of activity, one variable at a time."""
    return all(
        exists(space, row, condition.parent)
        and row[space.names.index(condition.parent)]
        in [space[condition.parent].index(option) for option in condition.options]
        for condition in space[name].conditions
    )


def all_rows(space: SearchSpace) -> np.ndarray:
    rows = list(itertools.product(*(range(n) for n in space.n_options)))
    return np.array(rows, dtype=np.int64).reshape(len(rows), len(space))


def test_active() -> None:
    assert DEPTH.active([[0, 1, 2], [1, 0, 0], [2, 1, 1]]).tolist() == [
        [True, False, False],
        [True, True, False],
        [True, True, True],
    ]


def test_a_variable_of_an_inactive_parent_is_inactive() -> None:
    # b = True allows c, but with a = 1 there is no b.
    rows = [[1, 1, 0, 0], [1, 1, 1, 0], [1, 0, 1, 0], [1, 1, 2, 0]]
    assert CHAIN.active(rows).tolist() == [
        [False, False, True, True],
        [True, True, True, True],
        [False, True, True, True],
        [False, True, True, True],
    ]


def test_canonical() -> None:
    rows = np.array([[0, 1, 2], [1, 1, 2], [2, 1, 2]])
    assert DEPTH.canonical(rows).tolist() == [[0, 0, 0], [1, 1, 0], [2, 1, 2]]
    assert rows.tolist() == [[0, 1, 2], [1, 1, 2], [2, 1, 2]]


def test_canonical_rows_are_never_the_caller_s() -> None:
    space = SearchSpace.from_choices({"a": [1, 2]})
    rows = np.array([[1]])
    space.canonical(rows)[0, 0] = 0
    assert rows.tolist() == [[1]]


def test_encode() -> None:
    assert DEPTH.encode({"depth": 1, "kernel_1": 5}).tolist() == [0, 0, 0]
    assert DEPTH.encode({"depth": 2, "kernel_1": 5, "other": "?"}).tolist() == [1, 1, 0]
    assert CHAIN.encode({"a": 2, "b": True, "c": "y", "always": None}).tolist() == [1, 1, 1, 0]


def test_decode() -> None:
    assert DEPTH.decode([0, 1, 2]) == {"depth": 1}
    assert DEPTH.decode(np.array([2, 1, 2])) == {"depth": 3, "kernel_1": 5, "kernel_2": 7}
    assert CHAIN.decode([1, 1, 1, 0]) == {"c": "y", "b": True, "a": 2, "always": None}


def test_features_are_one_hot_and_zero_where_inactive() -> None:
    rows = [[0, 1, 2], [1, 1, 0], [2, 0, 2]]
    assert DEPTH.features(rows).tolist() == [
        [1, 0, 0, 0, 0, 0, 0, 0],
        [0, 1, 0, 0, 1, 0, 0, 0],
        [0, 0, 1, 1, 0, 0, 0, 1],
    ]
    assert DEPTH.features(rows[:1], masked=False).tolist() == [[1, 0, 0, 0, 1, 0, 0, 1]]


def test_features_of_a_long_range_are_shared_between_two_knots() -> None:
    space = SearchSpace([Variable.integer("n", 0, 16)])
    assert space.features([[0], [3], [16]]).tolist() == [
        [1, 0, 0, 0, 0, 0, 0, 0, 0],
        [0, 0.5, 0.5, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0, 1],
    ]
    short = SearchSpace([Variable.integer("n", 1, N_KNOTS)])
    assert short.features(all_rows(short)).tolist() == np.eye(N_KNOTS).tolist()


def test_knots_of_a_log_range_are_at_equal_ratios() -> None:
    space = SearchSpace([Variable.integer("n", 1, 256, log=True)])
    at_knots = [space.encode({"n": 2**k}) for k in range(9)]
    np.testing.assert_allclose(space.features(at_knots), np.eye(9), atol=1e-12)


@pytest.mark.parametrize(
    "variable",
    [
        Variable.integer("n", 2**60, 2**60 + 100),
        Variable.floating("x", 1e300, 1e300 * (1 + 1e-14), log=True),
        Variable.floating("x", 1.0, 1.0 + 1e-14),
        Variable.floating("x", 1e-300, 1e300, log=True),
    ],
)
def test_features_of_extreme_ranges_are_numbers(variable: Variable) -> None:
    space = SearchSpace([variable])
    features = space.features(all_rows(space))
    np.testing.assert_allclose(features.sum(axis=1), 1.0)
    assert len(np.unique(features, axis=0)) == variable.n_options


@given(spaces(), st.integers(0, 2**32))
def test_active_is_what_the_conditions_say(space: SearchSpace, seed: int) -> None:
    rows = rows_of(space, seed)
    expected = [[exists(space, row, name) for name in space.names] for row in rows]
    assert space.active(rows).tolist() == expected


@given(spaces(), st.integers(0, 2**32))
def test_encode_undoes_decode(space: SearchSpace, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for row in rows_of(space, seed):
        canonical = space.canonical(row[None])[0]
        params = space.decode(row)
        assert list(params) == list(np.array(space.names)[space.active([row])[0]])
        assert space.encode(params).tolist() == canonical.tolist()
        # A number drawn from its cell still means the same architecture.
        assert space.encode(space.decode(row, rng)).tolist() == canonical.tolist()
        assert space.decode(canonical) == params


@given(spaces(with_numbers=False), st.integers(0, 2**32))
def test_rows_have_one_canonical_form_exactly_when_they_decode_alike(
    space: SearchSpace, seed: int
) -> None:
    rows = rows_of(space, seed, n=30)
    canonical = space.canonical(rows)
    assert space.canonical(canonical).tolist() == canonical.tolist()
    assert space.active(canonical).tolist() == space.active(rows).tolist()
    decoded = [repr(space.decode(row)) for row in rows]
    for i, j in itertools.combinations(range(len(rows)), 2):
        assert (canonical[i] == canonical[j]).all() == (decoded[i] == decoded[j])


@given(spaces(), st.integers(0, 2**32))
def test_features_of_a_variable_sum_to_one_where_it_is_active(
    space: SearchSpace, seed: int
) -> None:
    rows = rows_of(space, seed)
    widths = [
        N_KNOTS if v.is_number and v.n_options > N_KNOTS else v.n_options for v in space.variables
    ]
    ends = np.cumsum(widths, dtype=int)
    features, plain = space.features(rows), space.features(rows, masked=False)
    assert features.shape == plain.shape == (len(rows), sum(widths))
    assert features.min(initial=0.0) >= 0.0
    for j, (end, width) in enumerate(zip(ends, widths, strict=True)):
        columns = slice(end - width, end)
        np.testing.assert_allclose(plain[:, columns].sum(axis=1), 1.0)
        np.testing.assert_allclose(features[:, columns].sum(axis=1), space.active(rows)[:, j])
    assert (space.features(space.canonical(rows)) == features).all()


@given(spaces(with_numbers=False, max_variables=7))
def test_sizes_count_rows_and_networks(space: SearchSpace) -> None:
    rows = all_rows(space)
    networks = {
        tuple(
            i if exists(space, row, name) else 0 for i, name in zip(row, space.names, strict=True)
        )
        for row in rows[:3000]
    }
    assert space.size() == len(rows)
    if len(rows) <= 3000:
        assert space.size(effective=True) == len(networks)
    else:
        assert len(networks) <= space.size(effective=True) <= len(rows)


def mobilenet_v3() -> SearchSpace:
    choices: dict[str, list[Option]] = {f"depth_{u}": [2, 3, 4] for u in range(5)}
    choices |= {f"kernel_{i}": [3, 5, 7] for i in range(20)}
    choices |= {f"expand_{i}": [3, 4, 6] for i in range(20)}
    conditions = {
        f"{kind}_{i}": {f"depth_{i // 4}": [d for d in (2, 3, 4) if i % 4 < d]}
        for kind in ("kernel", "expand")
        for i in range(20)
        if i % 4 >= 2
    }
    return SearchSpace.from_choices(choices, conditions)


def resnet50() -> SearchSpace:
    base = [2, 2, 4, 2]
    blocks = [(s, j) for s in range(4) for j in range(base[s] + 2)]
    choices: dict[str, list[Option]] = {f"depth_{s}": [0, 1, 2] for s in range(5)}
    choices |= {f"expand_{s}_{j}": [0.2, 0.25, 0.35] for s, j in blocks}
    choices |= {f"width_{i}": [0.65, 0.8, 1.0] for i in range(6)}
    conditions = {
        f"expand_{s}_{j}": {f"depth_{s + 1}": [d for d in (0, 1, 2) if j < base[s] + d]}
        for s, j in blocks
    }
    return SearchSpace.from_choices(choices, conditions)


def transformer() -> SearchSpace:
    choices: dict[str, list[Option]] = {"enc_emb": [512, 640], "dec_emb": [512, 640]}
    conditions = {}
    choices |= {f"enc_ffn_{i}": [1024, 2048, 3072] for i in range(6)}
    choices |= {f"enc_heads_{i}": [4, 8] for i in range(6)}
    choices["dec_layers"] = [1, 2, 3, 4, 5, 6]
    kinds = {"ffn": [1024, 2048, 3072], "heads": [4, 8], "cross": [4, 8], "attention": [1, 2, 3]}
    for kind, options in kinds.items():
        choices |= {f"dec_{kind}_{i}": list(options) for i in range(6)}
        conditions |= {
            f"dec_{kind}_{i}": {"dec_layers": [n for n in range(1, 7) if n > i]} for i in range(6)
        }
    return SearchSpace.from_choices(choices, conditions)


def ncf() -> SearchSpace:
    choices: dict[str, list[Option]] = {
        name: [8, 16, 32, 64, 128] for name in ("gmf", "user", "item")
    }
    choices["layers"] = [1, 2, 3, 4, 5, 6]
    choices |= {f"hidden_{i}": [2**k for k in range(3, 11)] for i in range(6)}
    conditions = {f"hidden_{i}": {"layers": [n for n in range(1, 7) if n > i]} for i in range(6)}
    return SearchSpace.from_choices(choices, conditions)


@pytest.mark.parametrize(
    ("space", "n_variables", "raw", "effective", "rounded"),
    [
        (mobilenet_v3(), 45, 3**45, (9**2 + 9**3 + 9**4) ** 5, "2.2e+19"),
        (resnet50(), 29, 3**29, 3**7 * 117**3 * 1053, "3.7e+12"),
        (
            transformer(),
            39,
            4 * 6**6 * 6 * 36**6,
            4 * 6**6 * sum(36**n for n in range(1, 7)),
            "4.2e+14",
        ),
        (ncf(), 10, 5**3 * 6 * 8**6, 125 * sum(8**n for n in range(1, 7)), "3.7e+07"),
    ],
)
def test_sizes_of_the_published_spaces(
    space: SearchSpace, n_variables: int, raw: int, effective: int, rounded: str
) -> None:
    assert len(space) == n_variables
    assert space.size() == raw
    assert space.size(effective=True) == effective
    assert f"{effective:.1e}" == rounded


def test_sizes_beyond_64_bits_with_several_parents() -> None:
    choices: dict[str, list[Option]] = {"a": [0, 1], "b": [0, 1]}
    leaves: dict[str, list[Option]] = {f"c{i}": [0, 1, 2] for i in range(45)}
    space = SearchSpace.from_choices(choices | leaves, {c: {"a": [1], "b": [1]} for c in leaves})
    assert space.size(effective=True) == 3 + 3**45


def test_the_effective_size_of_long_chains() -> None:
    n = 1500
    one_parent = {f"v{i}": {f"v{i - 1}": [1]} for i in range(1, n)}
    choices: dict[str, list[Option]] = {f"v{i}": [0, 1] for i in range(n)}
    assert SearchSpace.from_choices(choices, one_parent).size(effective=True) == n + 1
    two_parents = {
        f"v{i}": {f"v{i - 2}": [1], f"v{i - 1}": [1]} if i > 1 else {"v0": [1]}
        for i in range(1, 200)
    }
    choices = {f"v{i}": [0, 1] for i in range(200)}
    assert SearchSpace.from_choices(choices, two_parents).size(effective=True) == 201


def test_the_effective_size_of_many_linked_parents() -> None:
    n = 40
    choices: dict[str, list[Option]] = {f"p{i}": [0, 1] for i in range(n)}
    choices |= {f"c{i}": [0, 1, 2] for i in range(n - 1)}
    space = SearchSpace.from_choices(
        choices, {f"c{i}": {f"p{i}": [1], f"p{i + 1}": [1]} for i in range(n - 1)}
    )
    without, with_one = 1, 1  # networks so far in which the last parent is 0 or 1
    for _ in range(n - 1):
        without, with_one = without + with_one, without + 3 * with_one
    assert space.size(effective=True) == without + with_one


def test_an_effective_size_that_cannot_be_counted() -> None:
    choices: dict[str, list[Option]] = {f"p{i}": [0, 1] for i in range(22)} | {"child": [0, 1]}
    conditions = {"child": {f"p{i}": [1] for i in range(22)}}
    # One child tells the parents apart; with many children, all combinations matter.
    for i in range(22):
        choices[f"child_{i}"] = [0, 1]
        conditions[f"child_{i}"] = {f"p{i}": [1], f"p{(i + 11) % 22}": [1]}
    space = SearchSpace.from_choices(choices, conditions)
    with pytest.raises(ValueError, match="more than 65536 combinations"):
        space.size(effective=True)
    assert space.size() == 2**45


def test_a_space_without_variables() -> None:
    space = SearchSpace([])
    rng = np.random.default_rng(0)
    assert (len(space), space.size(), space.size(effective=True)) == (0, 1, 1)
    assert space.decode([]) == {}
    assert space.encode({"x": 1}).shape == (0,)
    rows = space.sample(3, rng)
    assert rows.shape == (3, 0)
    for result in (space.canonical(rows), space.active(rows), space.features(rows)):
        assert result.shape == (3, 0)


def test_no_rows() -> None:
    rows = np.zeros((0, 3), dtype=np.int64)
    assert DEPTH.active(rows).shape == DEPTH.canonical(rows).shape == (0, 3)
    assert DEPTH.features(rows).shape == (0, 8)


def test_sample_is_uniform_over_the_options_and_repeats_with_its_rng() -> None:
    rows = DEPTH.sample(6000, np.random.default_rng(1))
    assert (rows == DEPTH.sample(6000, np.random.default_rng(1))).all()
    for j, n in enumerate(DEPTH.n_options):
        shares = np.bincount(rows[:, j], minlength=int(n)) / len(rows)
        np.testing.assert_allclose(shares, 1 / n, atol=0.03)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[0, 0]], r"shape \(n, 3\), got \(1, 2\)"),
        ([0, 0, 0], r"got \(3,\)"),
        ([[0, 2, 0]], "Row 0 has index 2 for 'kernel_1', which has 2 options"),
        ([[0, 0, 0], [0, 0, -1]], "Row 1 has index -1 for 'kernel_2'"),
        ([[0.0, 0.0, 0.0]], "integers, got float64"),
        ([[True, False, False]], "integers, got bool"),
    ],
)
def test_rows_that_are_no_architectures(rows: Any, message: str) -> None:
    for function in (DEPTH.active, DEPTH.canonical, DEPTH.features):
        with pytest.raises(SpaceMismatchError, match=message):
            function(rows)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "lack 'depth'"),
        ({"depth": 2}, "lack 'kernel_1'.*given were.*depth"),
        ({"depth": 4}, "depth=4 is not an option"),
        ({"depth": True}, "depth=True is not an option"),
    ],
)
def test_params_that_are_no_architecture(params: dict[str, Any], message: str) -> None:
    with pytest.raises(SpaceMismatchError, match=message):
        DEPTH.encode(params)


def test_spaces_that_contradict_themselves() -> None:
    a = Variable.categorical("a", [1, 2])
    with pytest.raises(ValueError, match="Two variables are named 'a'"):
        SearchSpace([a, a])
    with pytest.raises(ValueError, match="'b' depends on 'z', which is not in the space"):
        SearchSpace([a, Variable.categorical("b", [1], [Condition("z", (1,))])])
    with pytest.raises(ValueError, match="a=3 is not an option"):
        SearchSpace([a, Variable.categorical("b", [1], [Condition("a", (3,))])])
    with pytest.raises(ValueError, match=r"'a', 'b'.*run in a circle"):
        SearchSpace.from_choices({"a": [1], "b": [1]}, {"a": {"b": [1]}, "b": {"a": [1]}})
    with pytest.raises(ValueError, match=r"'a'.*run in a circle"):
        SearchSpace.from_choices({"a": [1]}, {"a": {"a": [1]}})
    with pytest.raises(ValueError, match=r"'z'.*not among the choices"):
        SearchSpace.from_choices({"a": [1]}, {"z": {"a": [1]}})


def test_two_conditions_on_one_parent_must_both_hold() -> None:
    a = Variable.categorical("a", [1, 2, 3])
    b = Variable.categorical("b", [1, 2], [Condition("a", (1, 2)), Condition("a", (2, 3))])
    space = SearchSpace([a, b])
    assert space.active([[0, 0], [1, 0], [2, 0]])[:, 1].tolist() == [False, True, False]
    assert space.size(effective=True) == 4


def test_a_condition_on_a_number_is_about_its_grid() -> None:
    units = Variable.integer("units", 8, 32, step=8)
    child = Variable.categorical("c", [1, 2], [Condition("units", (16, 32))])
    space = SearchSpace([units, child])
    assert space.active([[i, 0] for i in range(4)])[:, 1].tolist() == [False, True, False, True]


def test_lookup_equality_and_copies() -> None:
    assert "depth" in DEPTH
    assert "width" not in DEPTH
    assert DEPTH["depth"].options == DEPTH.choices[0] == (1, 2, 3)
    with pytest.raises(KeyError):
        DEPTH["width"]
    DEPTH.features([[0, 0, 0]])  # fills the caches
    for twin in (copy.deepcopy(DEPTH), pickle.loads(pickle.dumps(DEPTH))):
        assert twin == DEPTH
        assert hash(twin) == hash(DEPTH)
        assert twin.features([[2, 1, 1]]).tolist() == DEPTH.features([[2, 1, 1]]).tolist()
    assert SearchSpace(DEPTH.variables[::-1]) != DEPTH
    assert repr(DEPTH) == "SearchSpace(3 variables, 2 of them conditional)"


def test_size_of_a_range_is_that_of_its_grid() -> None:
    space = SearchSpace([Variable.integer("n", 1, 10), Variable.floating("x", 0, 1)])
    assert space.size() == space.size(effective=True) == math.prod(space.n_options)


def test_a_condition_on_a_number_between_two_points_of_its_grid_is_refused() -> None:
    def space(n: int) -> SearchSpace:
        parent = Variable.integer("n", 0, 10_000)
        return SearchSpace([parent, Variable.categorical("k", [3, 5], [Condition("n", (n,))])])

    assert space(9).encode({"n": 9, "k": 5}).tolist() == [1, 1]
    with pytest.raises(ValueError, match=r"n=7 is no point of the grid.*the nearest is 9"):
        space(7)


@pytest.mark.parametrize("options", [3, "xy", {"x", "y"}])
def test_choices_that_are_no_list_are_explained(options: Any) -> None:
    with pytest.raises(TypeError, match=r"'k'.* list"):
        SearchSpace.from_choices({"k": options})


@pytest.mark.parametrize("allowed", [2, "2"])
def test_a_condition_that_is_no_list_is_explained(allowed: Any) -> None:
    with pytest.raises(TypeError, match="A condition on 'depth' takes a list"):
        SearchSpace.from_choices({"depth": [1, 2], "k": [3]}, {"k": {"depth": allowed}})
