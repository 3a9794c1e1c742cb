"""Networks whose channels lie elsewhere than in dimension 1, or cannot be followed everywhere."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from optuna_linas.supernets import largest_arch, make_elastic, smallest_arch

IMAGES = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
TOKENS = torch.randn(2, 5, 6, generator=torch.Generator().manual_seed(0))
ROWS = TOKENS[:, 0]


class Does(nn.Module):
    """A network whose forward is a function of its layers and its input."""

    def __init__(self, call: Callable[[Any, Tensor], Tensor], **layers: nn.Module) -> None:
        super().__init__()
        self.call = call
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, x: Tensor) -> Tensor:
        return self.call(self, x)


def check(net: nn.Module, x: Tensor, widths: list[int], warning: str | None = None) -> Any:
    """The widths that are elastic; the largest network is as before, and each can be extracted."""
    torch.manual_seed(0)
    for tensor in [*net.parameters(), *net.buffers()]:
        if tensor.ndim and tensor.is_floating_point():
            nn.init.uniform_(tensor, 0.1, 1.0)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        supernet = make_elastic(net.eval(), x, elastic_depth=False).eval()
    assert [group.n for group in supernet.groups] == widths
    assert [
        str(each.message).partition("through ")[2].partition(". Known")[0] for each in said
    ] == ([warning] if warning else [])
    with torch.no_grad():
        torch.testing.assert_close(supernet(x, largest_arch(supernet.space)), net(x))
    archs = supernet.space.sample(10, np.random.default_rng(0))
    for arch in [smallest_arch(supernet.space), *archs]:
        torch.testing.assert_close(supernet.extract(arch)(x), supernet(x, arch))
    return supernet


def test_tokens_that_are_flattened_keep_the_channels_behind_them() -> None:
    check(
        nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 4), nn.Flatten(), nn.Linear(20, 3)),
        TOKENS,
        [8],
        "3, a Flatten of channels that do not come first",
    )
    model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Flatten(), nn.Linear(80, 3))
    with pytest.raises(TypeError, match=r"Nothing .* through 2, a Flatten of channels that do not"):
        make_elastic(model, TOKENS)


def test_channels_of_tokens_are_followed() -> None:
    norm, mean = nn.BatchNorm1d(5), Does(lambda _, x: x.mean(1))  # over tokens, both
    check(
        nn.Sequential(nn.Linear(6, 8), norm, nn.Linear(8, 7), mean, nn.Linear(7, 2)), TOKENS, [8, 7]
    )
    # Tokens are rows of one batch: the channels are dimension 1 then.
    rows = nn.Sequential(nn.Linear(6, 8), nn.Flatten(0, 1), nn.BatchNorm1d(8), nn.Linear(8, 2))
    check(rows, TOKENS, [8])


def test_a_linear_layer_over_pixels_leaves_the_channels_before_them() -> None:
    net = nn.Sequential(
        *(nn.Conv2d(3, 8, 1), nn.Flatten(2), nn.Linear(16, 4)),
        *(nn.ReLU(), nn.Flatten(), nn.Linear(32, 2)),
    )
    supernet = check(net, IMAGES, [8], "2, a Linear over another dimension than the channels")
    small = supernet.extract({"width_0": 0.5})
    assert small[2].weight.shape == (4, 16)
    assert small[5].weight.shape == (2, 4 * 4)


def test_a_mean_over_channels_keeps_them() -> None:
    net = Does(
        lambda net, x: net.body(torch.flatten(net.conv(x).mean(1), 1)),
        conv=nn.Conv2d(3, 16, 1),
        body=nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 2)),
    )
    check(net, IMAGES, [8], "mean (mean), over channels")


@pytest.mark.parametrize(
    "call",
    [
        lambda net, x: (lambda y: net.b(y + y))(net.a(x)),
        lambda net, x: (lambda y: net.b(2 * y * y - 1))(net.a(x)),
        lambda net, x: net.b(net.a(x).add(net.c(x))),
        lambda net, x: net.b(net.a(x) * torch.sigmoid(net.c(x))),
    ],
)
def test_sums_and_products_tie_what_they_are_of(call: Any) -> None:
    layers = {"a": nn.Linear(6, 16), "b": nn.Linear(16, 3), "c": nn.Linear(6, 16)}
    check(Does(call, **layers), ROWS, [16])


def test_one_channel_for_all_leaves_them_elastic() -> None:
    layers = {"a": nn.Conv2d(3, 6, 1), "gate": nn.Conv2d(3, 1, 1), "b": nn.Conv2d(6, 2, 1)}
    check(Does(lambda net, x: net.b(net.a(x) * net.gate(x)), **layers), IMAGES, [6])


@pytest.mark.parametrize(
    "norm", [parametrizations.weight_norm, parametrizations.spectral_norm, nn.utils.spectral_norm]
)
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_layers_whose_weights_are_computed_keep_their_width(norm: Any) -> None:
    layer = norm(nn.Linear(6, 16))
    net = nn.Sequential(layer, nn.ReLU(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 3))
    kind = type(layer).__name__
    check(net, ROWS, [8], f"0, a {kind} whose weights are computed from others")
    with pytest.raises(TypeError, match=f"through 0, a {kind} whose weights are computed"):
        make_elastic(nn.Sequential(layer, nn.ReLU(), nn.Linear(16, 3)), ROWS)


def test_a_layer_whose_weight_is_read_elsewhere_keeps_its_width() -> None:
    layers = {"a": nn.Linear(6, 16), "b": nn.Linear(16, 8), "c": nn.Linear(8, 3)}
    net = Does(lambda net, x: net.c(net.b(net.a(x))) + net.a.weight[0, 0], **layers)
    check(net, ROWS, [8])


@pytest.mark.parametrize(
    "rows", [lambda x: x.view(x.size(0), -1), lambda x: x.reshape((x.shape[0], -1))]
)
def test_flattening_by_the_size_of_the_batch_is_followed(rows: Any) -> None:
    layers = {"a": nn.Conv2d(3, 4, 1), "b": nn.Linear(64, 2)}
    check(Does(lambda net, x: net.b(rows(net.a(x))), **layers), IMAGES, [4])


def images(*layers: nn.Module) -> nn.Module:
    """What follows 8 channels, and a layer between that is elastic in any case."""
    return nn.Sequential(nn.Conv2d(3, 8, 1), *layers, nn.ReLU(), nn.Conv2d(6, 2, 1))


@pytest.mark.parametrize(
    ("net", "x", "unknown"),
    [
        (images(nn.GroupNorm(2, 8), nn.Conv2d(8, 6, 1)), IMAGES, "1, a GroupNorm"),
        (
            images(nn.ConvTranspose2d(8, 4, 2, 2), nn.Conv2d(4, 6, 1)),
            IMAGES,
            "1, a ConvTranspose2d",
        ),
        (images(nn.PixelShuffle(2), nn.Conv2d(2, 6, 1)), IMAGES, "1, a PixelShuffle"),
        (
            images(nn.Conv2d(8, 8, 1, groups=4), nn.Conv2d(8, 6, 1)),
            IMAGES,
            "1, a Conv2d of 4 groups",
        ),
        (
            images(Does(lambda _, x: torch.cat([x, x], 1)), nn.Conv2d(16, 6, 1)),
            IMAGES,
            "the operation cat (cat)",
        ),
        (
            images(Does(lambda _, x: x.transpose(2, 3)), nn.Conv2d(8, 6, 1)),
            IMAGES,
            "the operation transpose (transpose)",
        ),
        (
            nn.Sequential(nn.Conv1d(5, 4, 3), nn.Flatten(), nn.Linear(16, 6), nn.Linear(6, 2)),
            TOKENS,
            "0, a Conv1d",
        ),
        (
            nn.Sequential(
                nn.Linear(6, 8),
                Does(lambda net, x: net.all(x, x, x)[0], all=nn.MultiheadAttention(8, 2)),
                *(nn.Linear(8, 6), nn.Linear(6, 2)),
            ),
            TOKENS,
            "1.all, a MultiheadAttention",
        ),
        (
            nn.Sequential(nn.Linear(6, 8), nn.MaxPool2d(2), nn.Linear(4, 6), nn.Linear(6, 2)),
            TOKENS,
            "1, a MaxPool2d over channels",
        ),
    ],
)
def test_around_what_is_not_known_widths_stay(net: nn.Module, x: Tensor, unknown: str) -> None:
    check(net, x, [6], unknown)


def test_what_is_done_to_the_output_needs_not_be_known() -> None:
    check(nn.Sequential(nn.Linear(6, 8), nn.Linear(8, 3), nn.Softmax(-1)), ROWS, [8])


def test_channels_last_in_memory_makes_no_difference() -> None:
    net = nn.Sequential(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.Flatten(), nn.Linear(24, 2))
    form: Any = torch.channels_last
    check(net.to(memory_format=form), IMAGES.to(memory_format=form), [6])


def test_a_layer_behind_an_addition_ends_no_block_whatever_it_is() -> None:
    class Tail(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Conv1d(5, 5, 1), nn.Conv1d(5, 5, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.last(x + self.first(x))

    net = nn.Sequential(nn.Linear(6, 6), Tail(), nn.Linear(6, 4), nn.Linear(4, 2))
    with pytest.warns(UserWarning, match=r"No residual block|channels cannot be followed"):
        assert make_elastic(net, TOKENS).blocks == ()


def test_a_module_of_torch_that_cannot_be_traced_is_no_block() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 12, batch_first=True)
    net = nn.Sequential(nn.Linear(6, 8), layer, nn.Linear(8, 6), nn.Linear(6, 2))
    with pytest.warns(UserWarning, match="through 1, a TransformerEncoderLayer"):
        supernet = make_elastic(net, TOKENS)
    assert (supernet.blocks, [group.n for group in supernet.groups]) == ((), [6])


def test_an_addition_by_a_method_makes_a_block() -> None:
    class Adds(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(6, 6)

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(x).add(x)

    net = nn.Sequential(nn.Linear(6, 6), Adds(), nn.Linear(6, 2))
    assert make_elastic(net, ROWS).blocks == ("1",)
