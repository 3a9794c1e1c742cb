import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import measured as measured_tables
from benchmarks import predictors
from benchmarks.measured import MEASURED, read_measured
from benchmarks.predictor_study import Learner, split, study
from benchmarks.problem import Goal
from benchmarks.tables import Measured
from optuna_linas.space import SearchSpace
from tests.benchmarks.conftest import all_rows, write_table


def additive(n: int = 200, *, depth_matters: bool = True) -> Measured:
    """Accuracy is a sum over layers that exist, latency its square."""
    names = [f"layer_{i}" for i in range(6)]
    space = SearchSpace.from_choices(
        {"depth": [3, 6], **{name: [1, 2, 3] for name in names}},
        {name: {"depth": [6]} for name in names[3:]} if depth_matters else {},
    )
    archs = space.canonical(space.sample(3 * n, np.random.default_rng(0)))
    archs = np.unique(archs, axis=0)[:n]
    total = (archs * space.active(archs)) @ np.arange(1.0, 8.0) + 10
    goals = (Goal("accuracy", "%", "maximize"), Goal("latency", "ms", "minimize"))
    return Measured(space, archs, np.stack([total, total**2], axis=1), goals, "1")


def test_examples_are_split_without_overlap_and_always_alike() -> None:
    measured = additive()
    (rest, test), (_, again) = split(measured, 50), split(measured, 50)
    np.testing.assert_array_equal(test.archs, again.archs)
    assert len(test.archs) == 50
    assert len(rest.archs) == len(measured.archs) - 50
    rows = {arch.tobytes() for arch in rest.archs}
    assert not rows & {arch.tobytes() for arch in test.archs}
    assert (test.losses[:, 0] < 0).all()  # maximised accuracy is a negative loss
    with pytest.raises(ValueError, match="leave none to learn from"):
        split(measured, len(measured.archs))


def test_networks_without_a_value_are_left_out() -> None:
    measured = additive()
    measured.values[:10, 1] = np.nan
    rest, test = split(measured, 50)
    assert len(rest.archs) + len(test.archs) == len(measured.archs) - 10
    assert np.isfinite(rest.losses).all()


def test_more_examples_and_masked_features_help() -> None:
    found = study(
        additive(),
        [Learner("ridge"), Learner("ridge", masked=False), Learner("gp")],
        [10, 80, 10_000],
        repeats=3,
        n_test=60,
    )
    assert found["sizes"] == [10, 80]
    assert list(found["predictors"]) == ["ridge", "ridge, plain features", "gp"]
    scores = {
        name: figures["objectives"]["accuracy"] for name, figures in found["predictors"].items()
    }
    for name in ("ridge", "gp"):
        tau = [each["mean"] for each in scores[name]["kendall_tau"]]
        assert tau[1] > tau[0]
        assert tau[1] > 0.9
        assert scores[name]["mape_percent"][1]["mean"] < scores[name]["mape_percent"][0]["mean"]
    plain = scores["ridge, plain features"]["kendall_tau"][1]["mean"]
    assert plain <= scores["ridge"]["kendall_tau"][1]["mean"]


def test_a_study_repeats() -> None:
    scores = [
        study(additive(), [Learner("ridge")], [20], repeats=2, n_test=50)["predictors"]["ridge"][
            "objectives"
        ]
        for _ in range(2)
    ]
    assert scores[0] == scores[1]


@pytest.mark.parametrize("name", MEASURED)
def test_measured_tables_hold_each_network_once(name: str, data: Path) -> None:
    measured = read_measured(name, data)
    assert len(np.unique(measured.archs, axis=0)) == len(measured.archs)
    np.testing.assert_array_equal(measured.space.canonical(measured.archs), measured.archs)
    assert np.isfinite(measured.values).all()


def test_conditions_of_the_ofa_table_agree_with_its_macs(data: Path) -> None:
    path = data / MEASURED["ofa-mbv3-measured"].file
    measured = read_measured("ofa-mbv3-measured", data)
    with np.load(path) as arrays:
        rows, macs = arrays["X"].astype(np.int64), arrays["Y"][:, 1]
    _, network = np.unique(measured.space.canonical(rows), axis=0, return_inverse=True)
    assert network.max() + 1 < len(rows)  # some were measured more than once
    for k in range(network.max() + 1):
        assert np.ptp(macs[network == k]) == 0


def test_the_study_from_end_to_end(
    table: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = type(MEASURED["hwgpt-s-measured"])(table.name, ("accuracy", "latency"))
    monkeypatch.setattr(measured_tables, "MEASURED", {"tiny": source})
    out, picture = table.parent / "out.json", table.parent / "picture.html"
    arguments = [
        *("--data", str(table.parent), "--test", "3", "--sizes", "6", "9", "--repeats", "2"),
        *("--predictors", "ridge", "gp", "--plain", "--out", str(out), "--picture", str(picture)),
    ]
    assert predictors.main(["--tables", "tiny", *arguments]) == 0
    found = json.loads(out.read_text())["tables"]["tiny"]
    assert found["sizes"] == [6, 9]
    assert list(found["predictors"]) == ["ridge", "ridge, plain features", "gp"]
    assert len(found["predictors"]["gp"]["objectives"]["latency"]["kendall_tau"]) == 2
    assert "Kendall" in picture.read_text()
    assert "ridge, plain features" in capsys.readouterr().out


def test_a_table_by_its_path_needs_no_folder_and_may_be_incomplete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("OPTUNA_LINAS_DATA", raising=False)
    write_table(tmp_path / "part.npz", all_rows()[:-1])
    words = ["--tables", f"{tmp_path}/part.npz:-size", "--predictors", "ridge", "--repeats", "1"]
    assert predictors.main([*words, "--test", "3", "--sizes", "6"]) == 0
    assert "size" in capsys.readouterr().out
    assert predictors.main([*words, "--test", "3", "--sizes", "60", "90"]) == 1
    assert "there are 8 to learn from, fewer than 60" in capsys.readouterr().out
    assert predictors.main(["--tables", "part"]) == 1
    assert "any table by its path" in capsys.readouterr().out
    assert predictors.main(["--tables", "hwgpt-s-measured"]) == 1
    assert "OPTUNA_LINAS_DATA" in capsys.readouterr().out


def test_missing_data_is_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert predictors.main(["--data", str(tmp_path), "--tables", "hwgpt-s-measured"]) == 1
    assert "HW-GPT-Bench" in capsys.readouterr().out
