"""What a generator's file keeps, and what it refuses."""

from dataclasses import replace
from pathlib import Path
from typing import IO

import numpy as np
import pytest
import torch

from optuna_linas.nag.calibration import UNCALIBRATED, Calibration
from optuna_linas.nag.examples import examples_of
from optuna_linas.nag.files import load_model, save_model
from optuna_linas.nag.model import BudgetModel
from optuna_linas.nag.predictions import ValueCostModel
from optuna_linas.nag.settings import Settings
from optuna_linas.space import SearchSpace

SETTINGS = Settings(n_budgets=2, embedding_size=1, hidden_size=1, n_refinements=0)


def saved(space: SearchSpace, path: Path, calibration: Calibration = UNCALIBRATED) -> BudgetModel:
    """A generator of 20 networks, each with another option of the first variable."""
    n = int(space.n_options[0])
    archs = np.array([[n - 1 - i, i % 2] for i in range(20)])
    losses = np.stack([np.arange(20.0), 1.0 + np.arange(20.0)], axis=1)
    losses[-1] = 1e10  # it failed
    model = ValueCostModel(space, examples_of(archs, losses), calibration)
    grid = np.array([1.0, 19.0])
    made = BudgetModel.untrained(model, grid, SETTINGS, rng=torch.Generator())
    made.remember(archs[:3])
    save_model(made, path, {})
    return made


@pytest.mark.parametrize(("n", "kind"), [(100, np.int16), (40_000, np.int32)])
def test_rows_have_room_for_every_option(n: int, kind: type, tmp_path: Path) -> None:
    path = tmp_path / "networks.npz"
    space = SearchSpace.from_choices({"word": [f"w{i}" for i in range(n)], "b": [1, 2]})
    made = saved(space, path)
    with np.load(path) as arrays:
        assert {arrays[name].dtype for name in ("archs", "failed", "remembered")} == {
            np.dtype(kind)
        }
    loaded = load_model(path, space)
    assert np.array_equal(loaded.model.known, made.model.known)
    assert np.array_equal(loaded.remembered, made.remembered)


def test_a_file_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = SearchSpace.from_choices({"a": list(range(20)), "b": [1, 2]})
    with pytest.raises(IsADirectoryError, match=r"is a folder: name a file, such as .*\.npz"):
        saved(space, tmp_path)
    path = tmp_path / "networks.npz"
    saved(space, path)
    before = path.read_bytes()

    def full(file: IO[bytes], **arrays: object) -> None:
        file.write(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(OSError, match="No space left"):
        saved(space, path)
    assert list(tmp_path.iterdir()) == [path]
    assert list(tmp_path.parent.glob("*.partial")) == []
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["value_scales", "cost_margins"])
def test_a_calibration_that_makes_predictions_bolder_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "networks.npz"
    space = SearchSpace.from_choices({"a": list(range(20)), "b": [1, 2]})
    saved(space, path, replace(UNCALIBRATED, **{name: np.array([0.5])}))
    assert load_model(path, space).model.calibration.kept == 1.0
    saved(space, path, replace(UNCALIBRATED, **{name: np.array([-0.5])}))
    with pytest.raises(ValueError, match="the calibration is none"):
        load_model(path, space)
