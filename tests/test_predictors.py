import random
import threading
import warnings
from typing import Any

import numpy as np
import pytest
from scipy.stats import kendalltau
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Lasso, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from optuna_linas.predictors import (
    PREDICTORS,
    kendall_tau,
    make_predictor,
    mape_percent,
    published,
    ridge,
)
from optuna_linas.predictors.scaling import Scaled
from optuna_linas.space import SearchSpace
from optuna_linas.variable import Variable

SPACE = SearchSpace(
    [Variable.categorical(f"v{i}", [0, 1, 2]) for i in range(6)] + [Variable.integer("n", 1, 100)]
)


def examples(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features of random rows, and a linear function of them."""
    rng = np.random.default_rng(seed)
    features = SPACE.features(SPACE.sample(n, rng))
    return features, features @ np.random.default_rng(99).normal(size=features.shape[1])


TREES = ("extra_trees", "gradient_boosting", "random_forest")


@pytest.fixture(params=sorted(PREDICTORS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Constant:
    """Not of scikit-learn: fit returns nothing, and it has no parameters."""

    def __init__(self) -> None:
        self.fits: list[int] = []

    def fit(self, X: np.ndarray, y: np.ndarray) -> None:
        self.fits.append(len(y))

    def predict(self, X: np.ndarray) -> np.ndarray:
        return np.full(len(X), float(len(self.fits)))


class Unknowing(Constant):
    def predict(self, X: np.ndarray) -> np.ndarray:
        return np.full(len(X), np.nan)


def test_it_ranks_architectures_it_has_not_seen(name: str) -> None:
    X, y = examples(100)
    unseen_X, unseen_y = examples(200, seed=1)
    predicted = make_predictor(name).fit(X, y).predict(unseen_X)
    assert predicted.shape == (200,)
    # The truth here is linear, which trees can only approach in steps.
    assert kendalltau(unseen_y, predicted).statistic > (0.6 if name in TREES else 0.8)


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_units_do_not_matter(name: str, factor: float) -> None:
    X, y = examples(40)
    plain = make_predictor(name).fit(X, y).predict(X)
    scaled = make_predictor(name).fit(X, factor * y + 5 * factor).predict(X)
    # Trees break ties between splits by the last digits.
    close = 0.02 if name in TREES else 1e-3
    np.testing.assert_allclose(scaled, factor * plain + 5 * factor, rtol=close, atol=close * factor)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 9, 10, 21])
def test_any_number_of_examples_will_do(name: str, n: int) -> None:
    X, y = examples(n)
    predicted = make_predictor(name).fit(X, y).predict(examples(30)[0])
    assert predicted.shape == (30,)
    assert np.isfinite(predicted).all()
    assert np.abs(predicted).max() < 10 * np.abs(examples(100)[1]).max()


@pytest.mark.parametrize("n", [3, 30])
@pytest.mark.parametrize("constant", [0.0, 5.0, -1e12, 1e-200])
def test_a_constant_target_is_predicted_as_it_is(name: str, n: int, constant: float) -> None:
    X, _ = examples(n)
    predicted = make_predictor(name).fit(X, np.full(n, constant)).predict(X)
    np.testing.assert_allclose(predicted, constant, rtol=1e-9)


@pytest.mark.parametrize("n_columns", [0, 4])
def test_features_that_never_vary_predict_the_mean(name: str, n_columns: int) -> None:
    X = np.ones((12, n_columns))
    predicted = make_predictor(name).fit(X, np.arange(12.0)).predict(X[:3] + 1)
    assert predicted.tolist() == [5.5] * 3


def test_one_outlying_target_among_constants(name: str) -> None:
    # Most folds of a cross-validation see a constant.
    X, _ = examples(25)
    y = np.zeros(25)
    y[7] = 1.0
    assert np.isfinite(make_predictor(name).fit(X, y).predict(X)).all()


def test_a_predictor_repeats_and_leaves_its_input_and_global_generators_alone(name: str) -> None:
    X, y = examples(30)
    copies = X.copy(), y.copy()
    before = random.getstate(), repr(np.random.get_state())  # noqa: NPY002  # is what is tested
    first = make_predictor(name).fit(X, y).predict(X)
    assert before == (random.getstate(), repr(np.random.get_state()))  # noqa: NPY002
    assert (first == make_predictor(name).fit(X, y).predict(X)).all()
    assert (copies[0] == X).all()
    assert (y == copies[1]).all()


def test_a_second_fit_forgets_the_first(name: str) -> None:
    X, y = examples(30)
    predictor = make_predictor(name)
    predictor.fit(X, np.zeros(30))
    predictor.fit(X, y)
    assert (predictor.predict(X) == make_predictor(name).fit(X, y).predict(X)).all()


def test_a_fit_that_does_not_converge_says_nothing_and_changes_no_filters(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name in TREES:
        pytest.skip("nothing iterates; joblib, which fits forests, touches the filters itself")
    monkeypatch.setattr(published, "_MAX_ITERATIONS", 3)
    X, y = examples(30)
    make_predictor(name).fit(X, y)  # imports, some of which do change filters
    filters = list(warnings.filters)
    make_predictor(name).fit(X, y)
    # By itself: scikit-learn sets filters for a moment, and threads then see each other's.
    assert warnings.filters == filters
    failures: list[BaseException] = []

    def fit() -> None:
        try:
            make_predictor(name).fit(X, y)
        except BaseException as error:  # a warning is an error here
            failures.append(error)

    threads = [threading.Thread(target=fit) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_ridge_on_three_rows() -> None:
    X = np.eye(3)[[0, 1, 2, 0, 1, 2]]
    predicted = ridge().fit(X, np.array([1.0, 2, 3, 1, 2, 3])).predict(np.eye(3))
    np.testing.assert_allclose(predicted, [1, 2, 3], atol=0.02)


@pytest.mark.parametrize(
    ("measured", "predicted", "tau"),
    [
        ([1.0, 2.0, 3.0], [10.0, 20.0, 30.0], 1.0),
        ([1.0, 2.0, 3.0], [3.0, 2.0, 1.0], -1.0),
        ([1.0, 2.0, 3.0], [10.0, 30.0, 20.0], 1 / 3),
        ([1.0, 1.0, 1.0], [1.0, 2.0, 3.0], 0.0),
        ([1.0, 2.0, 3.0], [5.0, 5.0, 5.0], 0.0),
    ],
)
def test_kendall_tau(measured: list[float], predicted: list[float], tau: float) -> None:
    assert kendall_tau(np.array(measured), np.array(predicted)) == pytest.approx(tau)


@pytest.mark.parametrize(
    ("measured", "predicted", "percent"),
    [
        ([10.0, 20.0], [11.0, 18.0], 10.0),
        ([-10.0, 20.0], [-5.0, 20.0], 25.0),
        ([0.0, 4.0], [3.0, 5.0], 25.0),
    ],
)
def test_mape(measured: list[float], predicted: list[float], percent: float) -> None:
    assert mape_percent(np.array(measured), np.array(predicted)) == pytest.approx(percent)


def test_nothing_is_a_percentage_of_zero() -> None:
    assert np.isnan(mape_percent(np.zeros(2), np.ones(2)))


def test_scaled_shows_the_predictor_what_varies_at_unit_spread() -> None:
    seen: list[tuple[np.ndarray, np.ndarray]] = []

    class Spy(Constant):
        def fit(self, X: np.ndarray, y: np.ndarray) -> None:
            seen.append((X, y))

        def predict(self, X: np.ndarray) -> np.ndarray:
            return X[:, 0]

    X = np.array([[7.0, 0.0], [7.0, 1.0], [7.0, 2.0], [7.0, 1.0]])
    scaled = Scaled(Spy()).fit(X, np.array([10.0, 20.0, 30.0, 20.0]))
    assert seen[0][0].tolist() == [[0.0], [1.0], [2.0], [1.0]]
    assert seen[0][1].mean() == pytest.approx(0)
    assert seen[0][1].std() == pytest.approx(1)
    assert scaled.predict(X[:2]).tolist() == pytest.approx([20.0, 20.0 + 50**0.5])


def test_a_user_s_regressor_is_copied() -> None:
    X, y = examples(20)
    given = Lasso(alpha=0.1)
    made = make_predictor(given)
    made.fit(X, y)
    assert isinstance(made, Lasso)
    assert made.alpha == 0.1
    assert not hasattr(given, "coef_")
    fitted = Ridge().fit(X, y)
    assert not hasattr(make_predictor(fitted), "coef_")
    other = Constant()
    make_predictor(other).fit(X, y)
    assert other.fits == []


def test_a_user_s_regressor_draws_its_seed_from_the_search() -> None:
    forest = make_pipeline(StandardScaler(), RandomForestRegressor(n_estimators=3))
    X, y = examples(20)
    before = repr(np.random.get_state())  # noqa: NPY002  # is what is tested
    predictions = [
        make_predictor(forest, np.random.default_rng(seed)).fit(X, y).predict(X).tolist()
        for seed in (0, 0, 1)
    ]
    assert repr(np.random.get_state()) == before  # noqa: NPY002
    assert predictions[0] == predictions[1] != predictions[2]
    assert forest.get_params()["randomforestregressor__random_state"] is None
    seeded = RandomForestRegressor(random_state=7)
    made: Any = make_predictor(seeded, np.random.default_rng(0))
    assert made.random_state == 7


def test_what_is_no_predictor() -> None:
    with pytest.raises(ValueError, match=r"Unknown predictor 'tree'.*'ridge'"):
        make_predictor("tree")
    for wrong in (3, None, Ridge, Constant, object(), StandardScaler()):
        with pytest.raises(TypeError, match="Pass an object, not its class"):
            make_predictor(wrong)  # type: ignore[arg-type]
