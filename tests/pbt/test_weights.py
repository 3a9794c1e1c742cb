"""What becomes of tensors: literal numbers, bit for bit where the paper's rule says so."""

import io
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from optuna_linas.errors import CheckpointError
from optuna_linas.pbt.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from optuna_linas.pbt.optimizer_state import load_by_name, state_by_name
from optuna_linas.pbt.soup import average, greedy_soup
from optuna_linas.pbt.weights import Mixture, mix_weights, owner_of


def network(seed: int) -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 2, 3))


def trained(seed: int) -> nn.Sequential:
    model = network(seed)
    generator = torch.Generator().manual_seed(seed)
    model(torch.randn(8, 1, 8, 8, generator=generator))
    return model


def same(first: dict[str, Any], second: dict[str, Any]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


BASE, DONOR, FRESH = trained(1).state_dict(), trained(2).state_dict(), network(3).state_dict()
BUFFERS = [name for name, _ in network(0).named_buffers()]
EVERY = {"0": "donor", "1": "donor", "3": "donor"}


def mix(origins: dict[str, Any], **settings: Any) -> dict[str, Any]:
    return mix_weights(FRESH, BASE, DONOR, Mixture(origins, **settings), buffers=BUFFERS)


def test_nothing_donated_is_the_base_bit_for_bit() -> None:
    assert same(mix({}), BASE)


def test_everything_donated_is_the_donor_shrink_perturbed_element_by_element() -> None:
    child = mix(EVERY, shrink=0.4, perturb=0.1)
    for name, tensor in child.items():
        if tensor.is_floating_point():  # the statistics of the batch norm too: the default
            assert torch.equal(tensor, 0.4 * DONOR[name] + 0.1 * FRESH[name])
        else:
            assert torch.equal(tensor, DONOR[name])


def test_shrink_1_and_perturb_0_is_a_bit_exact_copy() -> None:
    assert same(mix(EVERY, shrink=1.0, perturb=0.0), DONOR)
    awkward = {"w": torch.tensor([-0.0, float("inf"), 1e-45])}
    fresh = {"w": torch.tensor([float("inf"), 0.0, 1.0])}
    copied = mix_weights(fresh, {}, awkward, Mixture({"w": "donor"}, shrink=1.0, perturb=0.0))
    assert copied["w"].numpy().tobytes() == awkward["w"].numpy().tobytes()


def test_shrink_0_and_perturb_1_starts_anew() -> None:
    child = mix({"3": "donor"}, shrink=0.0, perturb=1.0)
    assert torch.equal(child["3.weight"], FRESH["3.weight"])
    assert same(mix({"3": "fresh"}), child)


def test_only_the_donated_layer_changes() -> None:
    child = mix({"0": "donor"})
    changed = {name for name in child if not torch.equal(child[name], BASE[name])}
    assert changed == {"0.weight", "0.bias"}


def test_two_fresh_networks_make_two_children() -> None:
    one = mix(EVERY)
    mixture = Mixture({"0": "donor", "1": "donor", "3": "donor"})
    two = mix_weights(network(4).state_dict(), BASE, DONOR, mixture, buffers=BUFFERS)
    assert not torch.equal(one["0.weight"], two["0.weight"])


@pytest.mark.parametrize(("policy", "source"), [("copy", DONOR), ("reset", FRESH)])
def test_buffers_have_a_policy(policy: str, source: dict[str, Tensor]) -> None:
    child = mix({"1": "donor"}, buffers=policy)
    assert torch.equal(child["1.running_mean"], source["1.running_mean"])
    assert torch.equal(child["1.weight"], 0.4 * DONOR["1.weight"] + 0.1 * FRESH["1.weight"])
    assert child["1.num_batches_tracked"] == DONOR["1.num_batches_tracked"] == 1


def test_paths_are_exact() -> None:
    assert owner_of("cell1.c10.weight", ["cell1.c1"]) is None
    assert owner_of("cell1.c1.weight", ["cell1.c1", "cell1"]) == "cell1.c1"
    assert owner_of("scale", ["scale"]) == "scale"
    state = {f"c{i}.w": torch.full((1,), float(i)) for i in (1, 10)}
    twice = {name: 2 * tensor for name, tensor in state.items()}
    mixture = Mixture({"c1": "donor"}, shrink=1.0, perturb=0.0)
    assert mix_weights(state, state, twice, mixture) == {"c1.w": 2.0, "c10.w": 10.0}


def test_the_longest_path_decides() -> None:
    w = torch.ones(1)
    states = [{"a.b.w": i * w, "a.c.w": i * w} for i in (1.0, 2.0, 3.0)]
    mixture = Mixture({"a": "donor", "a.b": "fresh"}, shrink=1.0, perturb=0.0)
    assert mix_weights(*states, mixture) == {"a.b.w": 1.0, "a.c.w": 3.0}


def test_another_shape_is_explained_cropped_or_fresh() -> None:
    fresh, old = {"a.w": torch.zeros(3, 2)}, {"a.w": torch.ones(2, 4)}
    with pytest.raises(ValueError, match=r"'a.w' has shape \(2, 4\) in the base and \(3, 2\)"):
        mix_weights(fresh, old, None, Mixture({}))
    cropped = mix_weights(fresh, old, None, Mixture({}, mismatch="crop"))["a.w"]
    assert cropped.tolist() == [[1, 1], [1, 1], [0, 0]]
    assert mix_weights(fresh, old, None, Mixture({}, mismatch="fresh"))["a.w"].sum() == 0
    donated = Mixture({"a": "donor"}, shrink=0.5, perturb=0.5, mismatch="crop")
    assert mix_weights({"a.w": torch.full((3,), 4.0)}, {}, {"a.w": torch.ones(2)}, donated)[
        "a.w"
    ].tolist() == [2.5, 2.5, 4.0]
    flat = mix_weights({"a.w": torch.zeros(3)}, old, None, Mixture({}, mismatch="crop"))
    assert flat["a.w"].tolist() == [0, 0, 0]


def test_a_layer_that_is_another_kind_is_explained() -> None:
    fresh, base = {"c.depthwise": torch.zeros(1)}, {"c.weight": torch.zeros(1)}
    with pytest.raises(ValueError, match=r"not in the base, which has .*name its module"):
        mix_weights(
            {**fresh, "c.depth": torch.zeros(1)},
            {**base, "c.kernel": torch.zeros(1)},
            None,
            Mixture({}),
        )


def test_half_precision_and_state_that_is_no_tensor_are_kept() -> None:
    fresh = {"w": torch.zeros(2, dtype=torch.float16), "_extra_state": "fresh"}
    base = {"w": torch.ones(2), "_extra_state": "base"}
    child = mix_weights(fresh, base, None, Mixture({}))
    assert child["w"].dtype == torch.float16
    assert child["_extra_state"] == "base"


def stepped(model: nn.Module, seed: int) -> torch.optim.Adam:
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01 * (seed + 1))
    model(torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(seed))).sum().backward()
    optimizer.step()
    return optimizer


def test_moments_follow_names_where_numbers_shift() -> None:
    old = network(0)
    state = state_by_name(stepped(old, 0), old)
    # The new network has an additional layer in front: every number is another parameter's.
    new = nn.Sequential()
    new.add_module("stem", nn.Conv2d(1, 1, 1))
    for name, child in network(1).named_children():
        new.add_module(name, child)
    optimizer = torch.optim.Adam(new.parameters(), lr=0.5)
    loaded = load_by_name(optimizer, new, state, keep=lambda name: not name.startswith("3."))
    assert loaded == ["0.weight", "0.bias", "1.weight", "1.bias"]
    by_name = dict(new.named_parameters())
    moments = optimizer.state[by_name["0.weight"]]
    assert torch.equal(moments["exp_avg"], state["0.weight"]["exp_avg"])
    assert moments["step"] == 1
    for reset in ("stem.weight", "3.weight", "3.bias"):
        assert by_name[reset] not in optimizer.state
    assert optimizer.param_groups[0]["lr"] == 0.5  # what the user passed, not what was stored
    new(torch.ones(2, 1, 8, 8)).sum().backward()
    optimizer.step()


def test_moments_of_another_shape_are_dropped_and_outsiders_go_by_place() -> None:
    model = nn.Linear(2, 2)
    temperature = nn.Parameter(torch.zeros(()))
    optimizer = torch.optim.Adam([{"params": model.parameters()}, {"params": [temperature]}])
    (model(torch.ones(1, 2)).sum() * temperature.exp()).backward()
    optimizer.step()
    state = state_by_name(optimizer, model)
    assert sorted(state) == ["#1.0", "bias", "weight"]
    wider, other = nn.Linear(3, 2), nn.Parameter(torch.zeros(()))
    new = torch.optim.Adam([{"params": wider.parameters()}, {"params": [other]}])
    assert load_by_name(new, wider, state) == ["bias", "#1.0"]


def written(checkpoint: Checkpoint) -> bytes:
    file = io.BytesIO()
    write_checkpoint(checkpoint, file)
    return file.getvalue()


def test_a_checkpoint_comes_back() -> None:
    model = network(0)
    checkpoint = Checkpoint(
        model.state_dict(),
        {"": state_by_name(stepped(model, 0), model)},
        extra={"steps": 3, "notes": ["a", (1.5, None)], "scale": torch.ones(())},
        layers={"op": ["0"]},
    )
    back = read_checkpoint(io.BytesIO(written(checkpoint)))
    assert same(back.model, dict(model.state_dict()))
    assert back.optimizers[""].keys() == checkpoint.optimizers[""].keys()
    assert back.extra["notes"] == ["a", (1.5, None)]
    assert back.layers == {"op": ["0"]}


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_checkpoint_is_a_clear_error(share: float) -> None:
    data = written(Checkpoint(dict(network(0).state_dict())))
    with pytest.raises(CheckpointError, match="truncated or damaged"):
        read_checkpoint(io.BytesIO(data[: int(share * len(data))]))


def test_what_is_no_checkpoint_is_a_clear_error() -> None:
    file = io.BytesIO()
    torch.save({"format": 7}, file)
    with pytest.raises(CheckpointError, match="not a checkpoint"):
        read_checkpoint(io.BytesIO(file.getvalue()))
    torch.save(nn.Linear(1, 1), file := io.BytesIO())  # would run code
    with pytest.raises(CheckpointError):
        read_checkpoint(io.BytesIO(file.getvalue()))


@pytest.mark.parametrize("value", [np.zeros(2), np.float64(1.0), {1, 2}, object()])
def test_what_cannot_be_read_back_is_refused_when_saved(value: object) -> None:
    with pytest.raises(TypeError, match=r"extra\['x'\] is a .*state_dict"):
        written(Checkpoint({}, extra={"x": value}))


def test_the_mean_of_equal_weights_is_those_weights() -> None:
    assert same(average([DONOR] * 3), DONOR)
    mean = average([BASE, DONOR], module="3")
    assert torch.allclose(mean["3.weight"], (BASE["3.weight"] + DONOR["3.weight"]) / 2)
    assert torch.equal(mean["0.weight"], BASE["0.weight"])


def test_a_greedy_soup_takes_what_helps_and_starts_with_the_best() -> None:
    states = [{"w": torch.tensor(v)} for v in (2.0, 9.0, -2.0, 0.1)]
    soup, used, loss = greedy_soup(states, lambda state: float(state["w"].abs()))
    assert used == [0, 2]
    assert loss == float(soup["w"]) == 0.0
