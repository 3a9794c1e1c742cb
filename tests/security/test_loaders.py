"""Files and stored texts that are damaged or made to harm: an error that says so, and no more."""

import io
import json
import pickle
import struct
import tempfile
import tracemalloc
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from optuna_linas import BudgetGenerator, SearchSpace
from optuna_linas.array_files import read_arrays
from optuna_linas.assignment import Assignment, Holder
from optuna_linas.errors import CheckpointError
from optuna_linas.hardware import LatencyTable, Measurement
from optuna_linas.pbt.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from optuna_linas.population_plan import PopulationPlan
from optuna_linas.samplers.plan import Claim, Plan
from optuna_linas.samplers.rows import row_to_params
from optuna_linas.samplers.turn import Mark
from optuna_linas.space_json import space_from_json, space_to_json
from optuna_linas.supernets import ElasticCNN, load_weights, save_weights
from optuna_linas.supernets.ofa_checkpoint import read_published
from tests.security.damage import altered_json, damaged, replaced

SPACE = SearchSpace.from_choices(
    {"depth": [1, 2, 3], "width": [8, 16, 32, 64], "kernel": [3, 5]}, {"kernel": {"depth": [2, 3]}}
)

fuzzed = settings(
    max_examples=120,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@cache
def generator_file() -> bytes:
    study = optuna.create_study(direction="maximize")
    rng = np.random.default_rng(0)
    distributions = {
        name: optuna.distributions.CategoricalDistribution(choices)
        for name, choices in (("depth", [1, 2, 3]), ("width", [8, 16, 32, 64]), ("kernel", [3, 5]))
    }
    for _ in range(40):
        params = {k: d.choices[rng.integers(len(d.choices))] for k, d in distributions.items()}
        cost = params["depth"] * params["width"] * params["kernel"] + rng.random()
        trial = optuna.trial.create_trial(
            params=params,
            distributions=distributions,
            value=1 - 1 / cost,
            user_attrs={"latency_ms": float(cost)},
        )
        study.add_trial(trial)
    made = BudgetGenerator.from_study(
        study, cost="latency_ms", n_budgets=3, n_steps=1, seed=0, progress=False
    )
    with tempfile.TemporaryDirectory() as folder:
        made.save(Path(folder) / "generator.npz")
        return (Path(folder) / "generator.npz").read_bytes()


@cache
def member_file() -> bytes:
    file, model = io.BytesIO(), nn.Linear(3, 2)
    state = dict(model.state_dict())
    write_checkpoint(Checkpoint(state, {"adam": {"weight": {"step": 1.0}}}, {"ema": state}), file)
    return file.getvalue()


def supernet() -> ElasticCNN:
    return ElasticCNN(n_classes=2, in_channels=1, image_size=8)


@cache
def supernet_file() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        save_weights(supernet(), Path(folder) / "weights.pt")
        return (Path(folder) / "weights.pt").read_bytes()


@cache
def table_text() -> str:
    table = LatencyTable(lambda m, x: Measurement(1.0, 0.1, 3, 1, "phone", 1, 1))
    table(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), torch.zeros(1, 2))
    with tempfile.TemporaryDirectory() as folder:
        table.save(Path(folder) / "table.json")
        return (Path(folder) / "table.json").read_text()


# ---- damaged files --------------------------------------------------------------------------


@given(data=st.data())
@fuzzed
def test_a_damaged_generator(data: st.DataObject, tmp_path: Path) -> None:
    content = data.draw(damaged(generator_file()))
    path = tmp_path / "generator.npz"
    path.write_bytes(content)
    try:
        made = BudgetGenerator.load(path)
    except ValueError as error:
        assert "generator.npz" in str(error)
    else:
        # Bytes that zip keeps twice or nobody reads: what was read has right checksums.
        assert made.generate(100.0)[0].params


@given(data=st.data())
@fuzzed
def test_a_damaged_checkpoint_of_a_member(data: st.DataObject) -> None:
    content = data.draw(damaged(member_file()))
    try:
        read = read_checkpoint(io.BytesIO(content))
    except CheckpointError as error:
        assert str(error)
    else:
        whole = read_checkpoint(io.BytesIO(member_file()))
        assert all(torch.equal(read.model[k], v) for k, v in whole.model.items())


@given(data=st.data())
@fuzzed
def test_damaged_weights_of_a_supernet(data: st.DataObject, tmp_path: Path) -> None:
    content, path = data.draw(damaged(supernet_file())), tmp_path / "weights.pt"
    path.write_bytes(content)
    made = supernet()
    try:
        load_weights(made, path)
    except ValueError as error:
        assert "weights.pt" in str(error)
    else:
        path.write_bytes(supernet_file())
        whole = supernet()
        load_weights(whole, path)
        assert all(torch.equal(made.state_dict()[k], v) for k, v in whole.state_dict().items())


@given(data=st.data(), is_old=st.booleans())
@fuzzed
def test_a_damaged_published_checkpoint(data: st.DataObject, is_old: bool, tmp_path: Path) -> None:
    file, path = io.BytesIO(), tmp_path / "published.pt"
    state = {"state_dict": {"first_conv.conv.weight": torch.ones(2, 2)}}
    torch.save(state, file, _use_new_zipfile_serialization=not is_old)
    path.write_bytes(data.draw(damaged(file.getvalue())))
    try:
        read = read_published(path)
    except ValueError as error:
        assert "published.pt" in str(error)
    else:
        assert all(isinstance(tensor, torch.Tensor) for tensor in read.values())


@given(data=st.data())
@fuzzed
def test_an_altered_latency_table(data: st.DataObject, tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    path.write_text(data.draw(altered_json(table_text())), encoding="utf-8")
    try:
        table = LatencyTable.load(path)
    except ValueError as error:
        assert "table.json" in str(error)
    else:
        assert all(m.latency_ms >= 0 for m in table._blocks.values())


@pytest.mark.parametrize("field", ["latency_ms", "n_repeats", "batch_size", "n_outliers"])
@pytest.mark.parametrize("value", ["Infinity", "NaN", "null", "[]", '"x"', "1e999"])
def test_a_latency_that_is_no_number(field: str, value: str, tmp_path: Path) -> None:
    data = json.loads(table_text())
    key = next(iter(data["blocks"]))
    text = json.dumps(replaced(data, ("blocks", key, field), "HERE")).replace('"HERE"', value)
    (tmp_path / "table.json").write_text(text)
    with pytest.raises(ValueError, match=r"table\.json is no latency table"):
        LatencyTable.load(tmp_path / "table.json")


# ---- altered parts of files -----------------------------------------------------------------


def with_array(name: str, array: np.ndarray) -> bytes:
    with np.load(io.BytesIO(generator_file())) as arrays:
        parts = {**arrays, name: array}
    file = io.BytesIO()
    np.savez(file, **parts)
    return file.getvalue()


@given(data=st.data())
@fuzzed
def test_an_altered_array_of_a_generator(data: st.DataObject, tmp_path: Path) -> None:
    with np.load(io.BytesIO(generator_file())) as arrays:
        name = data.draw(st.sampled_from([n for n in arrays.files if n != "header"]))
        array = arrays[name]
    change: Callable[[Any], Any] = data.draw(
        st.sampled_from(
            [
                lambda a: a[..., :-1] if a.ndim else a,
                lambda a: a[:0],
                lambda a: a.ravel(),
                lambda a: a.astype(str),
                lambda a: a.astype(bool),
                lambda a: a.astype(complex),
                lambda a: np.full_like(a, -3 if a.dtype.kind == "i" else np.nan),
                lambda a: np.full_like(a, 9_999 if a.dtype.kind == "i" else np.inf),
                lambda a: np.broadcast_to(a, (2, *a.shape)),
            ]
        )
    )
    path = tmp_path / "generator.npz"
    path.write_bytes(with_array(name, np.ascontiguousarray(change(array))))
    unchanged = np.array_equal(change(array), array) and change(array).shape == array.shape
    try:
        made = BudgetGenerator.load(path)
    except ValueError as error:
        assert "generator.npz" in str(error)
    else:
        # No rows to remember are a file that somebody may have written.
        assert unchanged or name == "remembered"
        assert made.generate(100.0)[0].params


@given(data=st.data())
@fuzzed
def test_an_altered_header_of_a_generator(data: st.DataObject, tmp_path: Path) -> None:
    with np.load(io.BytesIO(generator_file())) as arrays:
        header = str(arrays["header"])
    path = tmp_path / "generator.npz"
    path.write_bytes(with_array("header", np.array(data.draw(altered_json(header)))))
    try:
        made = BudgetGenerator.load(path)
    except ValueError as error:
        assert str(error)
    else:
        # What only names and counts things may be anything of its kind. With its sign the other
        # way round a cost is to be large, and no architecture has so large a one.
        largest = 1e9 * made._cost_sign
        assert made.generate(largest)[0].params.keys() <= set(made.space.names)


@pytest.mark.parametrize("name", [f"n_{n}" for n in ("candidates", "rounds", "refinements")])
def test_a_generator_cannot_be_made_to_work_for_ever(name: str, tmp_path: Path) -> None:
    with np.load(io.BytesIO(generator_file())) as arrays:
        header = json.loads(str(arrays["header"]))
    text = json.dumps(replaced(header, ("settings", name), 10**12))
    path = tmp_path / "generator.npz"
    path.write_bytes(with_array("header", np.array(text)))
    with pytest.raises(ValueError, match=name):
        BudgetGenerator.load(path)


def altered(content: bytes, path: tuple[Any, ...], new: Any) -> bytes:
    data = torch.load(io.BytesIO(content), weights_only=True)
    file = io.BytesIO()
    torch.save(replaced(data, path, new), file)
    return file.getvalue()


_WRONG = [None, 3, "x", [], [1], {}, {"a": 1}, {1: torch.ones(1)}, torch.ones(2)]


@pytest.mark.parametrize("part", ["format", "model", "copies", "layers"])
@pytest.mark.parametrize("new", _WRONG, ids=repr)
def test_an_altered_part_of_a_members_checkpoint(part: str, new: Any) -> None:
    if new == {} and part != "format":
        return  # nothing saved is no damage
    with pytest.raises(CheckpointError):
        read_checkpoint(io.BytesIO(altered(member_file(), (part,), new)))


@pytest.mark.parametrize("part", ["format", "model", "space"])
@pytest.mark.parametrize("new", _WRONG, ids=repr)
def test_an_altered_part_of_a_supernets_weights(part: str, new: Any, tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    path.write_bytes(altered(supernet_file(), (part,), new))
    with pytest.raises(ValueError, match=r"weights\.pt"):
        load_weights(supernet(), path)


# ---- stored texts ---------------------------------------------------------------------------

PLAN = Plan(
    3, 2, ("depth", "width"), ((0, 1), (2, None)),
    tuple({"predicted": [0.5, 2.0], "objectives": [0, 1]} for _ in range(2)),
)  # fmt: skip
STEP = Assignment(
    4, 1, 0, 7, 2, 1, 2, ("a",), (), {"a": 1}, 0.4, 0.1, Holder("m", 1, "t"), 1.0, 0.0, False
)
POPULATION = PopulationPlan(8, 4, False, 3, ("lr",), (0,))
TEXTS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "plan": (PLAN.dumps(), Plan.loads),
    "mark": (Mark(3, "0123456789ab", Holder("machine", 7, "1234")).dumps(), Mark.loads),
    "claim": (Claim(1, 0, (1, None, 0.5), "key", PLAN.notes[0]).dumps(), Claim.loads),
    "assignment": (STEP.dumps(), Assignment.loads),
    "population": (POPULATION.dumps(), PopulationPlan.loads),
    "space": (json.dumps(space_to_json(SPACE)), lambda text: space_from_json(json.loads(text))),
}


@pytest.mark.parametrize("name", TEXTS)
@given(data=st.data())
@fuzzed
def test_an_altered_text_of_a_storage(name: str, data: st.DataObject) -> None:
    text, read = TEXTS[name]
    try:
        found = read(data.draw(altered_json(text)))
    except ValueError as error:
        assert str(error)
    else:
        assert type(found) is type(read(text))
        if isinstance(found, Plan):
            for row in found.rows:
                params = row_to_params(SPACE, found.names, row)
                assert all(params[n] in SPACE[n].options for n in params)


@pytest.mark.parametrize("name", TEXTS)
def test_what_is_nested_too_deeply_is_an_error(name: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # json's own for the space
        TEXTS[name][1]("[" * 200_000 if name != "space" else '[{"name": 1}]')


# ---- no code, no memory ---------------------------------------------------------------------


class Harm:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("harm-was-done"),))


def test_no_loader_runs_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "file"
    evil = io.BytesIO()
    torch.save({"format": "optuna-linas supernet 1", "model": Harm()}, evil)
    objects = io.BytesIO()
    np.savez(objects, header=np.array(Harm(), dtype=object))
    contents = [evil.getvalue(), objects.getvalue(), pickle.dumps(Harm())]
    loaders: list[Callable[[], Any]] = [
        lambda: BudgetGenerator.load(path),
        lambda: load_weights(supernet(), path),
        lambda: read_published(path),
        lambda: LatencyTable.load(path),
        lambda: read_checkpoint(io.BytesIO(path.read_bytes())),
    ]
    for content in contents:
        path.write_bytes(content)
        for load in loaders:
            with pytest.raises((ValueError, CheckpointError)):
                load()
    assert not (tmp_path / "harm-was-done").exists()


def npy(shape: tuple[int, ...], descr: str, data: bytes) -> bytes:
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(10 + len(header) + 1) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


@pytest.mark.parametrize(
    ("shape", "descr", "data"),
    [
        ((10**12,), "<f8", b"abc"),
        ((-1,), "<f8", bytes(8)),
        ((2**40, 2**40), "<f8", bytes(64)),
        ((1,), "|O", bytes(8)),
        ((2,), "<f8", bytes(8)),
    ],
)
def test_what_a_header_claims_is_not_believed(
    shape: tuple[int, ...], descr: str, data: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "claims.npz"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("header.npy", npy(shape, descr, data))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"claims\.npz cannot be read"):
            read_arrays(path)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_a_bomb_of_arrays_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file, file.open("x.npy", "w") as part:
        part.write(npy((300_000_000,), "|u1", b""))
        for _ in range(300):
            part.write(bytes(1_000_000))
    assert path.stat().st_size < 1_000_000
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="take 300 MB"):
            read_arrays(path)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_a_bomb_of_tensors_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(member_file())) as old,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for info in old.infolist():
            new.writestr(info.filename, old.read(info))
        with new.open("archive/data/99", "w") as part:
            for _ in range(100):
                part.write(bytes(1_000_000))
    assert len(packed.getvalue()) < 1_000_000

    def never(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("torch was given the bomb")

    monkeypatch.setattr(torch, "load", never)
    with pytest.raises(CheckpointError, match="compressed"):
        read_checkpoint(io.BytesIO(packed.getvalue()))


def test_an_altered_weight_is_seen() -> None:
    """Torch compares no checksums: without ours, one flipped bit of a weight is just another."""
    content = bytearray(member_file())
    weight = torch.load(io.BytesIO(member_file()), weights_only=True)["model"]["weight"]
    at = bytes(content).index(weight.numpy().tobytes())
    content[at] ^= 1
    other = torch.load(io.BytesIO(bytes(content)), weights_only=True)["model"]["weight"]
    assert not torch.equal(other, weight)
    with pytest.raises(CheckpointError, match="checksum"):
        read_checkpoint(io.BytesIO(bytes(content)))
