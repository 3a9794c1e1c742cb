from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from optuna_linas.supernets import (
    accuracy,
    largest_arch,
    make_elastic,
    recalibrate_batch_norm,
    smallest_arch,
    train_supernet,
)


class Residual(nn.Module):
    def __init__(self, n: int, hidden: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(n, hidden, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(hidden)
        self.conv2 = nn.Conv2d(hidden, n, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(n)
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        y = self.act(self.bn1(self.conv1(x)))
        return self.act(self.bn2(self.conv2(y)) + x)


def cnn() -> nn.Module:
    """A stem, two residual blocks, a depthwise convolution, flattening and two linear layers."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        Residual(8, 12),
        Residual(8, 16),
        nn.Conv2d(8, 8, 3, padding=1, groups=8),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(8 * 16, 20),
        nn.ReLU(),
        nn.Linear(20, 3),
    )
    for tensor in [*net.parameters(), *net.buffers()]:
        if tensor.ndim == 1 and tensor.is_floating_point():
            nn.init.uniform_(tensor, 0.5, 1.5)
    return net.eval()


X = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def test_the_largest_architecture_is_the_network() -> None:
    net = cnn()
    supernet = make_elastic(net, X).eval()
    arch = largest_arch(supernet.space)
    torch.testing.assert_close(supernet(X, arch), net(X), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(supernet.extract(arch)(X), net(X), atol=1e-4, rtol=1e-4)


def test_tied_channels_have_one_width_and_residual_blocks_can_be_left_out() -> None:
    supernet = make_elastic(cnn(), X, widths=(0.5, 1.0))
    # Stem, both blocks' outputs and the depthwise layer are one group; each block's inside, and
    # the hidden linear layer, are others.
    assert [group.n for group in supernet.groups] == [8, 12, 16, 20]
    assert supernet.space.names == (
        *("block_0", "block_1"),
        *("width_0", "width_1", "width_2", "width_3"),
    )
    assert supernet.space["width_1"].conditions[0].parent == "block_0"
    assert supernet.space["width_2"].conditions[0].parent == "block_1"
    assert not supernet.space["width_0"].conditions
    small = supernet.extract(smallest_arch(supernet.space))
    assert isinstance(small[3], nn.Identity)
    assert isinstance(small[4], nn.Identity)
    assert small[5].groups == 4
    assert small[8].weight.shape == (10, 4 * 16)
    assert small[10].weight.shape == (3, 10)


def test_the_most_important_channels_are_kept() -> None:
    net = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 2))
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[1.0, 0], [9, 0], [0, 3], [0, 7]]))
        net[0].bias.copy_(torch.tensor([1.0, 2, 3, 4]))
    small = make_elastic(net, torch.zeros(1, 2)).extract({"width_0": 0.5})
    assert small[0].weight.tolist() == [[9, 0], [0, 7]]
    assert small[0].bias.tolist() == [2, 4]
    assert torch.equal(small[2].weight, net[2].weight[:, [1, 3]])
    assert net[0].weight[0].tolist() == [1, 0]  # the caller's network is as before


def test_widths_are_multiples_of_the_divisor() -> None:
    supernet = make_elastic(cnn(), X, divisor=4, widths=(0.25, 0.6, 1.0))
    archs = supernet.space.sample(30, np.random.default_rng(0))
    widths = {supernet.extract(arch)[8].out_features for arch in archs}
    assert widths == {4, 12, 20}


def test_it_trains_like_any_super_network() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        Residual(8, 8),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(32, 2),
    )
    rng = torch.Generator().manual_seed(0)
    x = 0.3 * torch.randn(32, 1, 4, 4, generator=rng)
    labels = torch.arange(32) % 2
    x[labels == 0, :, :, :2] += 1
    x[labels == 1, :, :, 2:] += 1
    supernet = make_elastic(net, x)
    train_supernet(supernet, [(x, labels)] * 4, epochs=8, seed=0, lr=1e-2, progress=False)
    for arch in (smallest_arch(supernet.space), largest_arch(supernet.space)):
        network = recalibrate_batch_norm(supernet.extract(arch), [x])
        assert accuracy(network, [(x, labels)]) > 0.9


class Forked(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x if x.sum() > 0 else -x


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (nn.Sequential(nn.Linear(4, 2)), ValueError, "Nothing of Sequential is elastic"),
        (Forked(), ValueError, "cannot be traced: its forward depends on values"),
        (nn.Sequential(nn.Linear(4, 4), nn.Softplus(), nn.Linear(4, 2)), TypeError, "a Softplus"),
        ("model", TypeError, r"nn\.Module, got str"),
        (nn.Linear(3, 4), ValueError, r"cannot be called with the example .* \(2, 4\): mat1"),
    ],
)
def test_what_cannot_be_made_elastic_is_explained(
    model: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make_elastic(model, torch.zeros(2, 4))


def test_settings_that_make_no_sense_are_refused() -> None:
    net = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
    with pytest.raises(ValueError, match="1 the largest"):
        make_elastic(net, torch.zeros(2, 4), widths=(0.5, 0.75))
    with pytest.raises(ValueError, match="divisor must be at least 1"):
        make_elastic(net, torch.zeros(2, 4), divisor=0)


def test_without_elastic_depth_no_block_is_left_out() -> None:
    space = make_elastic(cnn(), X, elastic_depth=False).space
    assert not any(name.startswith("block") for name in space.names)


class Stage(nn.Module):
    """Blocks that are called one after the other, as most networks write them."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([Residual(n, 4), Residual(n, 6)])

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        return x


class Attributes(nn.Module):
    """Residual blocks outside of any `nn.Sequential`, one of which is looked into."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.block = Residual(8, 12)
        self.seen = Residual(8, 12)
        self.stage = Stage(8)
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3))

    def forward(self, x: Tensor) -> Tensor:
        y = self.seen.act(self.seen(self.block(self.stem(x))))
        return self.head(self.stage(y))


def test_blocks_are_found_wherever_they_are_called() -> None:
    torch.manual_seed(0)
    net = Attributes().eval()
    supernet = make_elastic(net, X).eval()
    assert supernet.blocks == ("block", "stage.blocks.0", "stage.blocks.1")
    torch.testing.assert_close(supernet(X, largest_arch(supernet.space)), net(X))
    small = smallest_arch(supernet.space)
    network = supernet.extract(small)
    assert isinstance(network.block, nn.Identity)
    assert isinstance(network.stage.blocks[0], nn.Identity)
    torch.testing.assert_close(network(X), supernet(X, small))


class Inline(nn.Module):
    """An addition that belongs to no module of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.inner, self.head = nn.Linear(4, 8), nn.Linear(8, 8), nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        return self.head(x + self.inner(x))


def test_additions_that_cannot_be_left_out_are_named() -> None:
    with pytest.warns(UserWarning, match="No residual block of Inline can be left out"):
        supernet = make_elastic(Inline(), torch.zeros(2, 4))
    assert supernet.blocks == ()
    make_elastic(Inline(), torch.zeros(2, 4), elastic_depth=False)


class Dense(nn.Module):
    """A residual block of two linear layers."""

    def __init__(self, n: int, hidden: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(n, hidden), nn.Linear(hidden, n)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(torch.relu(self.first(x)))


def mlp(*blocks: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Linear(4, 8), *blocks, nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 2))


def check_samples(supernet: Any, x: Tensor) -> None:
    """Architectures can be called, and their extracted networks compute the same."""
    for arch in supernet.space.sample(20, np.random.default_rng(0)):
        torch.testing.assert_close(supernet.extract(arch)(x), supernet(x, arch))


class LayerBehind(Dense):
    """Its addition is followed by a layer that makes channels of its own."""

    def forward(self, x: Tensor) -> Tensor:
        return self.second(torch.relu(x + self.first(x)))


class MethodBehind(Dense):
    """Behind its addition is a layer of the same name as the method that adds."""

    def __init__(self, n: int, hidden: int) -> None:
        super().__init__(n, hidden)
        self.add = nn.Linear(n, n)

    def forward(self, x: Tensor) -> Tensor:
        return self.add(x.add(self.second(self.first(x))))


class NormBehind(Dense):
    """Its addition is followed by what keeps the channels."""

    def __init__(self, n: int, hidden: int) -> None:
        super().__init__(n, hidden)
        self.behind = nn.Sequential(nn.BatchNorm1d(n), nn.ReLU(), nn.Dropout())

    def forward(self, x: Tensor) -> Tensor:
        return self.behind(super().forward(x))


def test_a_block_that_can_be_left_out_ends_in_its_addition() -> None:
    x = torch.randn(4, 4)
    blocks = LayerBehind(8, 8), NormBehind(8, 12), MethodBehind(8, 7)
    supernet = make_elastic(mlp(*blocks), x).eval()
    assert supernet.blocks == ("2",)
    assert [group.n for group in supernet.groups] == [8, 8, 12, 7, 8, 6]
    check_samples(supernet, x)


class ListedTwice(nn.Module):
    """Each block has two names."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([Dense(8, 12), Dense(8, 10)])
        self.body = mlp(*self.blocks)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


def test_a_block_is_left_out_under_all_of_its_names() -> None:
    x = torch.randn(4, 4)
    supernet = make_elastic(ListedTwice(), x).eval()
    assert supernet.blocks == ("blocks.0", "blocks.1")
    network = supernet.extract(
        {**supernet.space.decode(largest_arch(supernet.space)), "block_0": 0}
    )
    assert isinstance(network.blocks[0], nn.Identity)
    assert network.body[1] is network.blocks[0]
    assert network.body[2] is network.blocks[1]
    check_samples(supernet, x)


class Unregistered(ListedTwice):
    """Its blocks are called through a list that PyTorch does not know."""

    def __init__(self) -> None:
        super().__init__()
        self.listed = list(self.body)

    def forward(self, x: Tensor) -> Tensor:
        for block in self.listed:
            x = block(x)
        return x


def test_a_block_that_is_called_without_its_name_stays() -> None:
    x = torch.randn(4, 4)
    with pytest.warns(UserWarning, match="No residual block of Unregistered"):
        supernet = make_elastic(Unregistered(), x).eval()
    assert supernet.blocks == ()
    check_samples(supernet, x)


class Recalled(nn.Module):
    """A layer of a block is called again outside of it."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 8), Dense(8, 12), Dense(8, 10))
        self.head = nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.body(x)
        return self.head(x + self.body[1].second(torch.relu(self.body[1].first(x))))


def called_twice() -> nn.Module:
    block = Dense(8, 12)
    return mlp(block, Dense(8, 10), block)


def shared_layer() -> nn.Module:
    one, other = Dense(8, 12), Dense(8, 12)
    other.first = one.first
    return mlp(one, other)


def tied_weight() -> nn.Module:
    one, other = Dense(8, 12), Dense(8, 12)
    other.first.weight = one.first.weight
    return mlp(one, other)


def shared_norm() -> nn.Module:
    norm = nn.BatchNorm1d(8)
    nn.init.uniform_(norm.weight)
    return mlp(norm, Dense(8, 10), norm)


@pytest.mark.parametrize(
    ("make", "blocks", "widths"),
    [
        (called_twice, 2, [10, 6]),
        (shared_layer, 2, [6]),
        (tied_weight, 2, [6]),
        (shared_norm, 1, [10, 6]),
        (Recalled, 1, [10]),
    ],
)
def test_layers_used_twice_keep_their_width(make: Any, blocks: int, widths: list[int]) -> None:
    torch.manual_seed(0)
    net = make().eval()
    x = torch.randn(4, 4)
    supernet = make_elastic(net, x).eval()
    assert (len(supernet.blocks), [g.n for g in supernet.groups]) == (blocks, widths)
    torch.testing.assert_close(supernet(x, largest_arch(supernet.space)), net(x))
    check_samples(supernet, x)


def test_tied_weights_stay_tied() -> None:
    supernet = make_elastic(tied_weight(), torch.zeros(2, 4))
    network = supernet.extract(largest_arch(supernet.space))
    assert network[1].first.weight is network[2].first.weight
    assert network[1].first.bias is not network[2].first.bias


class OneToAll(Dense):
    """Adds one channel to all of them."""

    def forward(self, x: Tensor) -> Tensor:
        return self.first(x) + x


@pytest.mark.parametrize(
    ("net", "x", "widths"),
    [
        (mlp(nn.BatchNorm1d(8), OneToAll(8, 1), nn.BatchNorm1d(8)), torch.randn(4, 4), [8, 6]),
        (nn.Sequential(nn.Conv2d(3, 4, 1), nn.Flatten(), Dense(256, 9), nn.Linear(256, 2)), X, [9]),
    ],
)
def test_additions_of_unlike_channels_tie_no_widths(
    net: nn.Module, x: Tensor, widths: list[int]
) -> None:
    supernet = make_elastic(net.eval(), x).eval()
    assert [group.n for group in supernet.groups] == widths
    torch.testing.assert_close(supernet(x, largest_arch(supernet.space)), net(x))
    check_samples(supernet, x)
