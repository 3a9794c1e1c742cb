"""What failed or violated a constraint is no answer, nor is its like where trials tell it."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from optuna_linas.arrays import BoolArray, FloatArray, IntArray
from optuna_linas.avoiding import avoided_of
from optuna_linas.history import History
from optuna_linas.nag import Avoided, BudgetModel, EvaluatorSettings, Settings, fit
from optuna_linas.nag.examples import examples_of
from optuna_linas.nag.files import load_model, read_header, save_model
from optuna_linas.space import SearchSpace

SPACE = SearchSpace.from_choices({"op": ["a", "b", "c"]} | {f"x{i}": range(6) for i in range(3)})
QUICK = Settings(
    n_steps=10, n_samples=8, evaluator=EvaluatorSettings(n_steps=20, n_imagined=50, hidden_size=16)
)
NONE = np.zeros((0, 4), dtype=np.int64)


def measured() -> tuple[IntArray, FloatArray]:
    """The operation "b" is the best for nothing."""
    archs = np.unique(SPACE.sample(90, np.random.default_rng(0)), axis=0)
    archs = np.random.default_rng(1).permutation(archs)[:60]
    values = -archs[:, 1:3].sum(axis=1) - 2.0 * (archs[:, 0] == 1)
    return archs, np.stack([values, 3.0 + archs[:, 1:].sum(axis=1)], axis=1)


def fitted(tell: bool) -> tuple[BudgetModel, IntArray]:
    archs, losses = measured()
    bad = archs[:, 0] == 1
    avoided = Avoided(archs[bad], np.full(bad.sum(), tell))
    rng = np.random.default_rng(0)
    made = fit(SPACE, archs[~bad], losses[~bad], rng=rng, avoided=avoided, settings=QUICK)
    return made, archs[bad]


def history_of(fails: BoolArray, breaks: BoolArray) -> History:
    archs, losses = measured()
    numbers = np.arange(len(archs))
    return History(
        archs[~fails],
        losses[~fails],
        constraints=breaks[~fails, None].astype(float),
        numbers=numbers[~fails],
        failed=archs[fails],
        failed_numbers=numbers[fails],
    )


def answers(model: BudgetModel) -> tuple[IntArray, BoolArray]:
    found = [model.request(b, 20, np.random.default_rng(0)) for b in (6.0, 10.0, 15.0)]
    return (
        np.concatenate([each.archs for each in found]),
        np.concatenate([each.feasible for each in found]),
    )


def test_what_is_avoided_is_no_answer() -> None:
    model, avoided = fitted(tell=False)
    assert (model.model.predict(avoided).bounds == np.inf).all()
    rows, feasible = answers(model)
    assert (rows[feasible][:, 0] == 1).any()  # but its like is
    known = {row.tobytes() for row in avoided}
    assert not any(row.tobytes() in known for row in rows[feasible])


def test_nor_is_its_like_where_that_is_told(tmp_path: Path) -> None:
    model, _ = fitted(tell=True)
    rows, feasible = answers(model)
    assert feasible.sum() > 30
    assert not (rows[feasible][:, 0] == 1).any()
    # What works is predicted as if nothing else had been tried.
    other, _ = fitted(tell=False)
    archs = SPACE.sample(50, np.random.default_rng(3))
    assert (model.model.predict(archs).costs == other.model.predict(archs).costs).all()
    save_model(model, tmp_path / "networks.npz", {})
    loaded = load_model(tmp_path / "networks.npz", SPACE)
    assert all(map(np.array_equal, answers(loaded), (rows, feasible)))


def test_the_cheapest_answer_is_none_that_is_avoided() -> None:
    archs, losses = measured()
    cheap = np.array([[1, 0, 0, 0]])
    dear = losses[:, 1] > 5
    rng = np.random.default_rng(0)
    made = fit(SPACE, archs[dear], losses[dear], rng=rng, settings=QUICK)
    made.remember(cheap)
    assert made.least_cost < 5
    avoided = Avoided(cheap, np.array([False]))
    made = fit(SPACE, archs[dear], losses[dear], rng=rng, avoided=avoided, settings=QUICK)
    made.remember(cheap)
    assert made.least_cost == losses[dear, 1].min()


def test_what_was_measured_and_has_also_failed_is_an_answer() -> None:
    archs, losses = measured()
    examples = examples_of(archs[:30], losses[:30], Avoided(archs[20:40], np.arange(20) < 15))
    assert examples.avoided is not None
    assert examples.avoided.archs.tolist() == archs[30:40].tolist()
    assert examples.avoided.tell.tolist() == [True] * 5 + [False] * 5
    assert len(examples) == 30


def test_failures_and_constraints_tell_each_on_their_own() -> None:
    archs, _ = measured()
    by_op, nothing = archs[:, 0] == 1, np.zeros(60, dtype=bool)
    by_chance = np.random.default_rng(0).random(60) < 0.2
    assert avoided_of(SPACE, history_of(nothing, nothing)) is None
    for fails, breaks in ((by_op, by_chance), (by_chance, by_op)):
        avoided = avoided_of(SPACE, history_of(fails, breaks))
        assert avoided is not None
        assert sorted(avoided.archs.tolist()) == sorted(archs[fails | breaks].tolist())
        n_failed = int(fails.sum())
        assert (avoided.tell[:n_failed] == (fails is by_op)).all()
        assert (avoided.tell[n_failed:] == (fails is by_chance)).all()


def test_readers_that_would_ignore_what_is_avoided_refuse_the_file(tmp_path: Path) -> None:
    """Version 3 has no networks to avoid, and is read all the same."""
    path = tmp_path / "networks.npz"
    archs, losses = measured()
    model = fit(SPACE, archs, losses, rng=np.random.default_rng(0), settings=QUICK)
    for made in (fitted(tell=True)[0], model):
        save_model(made, path, {})
        assert read_header(path)["version"] == 4
    with np.load(path) as arrays:
        kept = dict(arrays)
    assert "avoided" not in kept
    header = json.loads(str(kept["header"])) | {"version": 3}
    np.savez(path, **{**kept, "header": np.array(json.dumps(header))})
    loaded = load_model(path, SPACE)
    assert loaded.model.examples.avoided is None
    assert all(map(np.array_equal, answers(loaded), answers(model)))


def test_a_file_that_says_nonsense_of_what_is_avoided_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "networks.npz"
    save_model(fitted(tell=True)[0], path, {})
    with np.load(path) as arrays:
        kept = dict(arrays)
    for tell in (kept["avoided_tell"][:-1], kept["avoided_tell"] * math.pi):
        np.savez(path, **{**kept, "avoided_tell": tell})
        with pytest.raises(ValueError, match="networks to avoid"):
            load_model(path, SPACE)
    np.savez(path, **{**kept, "avoided": kept["avoided"] + 7})
    with pytest.raises(ValueError, match="outside of the space"):
        load_model(path, SPACE)
