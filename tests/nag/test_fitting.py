"""From measured rows to answers: right where all can be enumerated, calibrated, repeatable."""

import random
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch

from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.nag import (
    PAPER,
    REWARDS,
    BudgetModel,
    EvaluatorSettings,
    Settings,
    fit,
    predictions,
)
from optuna_linas.nag.calibration import UNCALIBRATED
from optuna_linas.nag.examples import examples_of
from optuna_linas.nag.predictions import Predictions, ValueCostModel
from optuna_linas.predictors import StructuredGP
from optuna_linas.space import SearchSpace

SPACE = SearchSpace.from_choices(
    {"depth": [1, 2, 3], **{f"w{i}": [8, 16, 32, 64] for i in range(4)}},
    conditions={"w2": {"depth": [2, 3]}, "w3": {"depth": [3]}},
)
QUICK = Settings(
    n_steps=15, n_samples=8, evaluator=EvaluatorSettings(n_steps=40, n_imagined=100, hidden_size=32)
)


def losses_of(archs: IntArray) -> FloatArray:
    """Wider and deeper is better with diminishing returns; early width is worth most."""
    width = np.where(SPACE.active(archs), 2.0**archs, 0.0)[:, 1:]
    gain = np.sqrt(width @ np.array([4.0, 3.0, 2.0, 1.0]))
    return np.stack([-gain, width.sum(axis=1) + 2.0], axis=1)


EVERYTHING = np.unique(
    SPACE.canonical(np.array(list(product(*(range(n) for n in SPACE.n_options))))), axis=0
)


def measured(n: int, seed: int = 0) -> tuple[IntArray, FloatArray]:
    archs = np.random.default_rng(seed).permutation(EVERYTHING)[:n]
    return archs, losses_of(archs)


def unmeasured(archs: IntArray) -> IntArray:
    return EVERYTHING[~(EVERYTHING[:, None] == archs[None]).all(axis=2).any(axis=1)]


def fitted(settings: Settings = QUICK, seed: int = 0) -> BudgetModel:
    return fit(SPACE, *measured(60), rng=np.random.default_rng(seed), settings=settings)


def best_within(budget: float) -> float:
    losses = losses_of(EVERYTHING)
    return float(losses[losses[:, 1] <= budget, 0].min())


def test_the_answers_are_nearly_the_best_of_the_whole_space() -> None:
    model = fitted()
    for budget in (6.5, 11.0, 17.5, 26.0):
        found = model.request(budget, 3, np.random.default_rng(0))
        true = losses_of(found.archs)
        assert (true[:, 1] <= budget).all()
        assert true[0, 0] <= 0.97 * best_within(0.85 * budget)  # the rest is the safety margin
        assert len(np.unique(found.archs, axis=0)) == 3


@pytest.mark.parametrize("reward", sorted(REWARDS))
def test_every_reward_trains(reward: str) -> None:
    model = fitted(replace(QUICK, reward=REWARDS[reward]))
    found = model.request(14.0, 1, np.random.default_rng(0))
    assert losses_of(found.archs)[0, 1] <= 14.0


def test_the_draws_follow_the_budget() -> None:
    model = fitted(replace(QUICK, n_steps=60))
    rng = np.random.default_rng(0)
    costs = [losses_of(model.draw(b, 100, rng))[:, 1].mean() for b in (6.0, 12.0, 24.0)]
    assert costs[0] < costs[1] < costs[2]


def test_the_papers_settings_remember_nothing_and_improve_nothing() -> None:
    model = fitted(replace(PAPER, n_steps=30, evaluator=QUICK.evaluator))
    assert len(model.remembered) == 0
    rng = np.random.default_rng(0)
    found = model.request(20.0, 2, rng)
    again = model.draw(20.0, PAPER.n_candidates, np.random.default_rng(0))
    assert all(any((row == arch).all() for row in again) for arch in found.archs)


def test_a_seed_is_repeated_and_matters_and_global_generators_are_left_alone() -> None:
    before = (
        np.random.get_state()[1].tolist(),  # type: ignore[union-attr]  # noqa: NPY002
        random.getstate(),
        torch.random.get_rng_state().tolist(),
    )
    drawn = [
        fitted(seed=seed).draw(15.0, 20, np.random.default_rng(0)).tolist() for seed in (0, 0, 1)
    ]
    assert drawn[0] == drawn[1] != drawn[2]
    assert before == (
        np.random.get_state()[1].tolist(),  # type: ignore[union-attr]  # noqa: NPY002
        random.getstate(),
        torch.random.get_rng_state().tolist(),
    )


def test_costs_stay_below_their_bounds_as_often_as_promised() -> None:
    rng = np.random.default_rng(0)
    kept = []
    for seed in range(6):
        archs, losses = measured(50, seed)
        noisy = losses * np.exp(0.1 * rng.normal(size=losses.shape))
        examples = examples_of(archs, noisy)
        model = ValueCostModel.calibrated(SPACE, examples, coverage=0.9, caution=0.5, rng=rng)
        others = unmeasured(archs)
        true = losses_of(others)[:, 1] * np.exp(0.1 * rng.normal(size=len(others)))
        kept.append((true <= model.predict(others).bounds).mean())
    assert 0.84 < np.mean(kept) < 0.97


@pytest.mark.parametrize("unit", [2.0**-30, 1e-9, 1e-100, 1e90])
def test_answers_do_not_depend_on_the_unit_of_values(unit: float) -> None:
    archs, losses = measured(60)
    losses[:, 0] += 0.5 * np.random.default_rng(5).normal(size=60)
    found = []
    for each in (1.0, unit):
        rng = np.random.default_rng(0)
        model = fit(SPACE, archs, losses * [each, 1.0], rng=rng, settings=QUICK)
        answers = [model.request(b, 3, np.random.default_rng(0)) for b in (6.5, 17.5)]
        drawn = model.draw(11.0, 20, np.random.default_rng(0)).tolist()
        found.append((drawn, [answer.archs.tolist() for answer in answers]))
        scales = model.model.calibration.value_scales
        assert scales.min() == pytest.approx(2.17, abs=0.01)  # this is how sure models are
    assert found[0] == found[1]


def test_a_measured_architecture_is_as_measured() -> None:
    archs, losses = measured(40)
    bounds = replace(UNCALIBRATED, cost_margins=np.array([3.0]))
    model = ValueCostModel(SPACE, examples_of(archs, losses), bounds)
    expected = model.predict(archs)
    assert np.array_equal(expected.values, losses[:, 0])
    assert np.array_equal(expected.costs, losses[:, 1])
    assert np.array_equal(expected.bounds, losses[:, 1])
    assert (expected.deviations == 0).all()
    others = model.predict(unmeasured(archs))
    assert (others.bounds > others.costs).all()
    assert (others.deviations > 0).all()
    assert (others.cautious(1.0) > others.values).all()


def test_several_equal_measurements_are_what_they_are() -> None:
    """Their mean as a float may be a little more, and beyond a budget of just as much."""
    archs = np.repeat(SPACE.canonical(SPACE.sample(20, np.random.default_rng(0))), 3, axis=0)
    losses = np.full((len(archs), 2), 0.1)
    assert (examples_of(archs, losses).losses == 0.1).all()


def test_of_a_promise_that_share_is_expected_which_others_kept() -> None:
    archs, losses = measured(40)
    others, examples = unmeasured(archs), examples_of(archs, losses)
    full = ValueCostModel(SPACE, examples).predict(others)
    best = np.array([losses[losses[:, 1] <= cost, 0].min(initial=np.inf) for cost in full.costs])
    promising = np.isfinite(best) & (full.values < best)
    assert promising.any()
    assert not promising.all()
    half = ValueCostModel(SPACE, examples, replace(UNCALIBRATED, kept=0.5)).predict(others)
    expected = np.where(promising, (full.values + best) / 2, full.values)
    assert half.values == pytest.approx(expected)


def test_smaller_networks_than_any_measured_count_as_the_worst_one() -> None:
    archs, losses = measured(60)
    large = losses[:, 1] > np.quantile(losses[:, 1], 0.2)
    archs, losses = archs[large], losses[large]
    model = fit(SPACE, archs, losses, rng=np.random.default_rng(0), settings=QUICK)
    cheapest, worst = losses[:, 1].min(), losses[:, 0].max()
    expected = model.model.predict(unmeasured(archs))
    cheaper = expected.bounds < cheapest
    assert cheaper.any()
    assert (model.rank(expected)[cheaper] >= worst).all()
    answer = model.request(cheapest, 1, np.random.default_rng(0))
    assert answer.predictions.deviations.tolist() == [0.0]  # measured


def test_a_network_whose_cost_may_be_that_of_measured_ones_is_believed() -> None:
    """Only what is cheaper than all of them by its upper bound is out of what is known."""
    model = fitted()
    cheapest = model.model.losses[:, 1].min()
    one = np.ones(2)
    expected = Predictions(
        -9 * one, 0 * one, 0.9 * cheapest * one, cheapest * np.array([0.95, 1.1])
    )
    worst = model.model.losses[:, 0].max()
    assert worst > -9.0
    assert model.rank(expected).tolist() == [worst, -9.0]


def test_negative_costs_are_learned_as_they_are() -> None:
    """A cost that is maximised, a throughput say, is a negative loss."""
    archs, losses = measured(60)
    negative = losses * [1.0, -1.0]
    model = fit(SPACE, archs, negative, rng=np.random.default_rng(0), settings=QUICK)
    found = model.request(-10.0, 1, np.random.default_rng(0))
    assert losses_of(found.archs)[0, 1] >= 10.0


def test_repeated_measurements_count_with_their_mean() -> None:
    archs, losses = measured(40)
    model = fit(
        SPACE,
        np.concatenate([archs, archs[:5]]),
        np.concatenate([losses, losses[:5] + 1.0]),
        rng=np.random.default_rng(0),
        settings=replace(QUICK, n_steps=1),
    )
    assert len(model.model.archs) == 40
    assert np.allclose(model.model.predict(archs[:5]).costs, losses[:5, 1] + 0.5)


@pytest.mark.parametrize(
    ("n", "scale", "says"), [(19, 1.0, "at least 20 different"), (40, 0.0, "cost the same")]
)
def test_what_cannot_be_learned_from_is_explained(n: int, scale: float, says: str) -> None:
    archs, losses = measured(n)
    with pytest.raises(ValueError, match=says):
        fit(SPACE, archs, losses * [1.0, scale], rng=np.random.default_rng(0), settings=QUICK)


@pytest.mark.parametrize("reward", ["mnasnet", "tunas", "predicted_dominance"])
def test_a_budget_may_be_zero(reward: str) -> None:
    """As that of an accuracy gap, or of a cost relative to a standard network's."""
    archs, losses = measured(40)
    losses[:, 1] -= losses[:, 1].min()
    settings = replace(QUICK, reward=REWARDS[reward])
    model = fit(SPACE, archs, losses, rng=np.random.default_rng(0), settings=settings)
    assert model.grid[0] == 0.0
    assert len(model.request(0.0, 1, np.random.default_rng(0)).archs) == 1


def test_a_model_is_calibrated_on_its_like_where_examples_just_outnumber_options(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Cross-validation fits fewer examples than there are options, the model itself more.
    kinds: list[bool] = []

    class Seen(StructuredGP):
        def fit(self, archs: IntArray, losses: FloatArray) -> StructuredGP:
            fitted = super().fit(archs, losses)
            kinds.append(fitted._has_last_bend)
            return fitted

    monkeypatch.setattr(predictions, "StructuredGP", Seen)
    rng = np.random.default_rng(0)
    space = SearchSpace.from_choices({f"kind_{i}": ["a", "b", "c"] for i in range(20)})
    archs = space.sample(64, rng)
    losses = rng.uniform(size=(2, 20, 3))[:, np.arange(20), archs].sum(axis=2).T
    examples = examples_of(archs, losses)
    ValueCostModel.calibrated(space, examples, coverage=0.95, caution=0.5, rng=rng)
    assert len(kinds) > 5
    assert all(kinds)
