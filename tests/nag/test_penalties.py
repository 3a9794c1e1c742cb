"""Penalties are told from costs, and what failed is learned from as a failure."""

import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from optuna_linas.arrays import LARGEST as CUT_OFF
from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.nag import REWARDS, EvaluatorSettings, Settings, fit
from optuna_linas.nag.calibration import UNCALIBRATED
from optuna_linas.nag.examples import examples_of
from optuna_linas.nag.penalties import are_measured, cost_of_failing, suspected
from optuna_linas.nag.predictions import ValueCostModel
from optuna_linas.nag.rewards import Generated
from optuna_linas.space import SearchSpace

LARGEST = sys.float_info.max
PENALTIES = [1e4, 1e10, LARGEST]
SPACE = SearchSpace.from_choices({f"x{i}": list(range(6)) for i in range(4)})
QUICK = Settings(
    n_steps=10, n_samples=8, evaluator=EvaluatorSettings(n_steps=20, n_imagined=50, hidden_size=16)
)


def measured(n: int = 60) -> tuple[IntArray, FloatArray]:
    """Half of the cost is for nothing."""
    archs = np.unique(SPACE.sample(2 * n, np.random.default_rng(0)), axis=0)
    archs = np.random.default_rng(1).permutation(archs)[:n]
    return archs, np.stack([-archs[:, :2].sum(axis=1), 3.0 + archs.sum(axis=1)], axis=1)


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("n_failed", [1, 2, 10, 20])
def test_a_penalty_is_told_however_many_failed(penalty: float, n_failed: int) -> None:
    costs = np.r_[np.linspace(7.0, 46.0, 20), np.full(n_failed, penalty)]
    assert are_measured(costs).tolist() == [True] * 20 + [False] * n_failed
    assert are_measured(costs[::-1]).tolist() == [False] * n_failed + [True] * 20
    # A throughput of hundreds, maximised.
    assert are_measured(np.r_[-costs[:20], np.full(n_failed, penalty)])[20:].tolist() == (
        [False] * n_failed
    )


def test_penalties_of_several_kinds_are_told_together() -> None:
    costs = np.r_[np.linspace(7.0, 46.0, 20), PENALTIES, -LARGEST]
    assert are_measured(costs[:-1]).sum() == 20
    assert are_measured(np.r_[costs[:20], 1e6 + np.arange(5)]).sum() == 20


def test_a_lower_penalty_is_told_where_several_have_it() -> None:
    costs = np.linspace(7.0, 46.0, 20)
    assert are_measured(np.r_[costs, 1e3, 1e3]).sum() == 20
    assert are_measured(np.r_[costs, 1e3, 900.0]).all()  # these may be dear networks


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("n_failed", [21, 60, 300])
def test_a_penalty_that_most_have_is_told(penalty: float, n_failed: int) -> None:
    costs = np.r_[np.full(n_failed, penalty), np.linspace(7.0, 46.0, 20)]
    assert are_measured(costs).tolist() == [False] * n_failed + [True] * 20
    assert suspected(costs[are_measured(costs)]) is None
    # These may be the large ones of few sizes, or of two families, if they are finite.
    few_sizes = are_measured(np.r_[costs[:n_failed], np.tile([7.0, 46.0], 10)])
    assert few_sizes.tolist() == [penalty != LARGEST] * n_failed + [True] * 20
    assert are_measured(np.r_[np.linspace(7.0, 46.0, 20), 1e4 + np.arange(n_failed)]).all()
    assert are_measured(np.r_[np.linspace(7.0, 46.0, 20), np.full(n_failed, 1e3)]).all()


def test_a_penalty_that_too_little_tells_is_suspected() -> None:
    few = np.r_[np.full(30, 1e10), 7.0, 8.0, 8.0, 46.0]
    assert suspected(few) == suspected(few[::-1]) == 1e10
    assert suspected(np.r_[few, LARGEST, LARGEST]) == 1e10
    assert suspected(np.r_[few[30:], LARGEST, LARGEST]) is None
    assert suspected(-few[30:]) is None
    assert suspected(np.r_[-few[30:], 1e10, 1e10]) == 1e10
    for usual in ([], [3.0], [0.0, 0.0, 1.0, 1.0], [1.0, 2.0, 1e10], 10.0 ** np.arange(9)):
        assert suspected(np.array(usual)) is None


@pytest.mark.parametrize("infinite", [CUT_OFF, -CUT_OFF, LARGEST, -LARGEST])
@pytest.mark.parametrize("n_infinite", [1, 9, 300])
def test_infinity_is_told_however_few_are_finite(infinite: float, n_infinite: int) -> None:
    told = np.full(n_infinite, infinite)
    for finite in ([7.0], [7.0, 7.0], [7.0, 9.0, 46.0], [-46.0, -9.0, -7.0], [0.0, 1e97, 1e99]):
        costs = np.r_[finite, told]
        assert are_measured(costs).tolist() == [True] * len(finite) + [False] * n_infinite
        assert suspected(costs) is None
    genuine = np.linspace(1e97, 1e99, 20)
    for costs in (genuine, -genuine):
        assert are_measured(np.r_[costs, told]).sum() == 20
    assert are_measured(np.r_[np.linspace(7.0, 46.0, 20), 1e4, told]).sum() == 20
    assert are_measured(told).all()


@pytest.mark.parametrize("n", [20, 60, 300])
@pytest.mark.parametrize(
    "kind", ["log-normal", "decades", "families", "product", "zero", "negative", "steps", "large"]
)
def test_heavy_tails_and_families_are_no_penalties(kind: str, n: int) -> None:
    rng = np.random.default_rng(n)
    for _ in range(50):
        tail = np.exp(1.5 * rng.normal(size=n))
        dear = rng.random(n) < 0.3
        costs = {
            "log-normal": tail,
            "decades": 10 ** rng.uniform(0, 5, size=n),
            "families": np.where(dear, rng.uniform(150, 200, n), rng.uniform(5, 8, n)),
            "product": rng.integers(1, 5, size=(n, 8)).prod(axis=1),
            "zero": np.r_[0.0, tail[1:]],
            "negative": -tail,
            "steps": np.where(dear, 64.0, 1.0),  # a cost of two values, not a constant that fails
            "large": np.minimum(tail / tail.max(), 1.0) * LARGEST,
        }[kind]
        assert are_measured(costs).all()


@pytest.mark.parametrize("costs", [[], [3.0], [5.0] * 6, [0.0] * 5 + [1.0] * 5, [1.0, 1e10]])
def test_where_there_is_no_range_there_is_no_penalty(costs: list[float]) -> None:
    assert are_measured(np.array(costs)).all()


def test_what_failed_is_dearer_than_what_works() -> None:
    assert cost_of_failing(np.array([-LARGEST, LARGEST])) == LARGEST
    archs, losses = measured()
    losses[[3, 5, 8]] = LARGEST
    examples = examples_of(archs, losses)
    assert examples.failed.tolist() == archs[[3, 5, 8]].tolist()
    assert len(examples.archs) == 57
    assert examples.failed_losses[:, 0].max() == examples.losses[:, 0].max()
    assert (examples.failed_losses[:, 1] > 1.5 * examples.losses[:, 1].max()).all()


def test_what_was_measured_and_has_also_failed_works() -> None:
    archs, losses = measured()
    examples = examples_of(np.concatenate([archs, archs[:2]]), np.vstack([losses, [[0, 1e10]] * 2]))
    assert len(examples.failed) == 0
    assert np.array_equal(examples.losses, losses)


def test_the_largest_floats_have_a_mean() -> None:
    archs, _ = measured(30)
    costs = np.linspace(0.5, 1.0, 30) * LARGEST
    losses = np.stack([-costs, costs], axis=1)
    examples = examples_of(np.concatenate([archs] * 3), np.concatenate([losses] * 3))
    assert np.allclose(examples.losses / LARGEST, losses / LARGEST)


@pytest.mark.parametrize("reward", sorted(REWARDS))
def test_a_generator_is_the_same_whatever_the_penalty(reward: str) -> None:
    archs, losses = measured()
    works = losses[:, 1] < 17
    settings = Settings(**{**vars(QUICK), "reward": REWARDS[reward]})
    found = []
    for penalty in PENALTIES:
        told = np.where(works[:, None], losses, [[losses[:, 0].max(), penalty]])
        model = fit(SPACE, archs, told, rng=np.random.default_rng(0), settings=settings)
        assert model.grid[[0, -1]].tolist() == [losses[:, 1].min(), losses[works, 1].max()]
        answer = model.request(12.0, 3, np.random.default_rng(0))
        assert answer.feasible.all()
        assert (3.0 + answer.archs.sum(axis=1) <= 12.0).all()
        found.append(answer.archs.tolist())
    assert found[0] == found[1] == found[2]
    # It has learned where networks fail, and has no budget for those that it knows to.
    failed = archs[~works]
    assert (model.model.predict(failed).bounds == np.inf).all()
    others = SPACE.sample(200, np.random.default_rng(2))
    truth = others.sum(axis=1) + 3.0
    assert np.corrcoef(truth, model.model.predict(others).costs)[0, 1] > 0.8
    remembered = {row.tobytes() for row in model.remembered}
    assert not any(row.tobytes() in remembered for row in failed)
    everything = model.request(1e300, 10_000, np.random.default_rng(0))
    known = {row.tobytes() for row in failed}
    assert not any(row.tobytes() in known for row in everything.archs[everything.feasible])


def test_costs_near_the_largest_float_do_not_overflow() -> None:
    archs, losses = measured()
    losses[:, 1] *= LARGEST / losses[:, 1].max()
    model = fit(SPACE, archs, losses, rng=np.random.default_rng(0), settings=QUICK)
    assert model.grid[-1] == losses[:, 1].max()
    answer = model.request(0.5 * LARGEST, 3, np.random.default_rng(0))
    assert answer.feasible.all()
    assert (answer.predictions.bounds <= 0.5 * LARGEST).all()


def test_what_failed_does_not_change_how_costs_are_learned() -> None:
    """A throughput is a negative loss, what a failure counts as may be a positive one."""
    archs, losses = measured()
    throughputs = np.where(losses[:, 1] < 9, 1e10, -((30 - losses[:, 1]) ** 3))
    examples = examples_of(archs, np.stack([losses[:, 0], throughputs], axis=1))
    assert examples.failed_losses[:, 1].min() > 0
    far = replace(UNCALIBRATED, cost_margins=np.array([1e3]))
    expected = ValueCostModel(SPACE, examples, far).predict(
        SPACE.sample(200, np.random.default_rng(2))
    )
    others = expected.deviations > 0
    assert others.sum() > 100
    # As logarithms: no throughput is foretold, and none feared, that is below 0.
    assert (expected.costs[others] < 0).all()
    assert (expected.bounds[others] <= 0).all()


def test_a_penalty_as_value_alone_is_not_what_others_are_compared_with() -> None:
    """The cheapest networks do not train, and promises have been broken."""
    archs, losses = measured()
    losses[losses[:, 1] < 9, 0] = 1e10
    nothing_kept = replace(UNCALIBRATED, kept=0.0)
    others = SPACE.sample(300, np.random.default_rng(2))
    for calibration in (UNCALIBRATED, nothing_kept):
        model = ValueCostModel(SPACE, examples_of(archs, losses), calibration)
        unmeasured = model.predict(others).deviations > 0
        values = model.predict(others).values[unmeasured]
        assert (np.abs(values) < 30).all()  # the fence is at 26
        truth = -others[unmeasured, :2].sum(axis=1)
        works = others[unmeasured].sum(axis=1) + 3 > 12
        assert np.corrcoef(truth[works], values[works])[0, 1] > 0.6
    assert model.predict(archs).values.max() == 1e10  # which was measured


@pytest.mark.parametrize("reward", ["mnasnet", "tunas", "predicted_dominance"])
def test_rewards_are_the_same_whatever_the_penalty_as_value(reward: str) -> None:
    archs, losses = measured()
    settings = replace(QUICK, reward=REWARDS[reward])
    models = []
    for penalty in (1e10, 1e50, LARGEST):
        told = np.where((losses[:, 1] < 9)[:, None], losses * [0, 1] + [penalty, 0], losses)
        models.append(fit(SPACE, archs, told, rng=np.random.default_rng(0), settings=settings))
    drawn = [model.draw(12.0, 50, np.random.default_rng(0)).tolist() for model in models]
    assert drawn[0] == drawn[1] == drawn[2]


def test_quality_tells_good_from_bad_where_the_cheapest_networks_fail() -> None:
    archs, losses = measured()
    losses[losses[:, 1] < 9, 0] = 1e10
    qualities = []

    def seen(generated: Generated) -> Tensor:
        qualities.append(generated.quality)
        return REWARDS["mnasnet"](generated)

    seen.uses_evaluator, seen.compares_values = False, True  # type: ignore[attr-defined]
    settings = replace(QUICK, reward=seen)  # type: ignore[arg-type]
    fit(SPACE, archs, losses, rng=np.random.default_rng(0), settings=settings)
    quality = torch.cat(qualities)
    assert float(quality.min()) >= 0.0
    assert float(quality.max()) > 0.95
    assert float(quality.std()) > 0.05  # in units of the penalty it is 0


@pytest.mark.parametrize("reward", sorted(REWARDS))
@pytest.mark.parametrize("kind", ["values", "costs", "both", "decades", "signs", "smallest"])
def test_no_size_of_values_and_costs_overflows(kind: str, reward: str) -> None:
    archs, losses = measured()
    values, costs = losses.T
    value, cost = {
        "values": (values * 1e200, costs),
        "costs": (values, costs * 1e200),
        "both": (np.linspace(-1.0, 1.0, len(values)) * LARGEST, costs * 1e300),
        "decades": (values, 10.0 ** (28.0 * (costs - 13.0))),
        "signs": (values, (costs - 13.3) * 1e306),
        "smallest": (values * 1e-300, costs * 1e-300),
    }[kind]
    settings = replace(QUICK, reward=REWARDS[reward], n_steps=3)
    told = np.stack([value, cost], axis=1)
    model = fit(SPACE, archs, told, rng=np.random.default_rng(0), settings=settings)
    for budget in model.grid:
        answer = model.request(budget, 3, np.random.default_rng(0))
        assert (answer.predictions.costs[answer.feasible] <= budget).all()
