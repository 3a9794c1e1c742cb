import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optuna_linas.predictors import StructuredGP, kendall_tau
from optuna_linas.predictors.warp import Warp, choose_warp
from optuna_linas.space import SearchSpace

SPACE = SearchSpace.from_choices({f"op{i}{'abcdef'[i]}": ["p", "q", "r", "s"] for i in range(6)})
POWERS = st.sampled_from([-1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0])


def sums(archs: np.ndarray) -> np.ndarray:
    weights = np.random.default_rng(7).normal(size=(6, 4))
    total: np.ndarray = weights[np.arange(6), archs].sum(axis=1)
    return total


@given(POWERS, st.floats(-5, 5), st.floats(1e-3, 1e3))
def test_there_and_back(power: float, center: float, unit: float) -> None:
    warp = Warp(power, center, unit)
    losses = center + unit * np.linspace(-3, 3, 13)
    bent = warp(losses)
    assert (np.diff(bent) > 0).all()
    assert warp.inverse(bent) == pytest.approx(losses, rel=1e-6, abs=1e-6 * unit)
    step = np.full(13, 0.3)
    assert warp.secant(bent, step) * 0.3 == pytest.approx(losses - warp.inverse(bent - 0.3))
    next_to_nothing = warp.secant(bent, np.zeros(13))
    assert (
        warp.secant(bent, step)
        <= np.maximum(next_to_nothing, warp.secant(bent - 0.3, step * 0)) * (1 + 1e-4)
    ).all()


def test_what_lies_far_beyond_the_examples_stays_finite() -> None:
    x = np.linspace(-1.0, 1.0, 40)[:, None]
    warp = choose_warp((x @ x.T)[None], np.exp(4 * x[:, 0]))
    assert warp.power < 1
    far = np.array([-1e9, 1e9])
    assert np.isfinite(warp.inverse(far)).all()
    assert np.isfinite(warp.secant(far, np.array([0.0, 1.0]))).all()


def test_a_sum_stays_as_it_is_and_its_power_is_found() -> None:
    archs = SPACE.sample(60, np.random.default_rng(0))
    features = SPACE.features(archs)
    kernels = (features @ features.T)[None]
    plain = sums(archs)
    assert choose_warp(kernels, plain).power == 1.0
    skewed = np.exp(plain)
    assert choose_warp(kernels, skewed).power < 1.0
    assert choose_warp(kernels, -skewed).power > 1.0


def test_the_unit_of_the_losses_does_not_matter() -> None:
    archs = SPACE.sample(60, np.random.default_rng(0))
    features = SPACE.features(archs)
    kernels, losses = (features @ features.T)[None], np.exp(sums(archs))
    powers = {choose_warp(kernels, 5 + unit * losses).power for unit in (1e-6, 1.0, 1e6)}
    assert len(powers) == 1


def test_constants_have_no_warp() -> None:
    assert choose_warp(np.eye(5)[None], np.full(5, 3.0)) == Warp()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_good_ones_among_many_poor_are_ranked(seed: int) -> None:
    """Most networks are far from the best, and those differ by little."""
    rng = np.random.default_rng(seed)
    archs, other = SPACE.sample(80, rng), SPACE.sample(500, rng)
    model = StructuredGP(SPACE, holds_back=False).fit(archs, np.exp(sums(archs))[:, None])
    truth = np.exp(sums(other))
    best = np.argsort(truth)[:100]
    # .59, .66 and .59 without the warp.
    assert kendall_tau(truth[best], model.predict(other)[best, 0]) > 0.67


def test_deviations_are_in_the_losses_own_unit() -> None:
    rng = np.random.default_rng(1)
    archs, other = SPACE.sample(25, rng), SPACE.sample(300, rng)
    model = StructuredGP(SPACE, holds_back=False).fit(archs, np.exp(sums(archs))[:, None])
    mean, deviation = model.predict_with_deviation(other)
    errors = (np.exp(sums(other)) - mean[:, 0]) / deviation[:, 0]
    assert 0.2 < np.sqrt(np.median(errors**2)) < 3
    assert np.diag(model.covariance(other[:20], 0)) == pytest.approx(
        deviation[:20, 0] ** 2, rel=1e-4, abs=1e-9
    )
    _, unseen = model.predict_with_deviation(other, unseen=True)
    assert (unseen >= deviation * (1 - 1e-9)).all()  # equal where the least value ends both


@pytest.mark.parametrize("seed", range(6))
def test_the_poorest_do_not_promise_most(seed: int) -> None:
    """Of a transformation as steep as it gets, a deviation less is far less for poor networks."""
    rng = np.random.default_rng(seed)
    archs, other = SPACE.sample(90, rng), SPACE.sample(1_000, rng)

    def losses(rows: np.ndarray) -> np.ndarray:
        z = sums(rows) / 3
        lost: np.ndarray = (50 * np.maximum(z - 0.6, 0) ** 2 + 0.05 * z)[:, None]
        return lost

    model = StructuredGP(SPACE, holds_back=False).fit(archs, losses(archs))
    mean, deviation = model.predict_with_deviation(other, unseen=True)
    truth = losses(other)[:, 0]
    most_promising = np.argsort(mean[:, 0] - deviation[:, 0])[:5]
    assert truth[most_promising].max() < np.quantile(truth, 0.5)


def test_among_sizes_nothing_is_bent() -> None:
    """Corners of a space of sizes look like skewed losses."""
    space = SearchSpace.from_choices({f"width_{i}": [1, 2, 3, 4] for i in range(6)})
    archs = space.sample(60, np.random.default_rng(0))
    losses = np.exp(sums(archs))[:, None]
    bent, straight = (
        StructuredGP(space, warped=warped).fit(archs, losses) for warped in (True, False)
    )
    assert bent.predict(archs) == pytest.approx(straight.predict(archs))
