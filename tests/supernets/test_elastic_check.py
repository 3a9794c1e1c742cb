"""`make_elastic` tries what it has made, and leaves no trace of that."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from optuna_linas.supernets import largest_arch, make_elastic
from optuna_linas.supernets.dry_run import dry_run

CPU = torch.device("cpu")


def mlp(hook: Any = None) -> nn.Sequential:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 3))
    if hook is not None:
        net[0].register_forward_hook(lambda _module, _inputs, output: hook(output))
    return net


@pytest.mark.parametrize("x", [torch.zeros(2, 4), torch.randn(2, 4)])
@pytest.mark.parametrize(
    ("hook", "message"),
    [
        (
            lambda y: y.cumsum(1),
            "Sequential cannot be made elastic as it is: the largest architecture does not compute",
        ),
        (lambda y: y + torch.ones(8), r"width_0': 0.5, .* cannot be called: The size of tensor a"),
        (lambda y: y.repeat(8 // y.shape[1], 1), "returns tensors of shapes"),
    ],
)
def test_what_depends_on_channels_unseen_is_refused(x: Tensor, hook: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_elastic(mlp(hook), x)
    make_elastic(mlp(torch.tanh), x)


def test_a_model_that_cannot_be_copied_is_explained() -> None:
    net = mlp()
    net.computed = net[0].weight * 2  # type: ignore[assignment]
    with pytest.raises(ValueError, match=r"cannot be copied \(.* use torch\.nn\.utils\.param"):
        make_elastic(net, torch.zeros(2, 4))


def test_an_example_without_a_batch_is_refused() -> None:
    with pytest.raises(ValueError, match=r"batch first; got the shape \(4,\)"):
        make_elastic(mlp(), torch.zeros(4))


def test_examples_are_of_the_type_of_the_given_one() -> None:
    net = nn.Sequential(nn.Embedding(9, 4), nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    with pytest.warns(UserWarning, match="through 0, an Embedding"):
        supernet = make_elastic(net, torch.tensor([[1, 2, 3]]))
    x = supernet.example_input(2)
    assert (x.dtype, tuple(x.shape)) == (torch.int64, (2, 3))
    assert supernet(x, largest_arch(supernet.space)).shape == (2, 3, 2)


class Counting(nn.Module):
    """Counts its calls, in place and in a new tensor, and draws a number in each."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(), nn.Linear(8, 2))
        self.register_buffer("calls", torch.zeros(()))
        self.register_buffer("last", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1  # type: ignore[operator]
        self.last = self.calls + 0
        return self.net(x) * torch.rand(1)


def test_nothing_is_changed_by_trying() -> None:
    model = Counting()
    model.net[1].eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    drawn = torch.get_rng_state()
    supernet = make_elastic(model, torch.randn(4, 4, generator=torch.Generator().manual_seed(0)))
    assert torch.equal(torch.get_rng_state(), drawn)
    assert (model.training, model.net[1].training, supernet.training) == (True, False, True)
    for name, tensor in before.items():
        assert torch.equal(model.state_dict()[name], tensor)
        if name.startswith(("calls", "last", "net.1.running", "net.1.num")):
            assert torch.equal(supernet.network.state_dict()[name], tensor)


def test_a_dry_run_restores_all_after_an_error_too() -> None:
    model = Counting()
    model.net[2].eval()
    drawn, last = torch.get_rng_state(), model.last
    with pytest.raises(RuntimeError, match="mat1"), dry_run(model, CPU):
        model(torch.ones(2, 5))
    assert (float(model.calls), float(model.last)) == (0, 0)
    assert model.last is last
    assert [part.training for part in model.net] == [True, True, False, True]
    assert torch.equal(torch.get_rng_state(), drawn)
    outputs = []
    for _ in range(2):
        with dry_run(model, CPU):
            outputs.append(model(torch.ones(2, 4)))
    assert torch.equal(*outputs)
    assert not outputs[0].requires_grad


def test_lazy_layers_are_called_first() -> None:
    net = nn.Sequential(nn.LazyConv2d(8, 1), nn.Flatten(), nn.LazyLinear(6), nn.LazyLinear(2))
    x = torch.zeros(2, 3, 4, 4)
    with pytest.raises(ValueError, match=r"Call it once, model\(example_input\)"):
        make_elastic(net, x)
    net(x)
    assert [group.n for group in make_elastic(net, x).groups] == [8, 6]
