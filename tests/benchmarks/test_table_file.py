"""Tables of one's own: what they must hold, and what is said of one that does not."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.problems import make_problem
from benchmarks.table_file import FORMAT, TableFile
from tests.benchmarks.conftest import CHOICES, all_rows, write_table
from tests.test_guides import ROOT, run_code

UNITS = np.array(["%", "ms, Minimise", "MAXIMIZE, really"])


def test_the_readmes_table_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_code(ROOT / "benchmarks" / "README.md")
    problem = make_problem("my_table.npz", None)
    assert problem.space.choices == ((2, 3, 4), (3, 5, 7), ("conv", "pool"))
    assert problem.directions == ["maximize", "minimize"]


@pytest.mark.parametrize("array", ["X", "names", "choices", "objective_units", "Y"])
def test_a_missing_array_is_named_and_the_format_told(array: str, tmp_path: Path) -> None:
    write_table(tmp_path / "bad.npz", all_rows(), **{array: None})
    with pytest.raises(ValueError, match=f"bad.npz: it lacks {array}. A table is an .npz") as found:
        make_problem(f"{tmp_path}/bad.npz:+accuracy,-latency", None)
    assert FORMAT in str(found.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"choices": np.array(CHOICES)}, "Object arrays cannot be loaded"),
        ({"choices": np.array(str(CHOICES))}, r"choices is not JSON .*json.dumps\(choices\)"),
        ({"choices": np.array("[[1, 2]]")}, "choices must list the options of each of depth, op_0"),
        ({"choices": np.array('{"depth": [1, 2]}')}, "choices must list the options of each of"),
        ({"choices": np.array('{"depth": 2}')}, "choices must list the options of each of"),
        ({"X": np.full((12, 3), 0.5)}, "X has fractions, where option indices belong"),
        ({"X": np.zeros((0, 3)), "Y": np.zeros((0, 3))}, "it has no network"),
        ({"objective_units": np.array("%")}, r"objective_units has shape \(\), not \(3,\)"),
        ({"objective_names": np.array(["a", "b", "a"])}, "it has a name twice: a, b, a"),
        ({"Y": np.zeros((3, 3))}, r"Y has shape \(3, 3\), not \(12, 3\)"),
        ({"objective_units": np.array(["%"])}, r"objective_units has shape \(1,\), not \(3,\)"),
        ({"X": np.full((12, 3), 2)}, "X has 2 to 2 for depth, which has 2 options"),
    ],
)
def test_a_file_in_another_format_is_explained(
    changes: dict[str, np.ndarray], words: str, tmp_path: Path
) -> None:
    write_table(tmp_path / "bad.npz", all_rows(), **changes)
    with pytest.raises(ValueError, match=f"bad.npz: {words}.* A table is an .npz"):
        TableFile.read(tmp_path / "bad.npz")


def test_a_direction_is_said_by_a_sign_or_by_the_unit_and_never_guessed(tmp_path: Path) -> None:
    path = tmp_path / "vague.npz"
    write_table(path, all_rows(), objective_units=UNITS)
    assert make_problem(f"{path}:latency,size", None).directions == ["minimize", "maximize"]
    assert make_problem(f"{path}:+accuracy,latency", None).directions == ["maximize", "minimize"]
    for name in (str(path), f"{path}:accuracy,-latency"):
        with pytest.raises(ValueError, match=r"Write \+accuracy to maximise it or -accuracy to"):
            make_problem(name, None)
