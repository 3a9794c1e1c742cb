import tracemalloc
from typing import Any

import numpy as np
import pytest

from optuna_linas.predictors import StructuredGP, columns, kendall_tau, structured
from optuna_linas.predictors.evidence import kernel_weights
from optuna_linas.predictors.relevance import relevance
from optuna_linas.space import SearchSpace
from optuna_linas.variable import Condition, Variable

LAYERS = SearchSpace.from_choices(
    {"depth": [2, 3, 4], **{f"width_{i}": [8, 16, 32] for i in range(12)}},
    {"width_10": {"depth": [3, 4]}, "width_11": {"depth": [4]}},
)
WORDS = SearchSpace.from_choices({f"op{i}{'abcdef'[i]}": ["p", "q", "r", "s"] for i in range(6)})


def losses_of(space: SearchSpace, archs: np.ndarray) -> np.ndarray:
    """One cost that adds up and one error that saturates with it."""
    weights = np.random.default_rng(7).random((len(space), int(space.n_options.max())))
    cost = (weights[np.arange(len(space)), archs] * space.active(archs)).sum(axis=1)
    return np.column_stack([np.exp(-0.5 * cost), cost])


@pytest.mark.parametrize("space", [LAYERS, WORDS])
@pytest.mark.parametrize("n", [4, 60, 150])
def test_held_out_losses_are_ranked(space: SearchSpace, n: int) -> None:
    rng = np.random.default_rng(0)
    archs, other = (space.canonical(space.sample(k, rng)) for k in (n, 200))
    model = StructuredGP(space).fit(archs, losses_of(space, archs))
    predicted, truth = model.predict(other), losses_of(space, other)
    assert predicted.shape == (200, 2)
    for k in range(2):
        assert kendall_tau(truth[:, k], predicted[:, k]) > (0.75 if n >= 60 else 0.0)


def test_numbers_bend() -> None:
    space = SearchSpace([Variable.floating("x", -1, 1), Variable.floating("y", -1, 1)])
    archs = space.sample(60, np.random.default_rng(0))
    other = space.sample(100, np.random.default_rng(1))

    def bowl(rows: np.ndarray) -> np.ndarray:
        x, y = (rows / 1024 * 2 - 1).T
        return ((x - 0.3) ** 2 + (y + 0.4) ** 2)[:, None]

    model = StructuredGP(space).fit(archs, bowl(archs))
    assert np.abs(model.predict(other) - bowl(other)).max() < 0.1


def test_it_is_surer_where_it_has_been() -> None:
    archs = LAYERS.canonical(LAYERS.sample(40, np.random.default_rng(0)))
    other = LAYERS.canonical(LAYERS.sample(40, np.random.default_rng(1)))
    model = StructuredGP(LAYERS).fit(archs, losses_of(LAYERS, archs))
    (_, here), (_, there) = (model.predict_with_deviation(rows) for rows in (archs, other))
    assert here[:, 0].mean() < 0.5 * there[:, 0].mean()
    for rows, deviation in ((archs, here), (other, there)):
        diagonal = np.diag(model.covariance(rows, 1))
        assert deviation[:, 1] == pytest.approx(np.sqrt(np.maximum(diagonal, 0)), abs=1e-6)


def test_a_failed_network_does_not_drown_the_others() -> None:
    archs = LAYERS.canonical(LAYERS.sample(60, np.random.default_rng(0)))
    losses = losses_of(LAYERS, archs)
    losses[:3] = 1e9
    other = LAYERS.canonical(LAYERS.sample(100, np.random.default_rng(1)))
    predicted = StructuredGP(LAYERS).fit(archs, losses).predict(other)
    assert kendall_tau(losses_of(LAYERS, other)[:, 1], predicted[:, 1]) > 0.6


@pytest.mark.parametrize("value", [0.0, 5.0, -1e12])
def test_a_constant_is_predicted_as_it_is(value: float) -> None:
    archs = WORDS.sample(8, np.random.default_rng(0))
    predicted = StructuredGP(WORDS).fit(archs, np.full((8, 1), value)).predict(archs)
    assert predicted == pytest.approx(np.full((8, 1), value))


def test_a_huge_constant_beside_another_objective() -> None:
    space = SearchSpace.from_choices({"op_1": ["a"], "op_2": ["a"], "op_3": ["b", "c"]})
    archs = space.sample(30, np.random.default_rng(1))
    other = archs[:, 2] + 0.1 * np.random.default_rng(2).normal(size=30)
    predicted = StructuredGP(space).fit(archs, np.column_stack([np.full(30, 1e100), other]))
    assert predicted.predict(archs)[:, 0] == pytest.approx(np.full(30, 1e100))


def test_more_examples_than_are_used_are_fine() -> None:
    archs = LAYERS.canonical(LAYERS.sample(1_100, np.random.default_rng(0)))
    losses = losses_of(LAYERS, archs)
    predicted = StructuredGP(LAYERS).fit(archs, losses).predict(archs[:50])
    assert kendall_tau(losses[:50, 1], predicted[:, 1]) > 0.9


def test_the_gradient_leads_to_the_weights_that_made_the_data() -> None:
    rng = np.random.default_rng(0)
    x, z = rng.normal(size=(80, 1)), rng.normal(size=(80, 1))
    kernels = np.stack([x @ x.T, np.exp(-((z - z.T) ** 2))])
    y = np.sin(3 * z[:, 0])
    weights, noise, _ = kernel_weights(kernels, (y - y.mean()) / y.std())
    assert weights[1] > 10 * weights[0]
    assert noise < 0.1


def test_relevance_finds_the_group_that_matters() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 60))
    group = np.repeat(np.arange(20), 3)
    y = X[:, 12:15].sum(axis=1, keepdims=True)
    found = relevance(X - X.mean(axis=0), (y - y.mean()) / y.std(), group)
    assert int(np.argmax(found)) == 4


@pytest.mark.parametrize("seed", range(3))
def test_errors_on_unseen_networks_are_about_as_large_as_the_deviations(seed: int) -> None:
    # 40 effects from 40 examples, and losses that bend along their sum: what bends takes it for
    # certain, and with it errors were 5 to 17 deviations.
    rng = np.random.default_rng(seed)
    space = SearchSpace.from_choices({f"op_{i}": ["a", "b", "c"] for i in range(20)})
    archs = space.sample(240, rng)
    total = rng.normal(size=(20, 3))[np.arange(20), archs].sum(axis=1)
    losses = np.column_stack([np.exp(-total / 8), total])
    model = StructuredGP(space, holds_back=True).fit(archs[:40], losses[:40])
    mean, deviation = model.predict_with_deviation(archs[40:])
    errors = np.sqrt((((mean - losses[40:]) / deviation) ** 2).mean(axis=0))
    assert ((errors > 0.4) & (errors < 3.0)).all(), errors


@pytest.mark.parametrize("seed", range(3))
def test_what_is_explained_without_a_remainder_is_certain(seed: int) -> None:
    # Priors of weights and noise hold deviations up: they were a hundred times the errors.
    archs = LAYERS.canonical(LAYERS.sample(160, np.random.default_rng(seed)))
    size = (archs * LAYERS.active(archs)).sum(axis=1, keepdims=True).astype(float)
    model = StructuredGP(LAYERS).fit(archs[:60], size[:60])
    mean, deviation = model.predict_with_deviation(archs[60:], unseen=True)
    assert 0.3 < np.sqrt((((mean - size[60:]) / deviation) ** 2).mean()) < 3.0
    spread = np.sqrt(np.diag(model.covariance(archs[60:], 0)))
    assert (spread <= deviation[:, 0] * (1 + 1e-6)).all()


def test_networks_that_are_measured_twice_make_nothing_certain() -> None:
    # Foretold from its own twin an example is off by nothing: errors were 129 deviations.
    archs = LAYERS.canonical(LAYERS.sample(130, np.random.default_rng(0)))
    losses = losses_of(LAYERS, archs)
    model = StructuredGP(LAYERS).fit(np.tile(archs[:30], (2, 1)), np.tile(losses[:30], (2, 1)))
    mean, deviation = model.predict_with_deviation(archs[30:], unseen=True)
    assert (np.sqrt((((mean - losses[30:]) / deviation) ** 2).mean(axis=0)) < 4.0).all()


def test_what_no_example_shows_is_not_certain() -> None:
    rng = np.random.default_rng(0)
    space = SearchSpace.from_choices(
        {"op": ["p", "q", "r"], **{f"width_{i}": [8, 16, 32] for i in range(8)}}
    )
    archs = space.sample(60, rng)
    archs[:, 0] %= 2  # never "r"
    model = StructuredGP(space).fit(archs, archs.sum(axis=1, keepdims=True).astype(float))
    shown, new = archs.copy(), archs.copy()
    new[:, 0] = 2
    known = model.predict_with_deviation(shown)[1].max()
    assert model.predict_with_deviation(new)[1].min() > 20 * known
    assert np.diag(model.covariance(new, 0)).min() > 400 * np.diag(model.covariance(shown, 0)).max()


def test_of_examples_that_are_all_the_same_nothing_is_certain() -> None:
    archs = LAYERS.canonical(LAYERS.sample(60, np.random.default_rng(0)))
    model = StructuredGP(LAYERS).fit(archs[:40], np.zeros((40, 1)))
    assert (model.predict_with_deviation(archs[40:])[1] > 0.0).all()


@pytest.mark.parametrize("seed", range(3))
def test_few_examples_foretell_what_lies_beyond_all_of_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    space = SearchSpace.from_choices({f"kind_{i}": ["a", "b", "c"] for i in range(20)})
    worth = rng.permuted(np.tile([-1.0, 0.0, 1.0], (20, 1)), axis=1)
    archs = space.sample(50, rng)  # of 60 options
    losses = worth[np.arange(20), archs].sum(axis=1, keepdims=True)
    best = worth.argmin(axis=1)[None]  # -20, where the examples reach about -8
    model = StructuredGP(space).fit(archs, losses)
    assert model.predict(best)[0, 0] < losses.min() - 2.0


NUMBERS = SearchSpace(
    [
        Variable.floating("rate", 1e-3, 1.0, log=True),
        Variable.integer("units", 1, 40),
        Variable.categorical("kind", ["a", "b"]),
        Variable.integer("layers", 1, 4),
        Variable.floating("decay", 0.0, 1.0, conditions=[Condition("kind", ("b",))]),
    ]
)


@pytest.mark.parametrize("is_advised", [False, True])
@pytest.mark.parametrize("space", [LAYERS, WORDS, NUMBERS])
@pytest.mark.parametrize("n", [20, 170])
def test_one_product_says_what_the_kernels_do(space: SearchSpace, n: int, is_advised: bool) -> None:
    # Deviations come from a product with columns, covariances from the scaled blocks themselves.
    rng = np.random.default_rng(0)
    archs, other = (space.canonical(space.sample(k, rng)) for k in (n, 30))
    advice = (lambda rows: rows[:, :2] ** 2.0) if is_advised else None
    losses = losses_of(space, archs)
    model = StructuredGP(space, advice, holds_back=True).fit(archs, losses)
    mean, deviation = model.predict_with_deviation(other)
    assert mean == pytest.approx(model.predict(other), rel=1e-9)
    for k in range(2):
        diagonal = np.diag(model.covariance(other, k)) / losses[:, k].var()
        assert (deviation[:, k] / losses[:, k].std()) ** 2 == pytest.approx(diagonal, abs=1e-9)


BLOCKS = SearchSpace.from_choices(
    {f"block_{i}": ["conv", "depthwise", "attention", *(["skip"] if i else [])] for i in range(16)}
)


def words_cost(archs: np.ndarray, meaning: np.ndarray) -> np.ndarray:
    """A sum over blocks; `meaning` `int[d, 4]` says what each option of each block really is."""
    worth = np.array([1.0, 0.3, 2.0, 0.0])
    total: np.ndarray = worth[meaning[np.arange(len(meaning)), archs]].sum(axis=1, keepdims=True)
    return total


def test_what_a_word_is_worth_is_learned_from_all_blocks() -> None:
    rng = np.random.default_rng(0)
    archs, other = BLOCKS.sample(20, rng), BLOCKS.sample(200, rng)
    same = np.tile(np.arange(4), (16, 1))
    model = StructuredGP(BLOCKS).fit(archs, words_cost(archs, same))
    truth = words_cost(other, same)
    assert kendall_tau(truth[:, 0], model.predict(other)[:, 0]) > 0.9  # of 63 options, by 20


def test_words_that_mean_nothing_are_left_out() -> None:
    rng = np.random.default_rng(0)
    archs, other = BLOCKS.sample(40, rng), BLOCKS.sample(200, rng)
    meaning = np.stack([rng.permutation(4) for _ in range(16)])
    known_by_words = StructuredGP(BLOCKS).fit(archs, words_cost(archs, meaning))
    names = [f"block{'abcdefghijklmnop'[i]}" for i in range(16)]  # of nothing alike
    space = SearchSpace.from_choices(dict(zip(names, BLOCKS.choices, strict=True)))
    by_itself = StructuredGP(space).fit(archs, words_cost(archs, meaning))
    assert known_by_words.predict(other) == pytest.approx(by_itself.predict(other))


def test_options_that_are_lists_are_learned_like_words() -> None:
    lists: list[Any] = [[3], [3, 3], [5], [5, 5]]
    spaces = [
        SearchSpace.from_choices({f"op_{i}": options for i in range(3)})
        for options in (lists, ["a", "aa", "b", "bb"])
    ]
    archs, other = (spaces[0].sample(30, np.random.default_rng(seed)) for seed in (0, 1))
    losses = (archs**2).sum(axis=1, keepdims=True).astype(float)
    predicted = [StructuredGP(space).fit(archs, losses).predict(other) for space in spaces]
    assert np.array_equal(*predicted)


def test_one_hot_features_in_strips_are_as_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    space = SearchSpace(
        [
            Variable.integer("n", 0, 5_000),
            Variable.categorical("op_0", ["p", "q", "r"]),
            Variable.floating("x", -1, 1, conditions=[Condition("op_0", ("p", "q"))]),
            *(Variable.categorical(f"width_{i}", [8, 16, 32, 64]) for i in range(4)),
            Variable.categorical("op_1", ["p", "q", "r"]),
        ]
    )
    archs, other = (space.sample(60, np.random.default_rng(seed)) for seed in (0, 1))
    losses = np.column_stack([archs[:, 1:].sum(axis=1), archs[:, 0] / 100 * archs[:, 3]])

    def predictions() -> list[np.ndarray]:
        model = StructuredGP(space, lambda rows: rows[:, 3:5] ** 2.0).fit(archs, losses)
        return [model.predict(other), *model.predict_with_deviation(other)]

    whole = predictions()
    monkeypatch.setattr(columns, "_MAX_WHOLE", 10)
    for width in (1, 4, 11):
        monkeypatch.setattr(columns, "_WIDTH", width)
        for found, expected in zip(predictions(), whole, strict=True):
            assert found == pytest.approx(expected, rel=1e-6, abs=1e-6)
    monkeypatch.setattr(structured, "_MAX_CELLS", 100)  # a few rows at a time
    for found, expected in zip(predictions(), whole, strict=True):
        assert found == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_memory_grows_with_the_number_of_options_and_not_with_its_square() -> None:
    words = [f"word {i}" for i in range(4_000)]
    space = SearchSpace.from_choices({"op_0": words, "op_1": words[:3_000]})
    archs = space.sample(20, np.random.default_rng(0))
    losses = np.sin(archs / 50.0)
    tracemalloc.start()
    try:
        StructuredGP(space).fit(archs, losses).predict_with_deviation(archs)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # A matrix of all features with all takes 392 MB, and there were many.
    assert peak < 100e6


def test_networks_nearby_tell_what_no_sum_over_pairs_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as the parity of four operations; a sum needs no neighbours."""
    space = SearchSpace.from_choices({f"op{i}{'abcdef'[i]}": ["p", "q", "r"] for i in range(6)})
    archs = np.unique(space.sample(400, np.random.default_rng(0)), axis=0)
    other = space.sample(1_000, np.random.default_rng(1))

    def parity(rows: np.ndarray) -> np.ndarray:
        odd = (rows[:, :4] == 0).sum(axis=1, keepdims=True) % 2
        return odd + rows.sum(axis=1, keepdims=True) / 10

    def total(rows: np.ndarray) -> np.ndarray:
        return rows.sum(axis=1, keepdims=True).astype(float)

    predicted = [StructuredGP(space).fit(archs, f(archs)).predict(other) for f in (parity, total)]
    monkeypatch.setattr(structured, "soon_known", lambda _: False)
    without = [StructuredGP(space).fit(archs, f(archs)).predict(other) for f in (parity, total)]
    errors = [np.abs(each - parity(other)).mean() for each in (predicted[0], without[0])]
    assert errors[0] < 0.8 * errors[1]
    np.testing.assert_array_equal(predicted[1], without[1])
