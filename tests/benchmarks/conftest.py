import json
import os
from itertools import product
from pathlib import Path

import numpy as np
import pytest

NAMES = ["depth", "op_0", "op_1"]
CHOICES = {"depth": [1, 2], "op_0": ["conv", "pool", "skip"], "op_1": ["conv", "pool", "skip"]}


def write_table(path: Path, rows: list[tuple[int, ...]], **changes: np.ndarray | None) -> None:
    """Write a table of these networks, with some of its arrays changed; None leaves one out."""
    archs = np.array(rows, dtype=np.int8)
    score = np.maximum(archs, 0) @ np.array([4.0, 2.0, 1.0])
    units = ["percent, maximize (made up)", "ms, minimize", "M, minimize"]
    arrays = {
        "X": archs,
        "names": np.array(NAMES),
        "choices": np.array(json.dumps(CHOICES)),
        "objective_names": np.array(["accuracy", "latency", "size"]),
        "objective_units": np.array(units),
        "Y": np.stack([score, score**2, 10 - archs[:, 1]], axis=1).astype(np.float32),
        **changes,
    }
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})


def all_rows() -> list[tuple[int, ...]]:
    """Every network: the second layer exists only at depth 2."""
    return [(0, a, -1) for a in range(3)] + [(1, a, b) for a, b in product(range(3), range(3))]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.npz"
    write_table(path, all_rows())
    return path


@pytest.fixture
def data() -> Path:
    folder = os.environ.get("OPTUNA_LINAS_DATA")
    if not folder:
        pytest.skip("OPTUNA_LINAS_DATA does not name the folder of measurements")
    return Path(folder)
