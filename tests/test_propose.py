import random
import sys
import warnings
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymoo.algorithms.moo.nsga2 import NSGA2 as PymooNSGA2
from sklearn.cross_decomposition import PLSRegression
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from optuna_linas.evolution import NSGA2, InnerAlgorithm, VectorizedNSGA2
from optuna_linas.history import History
from optuna_linas.linas import MIN_EXAMPLES, Settings, make_proposal, propose
from optuna_linas.linas.batch import BatchChooser
from optuna_linas.linas.bounded import bounded
from optuna_linas.linas.fitting import FittedPredictors
from optuna_linas.predictors import Predictor
from optuna_linas.space import SearchSpace
from optuna_linas.variable import Condition, Variable

SPACE = SearchSpace.from_choices(
    {"depth": [1, 2, 3], **{f"k{i}": [3, 5, 7] for i in range(6)}},
    {f"k{i}": {"depth": [2, 3] if i < 4 else [3]} for i in range(2, 6)},
)
MIXED = SearchSpace(
    [
        Variable.integer("n", 1, 2000, log=True),
        Variable.floating("x", 0.0, 1.0, conditions=[Condition("c", ("a", None))]),
        Variable.categorical("c", ["a", None, True]),
        Variable.categorical("one", [0]),
    ]
)


def quick(**changes: Any) -> Settings:
    return Settings(**({"n_inner_evaluations": 600, "predictors": ("ridge",)} | changes))


def measure(space: SearchSpace, codes: np.ndarray, m: int) -> np.ndarray:
    """Linear functions of the features, which pull in different directions."""
    features = space.features(codes)
    weights = np.random.default_rng(5).normal(size=(features.shape[1], m))
    return features @ weights


def history_of(
    space: SearchSpace,
    n: int,
    m: int = 2,
    *,
    seed: int = 0,
    codes: np.ndarray | None = None,
    constraints: np.ndarray | None = None,
    losses: np.ndarray | None = None,
) -> History:
    if codes is None:
        codes = space.canonical(space.sample(n, np.random.default_rng(seed)))
    return History(
        codes,
        measure(space, codes, m) if losses is None else losses,
        np.zeros((len(codes), 0)) if constraints is None else constraints,
        np.arange(len(codes)),
    )


def keys(archs: np.ndarray) -> set[bytes]:
    return {row.tobytes() for row in archs}


def history_of_sizes(space: SearchSpace, n: int) -> History:
    """What is larger costs more and errs less."""
    codes = space.canonical(space.sample(n, np.random.default_rng(0)))
    slopes = np.random.default_rng(5).random((len(space), 2)) * [1.0, -1.0]
    return history_of(space, n, codes=codes, losses=codes @ slopes)


class PreparedPredictor:
    """Predicts what a function of the features says."""

    def __init__(self, predict: Any) -> None:
        self.predict = predict

    def fit(self, X: np.ndarray, y: np.ndarray) -> None:
        """Return nothing, unlike scikit-learn's."""


def check(space: SearchSpace, history: History, found: np.ndarray, taken: np.ndarray) -> None:
    assert found.dtype == np.int64
    assert (space.canonical(found) == found).all()
    assert len(keys(found)) == len(found)
    assert not keys(found) & (keys(history.codes) | keys(taken))


@pytest.mark.parametrize("m", [1, 2, 3])
@pytest.mark.parametrize("space", [SPACE, MIXED])
@pytest.mark.parametrize("algorithm", [NSGA2(20), VectorizedNSGA2(20)])
def test_proposals_are_new_different_and_canonical(
    space: SearchSpace, m: int, algorithm: InnerAlgorithm
) -> None:
    history = history_of(space, 30, m)
    rng = np.random.default_rng(3)
    taken = space.canonical(space.sample(50, rng))
    found = propose(space, history, 10, rng, settings=quick(algorithm=algorithm), taken=taken)
    assert found.shape == (10, len(space))
    check(space, history, found, taken)


@given(
    st.integers(0, 9),
    st.integers(0, 12),
    st.integers(0, 12),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=40)
def test_a_small_space_is_proposed_to_the_last(
    n_measured: int, n_taken: int, n: int, masked: bool, seeded: bool, whole_archive: bool
) -> None:
    space = SearchSpace.from_choices(
        {"depth": [1, 2, 3], "a": [0, 1], "b": [0, 1, 2]},
        {"a": {"depth": [2, 3]}, "b": {"depth": [3]}},
    )
    rng = np.random.default_rng(n_measured)
    everything = rng.permutation(np.unique(space.canonical(space.sample(400, rng)), axis=0))
    assert len(everything) == 9
    history = history_of(space, 0, codes=everything[:n_measured])
    taken = everything[: min(n_taken, 9)]
    found = propose(
        space,
        history,
        n,
        rng,
        settings=quick(
            n_inner_evaluations=50, masked=masked, seeded=seeded, whole_archive=whole_archive
        ),
        taken=taken,
    )
    assert len(found) == min(n, 9 - max(n_measured, len(taken)))
    check(space, history, found, taken)


def test_proposals_lie_on_the_front_of_the_truth() -> None:
    history = history_of(SPACE, 60)
    found = propose(SPACE, history, 10, np.random.default_rng(0), settings=quick())
    everything = np.unique(SPACE.canonical(SPACE.sample(30_000, np.random.default_rng(1))), axis=0)
    truth = measure(SPACE, everything, 2)
    for losses in measure(SPACE, found, 2):
        n_better = ((truth <= losses).all(axis=1) & (truth < losses).any(axis=1)).sum()
        assert n_better < 0.03 * len(everything)


def test_the_best_of_one_objective_is_proposed_first() -> None:
    history = history_of(SPACE, 80, 1)
    found = propose(SPACE, history, 5, np.random.default_rng(0), settings=quick())
    everything = np.unique(SPACE.canonical(SPACE.sample(30_000, np.random.default_rng(1))), axis=0)
    new = np.array([row for row in everything if row.tobytes() not in keys(history.codes)])
    losses = measure(SPACE, found, 1)[:, 0]
    assert losses[0] == pytest.approx(measure(SPACE, new, 1).min())
    assert losses.tolist() == sorted(losses.tolist())


@pytest.mark.parametrize("n_examples", [0, 1, MIN_EXAMPLES - 1])
def test_without_enough_examples_proposals_are_random(n_examples: int) -> None:
    def refuse(X: np.ndarray) -> np.ndarray:
        raise AssertionError("Nothing is to be predicted.")

    history = history_of(SPACE, n_examples)
    rng = np.random.default_rng(0)
    found = propose(
        SPACE, history, 300, rng, settings=quick(predictors=(PreparedPredictor(refuse),))
    )
    check(SPACE, history, found, history.codes[:0])
    assert len(found) == 300
    shares = np.bincount(found[:, 1], minlength=3) / 300
    assert abs(shares - 1 / 3).max() < 0.12
    enough = history_of(SPACE, MIN_EXAMPLES)
    with pytest.raises(ValueError, match="Nothing is to be predicted"):
        propose(SPACE, enough, 1, rng, settings=quick(predictors=(PreparedPredictor(refuse),)))


@pytest.mark.parametrize("unit", [1.0, 1e6])
def test_a_constraint_that_forbids_half_the_space_is_respected(unit: float) -> None:
    # The better half of the space is forbidden: depth 3, and half of depth 2.
    def excess(codes: np.ndarray) -> np.ndarray:
        return (codes.sum(axis=1) - 4.5)[:, None] * unit

    rng = np.random.default_rng(0)
    codes = SPACE.canonical(SPACE.sample(60, rng))
    assert 0.3 < (excess(codes) > 0).mean() < 0.8
    losses = -codes.sum(axis=1, dtype=float)[:, None]
    history = History(codes, losses, excess(codes), np.arange(60))
    found = propose(SPACE, history, 20, rng, settings=quick())
    assert (excess(found) <= 0).mean() >= 0.9
    assert found.sum(axis=1).mean() > 3
    free = History(codes, losses, np.zeros((60, 0)), np.arange(60))
    unguarded = propose(SPACE, free, 20, rng, settings=quick())
    assert (excess(unguarded) > 0).all()


def test_two_constraints_count_alike_whatever_their_units() -> None:
    # No row satisfies both; nanoseconds must not drown gigabytes, so both are half violated.
    space = SearchSpace([Variable.integer("a", 0, 100), Variable.integer("b", 0, 1)])
    codes = space.sample(60, np.random.default_rng(0))
    first = codes[:, 0] - 20.0
    second = 1e-6 * (80.0 - codes[:, 0]) ** 2
    history = History(
        codes, codes[:, :1].astype(float), np.stack([first, second], axis=1), np.arange(60)
    )
    found = propose(space, history, 5, np.random.default_rng(0), settings=quick())
    assert 25 < found[:, 0].mean() < 75


@pytest.mark.parametrize(
    "column",
    [
        [float("nan")] * 20,
        [float("nan")] * 17 + [1.0] * 3,
        [float("inf")] * 10 + [-1.0] * 10,
        [1.0] * 20,
        [-1.0] * 20,
        [1.7e308, -1.7e308] * 10,
    ],
)
def test_constraints_that_tell_little(column: list[float]) -> None:
    history = history_of(SPACE, 20, constraints=np.array(column)[:, None])
    found = propose(SPACE, history, 5, np.random.default_rng(0), settings=quick())
    assert len(found) == 5
    check(SPACE, history, found, history.codes[:0])


@pytest.mark.parametrize("penalty", [1e10, 1e300, float("inf")])
def test_a_constraint_may_be_told_as_a_penalty(penalty: float) -> None:
    codes = SPACE.canonical(SPACE.sample(60, np.random.default_rng(0)))
    is_too_deep = codes[:, 0] == 2
    losses = -codes.sum(axis=1, dtype=float)[:, None]

    def found(bad: float) -> np.ndarray:
        constraints = np.where(is_too_deep, bad, -1.0)[:, None]
        history = History(codes, losses, constraints, np.arange(60))
        return propose(SPACE, history, 20, np.random.default_rng(0), settings=quick())

    assert found(penalty).tolist() == found(1.0).tolist()
    assert (found(penalty)[:, 0] < 2).mean() > 0.5


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([-1.0, -3.0, 0.0, 2e3], [-1.0, -3.0, 0.0, 2e3]),  # what is tight has small values
        ([-1.0, -3.0, 0.0, 4e3, 4e3], [-1.0, -3.0, 0.0, 3.0, 3.0]),
        ([-1.0, -3.0, 4e3, 5e3], [-1.0, -3.0, 4e3, 5e3]),  # not one number
        ([-1.0, 4e6, 5e6], [-1.0, 1.0, 1.0]),
        ([-1.0, 5.0, np.inf, -np.inf, -1e300], [-1.0, 5.0, 5.0, -5.0, -5.0]),
        ([0.0, 1.0, 2.0, 1e300], [0.0, 1.0, 2.0, 2.0]),  # no value below 0 says what is usual
        ([0.0, np.inf], [0.0, 1.0]),
        ([-np.inf, 1e300], [-1.0, 1.0]),
    ],
)
def test_values_of_a_constraint_are_moved_only_beyond_a_gap(
    values: list[float], expected: list[float]
) -> None:
    assert bounded(np.array(values)).tolist() == expected


@pytest.mark.parametrize("predictor", ["ridge", "gp"])
@pytest.mark.parametrize("penalty", [1e9, 1.7976931348623157e308])
def test_penalties_are_losses_like_others(penalty: float, predictor: str) -> None:
    plain = history_of(SPACE, 40)
    losses = plain.losses.copy()
    losses[3], losses[5] = penalty, -penalty
    history = History(plain.codes, losses, plain.constraints, plain.numbers)
    found = propose(
        SPACE, history, 5, np.random.default_rng(0), settings=quick(predictors=(predictor,))
    )
    assert len(found) == 5
    check(SPACE, history, found, history.codes[:0])


def test_rows_count_as_known_in_any_form() -> None:
    space = SearchSpace.from_choices({"a": [0, 1], "b": [0, 1, 2]}, {"b": {"a": [1]}})
    codes = np.array(
        [[0, 2], [0, 1], [1, 0], [1, 1]], dtype=np.int32
    )  # neither canonical nor 64 bit
    history = History(codes, codes.astype(float), np.zeros((4, 0)), np.arange(4))  # type: ignore[arg-type]
    rng = np.random.default_rng(0)
    assert propose(space, history, 9, rng, settings=quick()).tolist() == [[1, 2]]
    taken = np.array([[1, 2]], dtype=np.int32)
    assert propose(space, history, 9, rng, settings=quick(), taken=taken).tolist() == []  # type: ignore[arg-type]


def test_a_space_without_variables() -> None:
    space = SearchSpace([])
    rng = np.random.default_rng(0)
    for n, expected in ((0, 1), (5, 0)):
        history = History(
            np.zeros((n, 0), dtype=np.int64), np.ones((n, 1)), np.zeros((n, 0)), np.arange(n)
        )
        assert propose(space, history, 3, rng).shape == (expected, 0)


@pytest.mark.parametrize("n", [0, 1])
def test_so_many_and_no_more(n: int) -> None:
    found = propose(SPACE, history_of(SPACE, 20), n, np.random.default_rng(0), settings=quick())
    assert found.shape == (n, 7)


@pytest.mark.parametrize(
    "predictors",
    [
        ("ridge", "svr_rbf"),
        ("auto",),
        ("stacked",),
        (LinearRegression(),),
        (PLSRegression(n_components=1, scale=False),),
        (RandomForestRegressor(n_estimators=3), "ridge"),
    ],
)
def test_a_proposal_repeats_with_its_rng_and_leaves_global_generators_alone(
    predictors: Sequence[str | Predictor],
) -> None:
    history = history_of(SPACE, 30)
    before = random.getstate(), repr(np.random.get_state())  # noqa: NPY002  # is what is tested
    found = [
        propose(
            SPACE, history, 8, np.random.default_rng(s), settings=quick(predictors=predictors)
        ).tolist()
        for s in (0, 0)
    ]
    assert before == (random.getstate(), repr(np.random.get_state()))  # noqa: NPY002
    assert found[0] == found[1]


def test_another_rng_searches_elsewhere() -> None:
    space = SearchSpace.from_choices({f"v{i}": [0, 1, 2] for i in range(40)})
    history = history_of(space, 30)
    found = [
        propose(space, history, 8, np.random.default_rng(s), settings=quick()).tolist()
        for s in (0, 1)
    ]
    assert found[0] != found[1]


def test_a_predictor_that_knows_nothing_is_not_believed() -> None:
    # Where depth is 3 it predicts NaN, infinity or the best of all: minus infinity.
    for unknown in (np.nan, np.inf, -np.inf):

        def predict(X: np.ndarray, unknown: float = unknown) -> np.ndarray:
            return np.where(X[:, 2] == 1, unknown, X[:, 3])[:, None]

        history = history_of(SPACE, 30)
        found = propose(
            SPACE,
            history,
            10,
            np.random.default_rng(0),
            settings=quick(predictors=(PreparedPredictor(predict),)),
        )
        assert len(found) == 10
        assert (found[:, 0] < 2).all()


@pytest.mark.parametrize("unknown", [np.nan, np.inf])
def test_a_predictor_that_predicts_nothing_is_warned_of_once(unknown: float) -> None:
    class Diverged(PreparedPredictor):
        """Of its own for each test, as each is warned of but once."""

    Diverged.__name__ = f"Gives{unknown}"
    settings = quick(predictors=("ridge", Diverged(lambda X: np.full(len(X), unknown))))
    history, rng = history_of(SPACE, 20), np.random.default_rng(0)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for _ in range(2):
            assert len(propose(SPACE, history, 5, rng, settings=settings)) == 5
    (message,) = [str(each.message) for each in said if issubclass(each.category, UserWarning)]
    assert f"The predictor Gives{unknown} of objective 1 predicts no finite number" in message


@pytest.mark.parametrize("n_examples", [0, 20])
def test_the_wrong_number_of_predictors(n_examples: int) -> None:
    history, rng = history_of(SPACE, n_examples, 3), np.random.default_rng(0)
    for wrong in (("ridge", "ridge"), ("ridge",) * 4):
        with pytest.raises(ValueError, match=f"each of the 3; got {len(wrong)}"):
            propose(SPACE, history, 1, rng, settings=quick(predictors=wrong))


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"predictors": "ridge"}, TypeError, r"give \('ridge',\)"),
        ({"predictors": LinearRegression()}, TypeError, "predictors is a sequence"),
        ({"predictors": ()}, ValueError, "predictors is empty"),
        ({"predictors": ("lasso",)}, ValueError, "Unknown predictor 'lasso'"),
        ({"predictors": (None,)}, TypeError, "A predictor needs fit"),
        ({"algorithm": "nsga2"}, TypeError, "got 'nsga2'.*make_algorithm"),
        ({"algorithm": PymooNSGA2()}, TypeError, "make_algorithm"),
        ({"algorithm": NSGA2}, TypeError, "such as Exhaustive"),
        ({"n_inner_evaluations": -5}, ValueError, "n_inner_evaluations must be at least 1, got -5"),
        ({"n_inner_evaluations": 1e4}, TypeError, "n_inner_evaluations is a whole number"),
        ({"n_training": 0}, ValueError, "n_training must be at least 4, got 0"),
        ({"n_training": -3}, ValueError, "n_training must be at least 4, got -3"),
        ({"optimism": float("nan")}, ValueError, "optimism must be in .* got nan"),
        ({"optimism": "much"}, TypeError, "optimism is a number, got 'much'"),
    ],
)
def test_settings_that_cannot_work_are_explained_before_anything_is_measured(
    changes: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        Settings(**changes)


def test_the_last_population_comes_first_when_only_it_counts() -> None:
    population = np.array([[2, 2, 2, 2, 2, 2, 2], [2, 0, 0, 0, 0, 0, 0]])

    def search(evaluate: Any, n_options: Any, *, rng: np.random.Generator, **_: Any) -> Any:
        from optuna_linas.evolution import Visited

        archs = np.concatenate([SPACE.sample(100, rng), population])
        return Visited(archs, *evaluate(archs), np.array([100, 101]))

    history = history_of(SPACE, 30)
    known = keys(history.codes)
    assert not known & keys(population)
    found = propose(
        SPACE,
        history,
        6,
        np.random.default_rng(0),
        settings=quick(algorithm=search, whole_archive=False),
    )
    assert keys(found[:2]) == keys(population)
    check(SPACE, history, found, history.codes[:0])
    assert len(found) == 6


def test_unmasked_features_and_random_starts_as_in_the_paper() -> None:
    calls: list[dict[str, Any]] = []
    widths: list[np.ndarray] = []

    def search(evaluate: Any, n_options: Any, **settings: Any) -> Any:
        calls.append(settings)
        return NSGA2(10)(evaluate, n_options, **settings)

    class Spy(LinearRegression):  # type: ignore[misc]
        def fit(self, X: np.ndarray, y: np.ndarray) -> Any:
            widths.append(X.sum(axis=1))
            return super().fit(X, y)

    history = history_of(SPACE, 30)
    for is_paper in (True, False):
        propose(
            SPACE,
            history,
            3,
            np.random.default_rng(0),
            settings=quick(
                algorithm=search, predictors=(Spy(),), masked=not is_paper, seeded=not is_paper
            ),
        )
    assert (widths[0] == 7).all()
    assert widths[2].tolist() == SPACE.active(history.codes).sum(axis=1).tolist()
    assert len(calls[0]["seeds"]) == 0
    assert keys(calls[1]["seeds"]) <= keys(history.codes)
    assert len(calls[1]["seeds"]) > 0


def test_the_search_starts_from_what_is_feasible_or_nearly_so() -> None:
    seeds: list[list[list[int]]] = []

    def search(evaluate: Any, n_options: Any, **settings: Any) -> Any:
        seeds.append(settings["seeds"].tolist())
        return VectorizedNSGA2(10)(evaluate, n_options, **settings)

    space = SearchSpace.from_choices({"a": list(range(6))})
    codes = np.arange(5)[:, None]
    losses = np.array([[0.0, 0.0], [1.0, 3.0], [3.0, 1.0], [2.0, 4.0], [9.0, 9.0]])
    for constraint in ([1.0, -1, 0, -1, -1], [3.0, 2, 1, 2, 1]):
        history = History(codes, losses, np.array(constraint)[:, None], np.arange(5))
        propose(space, history, 1, np.random.default_rng(0), settings=quick(algorithm=search))
    assert seeds == [[[1], [2]], [[2], [4]]]


@pytest.mark.parametrize(("options", "optimism"), [([1, 2, 3], 1.0), (["a", "b", "c"], 0.5)])
def test_a_search_is_less_optimistic_where_options_have_no_order(
    options: list[object], optimism: float
) -> None:
    space = SearchSpace.from_choices({f"x_{i}": options for i in range(12)})  # type: ignore[arg-type]
    history = history_of_sizes(space, 40)
    gp = {"predictors": ("gp",)}  # which knows how sure it is
    default, stated = (
        propose(space, history, 6, np.random.default_rng(0), settings=quick(optimism=k, **gp))
        for k in (None, optimism)
    )
    assert default.tolist() == stated.tolist()
    other = quick(optimism=1.5 - optimism, **gp)
    assert propose(space, history, 6, np.random.default_rng(0), settings=other).tolist() != (
        stated.tolist()
    )


@pytest.mark.parametrize(("options", "varies"), [([1, 2, 3], False), (["a", "b", "c"], True)])
def test_a_small_space_without_order_is_looked_at_in_several_ways(
    monkeypatch: pytest.MonkeyPatch, options: list[object], varies: bool
) -> None:
    views: list[tuple[float, bool]] = []

    class Noted(FittedPredictors):
        def __init__(self, *args: Any, optimism: float, steps: bool, **more: Any) -> None:
            views.append((optimism, steps))
            super().__init__(*args, optimism=optimism, steps=steps, **more)

    monkeypatch.setattr(sys.modules[propose.__module__], "FittedPredictors", Noted)
    space = SearchSpace.from_choices({f"x_{i}": options for i in range(6)})  # type: ignore[arg-type]
    history = history_of_sizes(space, 30)
    for seed in range(30):
        propose(space, history, 2, np.random.default_rng(seed), settings=quick())
    if varies:
        assert set(views) == set(product((0.0, 0.5, 1.0, 2.0), (False, True)))
    else:
        assert set(views) == {(1.0, True)}
    views.clear()
    propose(space, history, 2, np.random.default_rng(0), settings=quick(optimism=0.3))
    assert views == [(0.3, True)]


def test_numbers_that_turn_out_to_be_names_are_searched_like_words() -> None:
    numbers, words = (
        SearchSpace.from_choices({f"x_{i}": options for i in range(8)})
        for options in ([1, 2, 3, 4], ["a", "b", "c", "d"])
    )
    worth = np.array([[3.0, 0.0], [0.0, 2.0], [2.0, 1.0], [1.0, 3.0]])
    codes = numbers.sample(48, np.random.default_rng(0))
    histories = [
        history_of(s, 48, codes=codes, losses=worth[codes].sum(axis=1)) for s in (numbers, words)
    ]
    found = [
        propose(space, history, 6, np.random.default_rng(0), settings=quick()).tolist()
        for space, history in zip((numbers, words), histories, strict=True)
    ]
    assert found[0] == found[1]


@pytest.mark.parametrize("n_objectives", [1, 2])
@pytest.mark.parametrize("n_failed", [2, 16])
def test_a_penalty_is_no_worse_for_being_huge(n_objectives: int, n_failed: int) -> None:
    # Predictions were rounded in units of it, and all others became the same.
    space = SearchSpace.from_choices({f"op_{i}": ["a", "b", "c"] for i in range(12)})
    plain = history_of(space, 40)
    losses = plain.losses[:, :n_objectives].copy()

    def proposed(penalty: float) -> list[list[int]]:
        told = losses.copy()
        told[3 : 3 + n_failed, 0] = penalty
        history = History(plain.codes, told, plain.constraints, plain.numbers)
        settings = quick(predictors=("gp",))
        return propose(space, history, 6, np.random.default_rng(0), settings=settings).tolist()

    far = 1e6 * np.abs(losses[:, 0]).max()
    assert proposed(far) == proposed(1e10) == proposed(sys.float_info.max)


def test_nothing_is_fitted_where_every_network_is_seen() -> None:
    class Unwilling:
        def fit(self, X: np.ndarray, y: np.ndarray) -> None:
            raise AssertionError("there is nothing to predict")

        def predict(self, X: np.ndarray) -> np.ndarray:
            raise AssertionError("there is nothing to predict")

    depth = Variable.categorical("depth", [1, 2])
    width = Variable.categorical("width", [8, 16, 32], [Condition("depth", (2,))])
    space = SearchSpace([depth, width])  # four networks of six rows
    every = np.array([[0, 0], [1, 0], [1, 1], [1, 2]])
    unwilling = Settings(predictors=(Unwilling(),))
    rng = np.random.default_rng(0)
    codes = np.concatenate([every[:3], every[:3]])
    history = History(codes, np.zeros((6, 2)), np.zeros((6, 0)), np.arange(6))
    proposed = propose(space, history, 2, rng, settings=unwilling, pending=every[3:])
    assert proposed.shape == (0, 2)
    with pytest.raises(ValueError, match="nothing to predict"):
        propose(space, history, 2, rng, settings=unwilling)


@pytest.mark.parametrize(("n_training", "reaches"), [(None, False), (100, True)])
def test_one_shot_foretells_what_lies_far_from_its_random_examples(
    n_training: int | None, reaches: bool
) -> None:
    rng = np.random.default_rng(0)
    space = SearchSpace.from_choices({f"size_{i}": [1, 2, 3] for i in range(20)})
    worth = rng.permuted(np.tile([0.0, 1.0, 2.0], (2, 20, 1)), axis=2)
    codes = space.sample(100, rng)
    losses = worth[:, np.arange(20), codes].sum(axis=2).T
    history = History(codes, losses, constraints=np.zeros((100, 0)), numbers=np.arange(100))
    proposal = make_proposal(
        space, history, 10, rng, settings=Settings(predictors=("gp",), n_training=n_training)
    )
    assert proposal.predicted is not None
    # The least is 0, the least of the examples about 12.
    assert (proposal.predicted.min() < 0.4 * losses.min()) == reaches


@pytest.mark.parametrize(("options", "ordered"), [([1, 2, 3], True), (["a", "b", "c"], False)])
def test_a_batch_is_told_whether_options_have_an_order(
    monkeypatch: pytest.MonkeyPatch, options: list[object], ordered: bool
) -> None:
    told: list[bool] = []

    class Noted(BatchChooser):
        def __init__(self, *args: Any, ordered: bool, **more: Any) -> None:
            told.append(ordered)
            super().__init__(*args, ordered=ordered, **more)

    monkeypatch.setattr(sys.modules[propose.__module__], "BatchChooser", Noted)
    space = SearchSpace.from_choices({f"x_{i}": options for i in range(6)})  # type: ignore[arg-type]
    propose(space, history_of_sizes(space, 30), 2, np.random.default_rng(0), settings=quick())
    assert told == [ordered]


@pytest.mark.parametrize("model", [KNeighborsRegressor(n_neighbors=40), KNeighborsClassifier()])
def test_a_predictor_that_cannot_be_used_is_named(model: Any) -> None:
    space = SearchSpace.from_choices({f"x_{i}": [1, 2, 3] for i in range(6)})
    with pytest.raises(ValueError, match=f"{type(model).__name__}.* of objective 1 .*30 examples"):
        propose(
            space,
            history_of(space, 30),
            2,
            np.random.default_rng(0),
            settings=quick(predictors=("ridge", model)),
        )
