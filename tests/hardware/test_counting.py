import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from optuna_linas.hardware import count_macs, count_params


class Attention(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(x, x, x)


@pytest.mark.parametrize(
    ("module", "shape", "macs"),
    [
        (nn.Linear(8, 2), (1, 8), 8 * 2),
        (nn.Linear(8, 2), (5, 8), 5 * 8 * 2),
        (nn.Conv2d(3, 8, 5, padding=2), (1, 3, 16, 16), 16 * 16 * 8 * 3 * 25),
        (nn.Conv2d(3, 8, 3, stride=2), (1, 3, 17, 17), 8 * 8 * 8 * 3 * 9),
        (nn.Conv2d(8, 16, 3, padding=1, groups=4), (1, 8, 4, 4), 4 * 4 * 16 * 2 * 9),
        (nn.Conv2d(8, 8, 3, padding=1, groups=8), (2, 8, 4, 4), 2 * 4 * 4 * 8 * 9),
        (nn.Sequential(nn.BatchNorm2d(3), nn.ReLU()), (1, 3, 4, 4), 0),
        (Attention(), (1, 2, 4, 8), 2 * (4 * 4 * 8) * 2),
        (
            nn.TransformerEncoderLayer(8, 2, dim_feedforward=16, batch_first=True),
            (1, 4, 8),
            4 * 8 * 24 + 2 * (4 * 4 * 8) + 4 * 8 * 8 + 2 * (4 * 8 * 16),
        ),
    ],
)
def test_macs_by_hand(module: nn.Module, shape: tuple[int, ...], macs: int) -> None:
    assert count_macs(module, torch.zeros(shape)) == macs


def test_macs_are_half_of_what_torch_counts() -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 7, 3, groups=1), nn.BatchNorm2d(7), nn.ReLU(), nn.Flatten(), nn.Linear(252, 5)
    ).eval()
    example = torch.randn(3, 3, 8, 8)
    with FlopCounterMode(display=False) as counter:
        network(example)
    assert 2 * count_macs(network, example) == counter.get_total_flops() > 0


def test_frozen_parameters_count_too_and_stay_frozen() -> None:
    frozen = nn.TransformerEncoderLayer(8, 2, dim_feedforward=16, batch_first=True)
    macs = count_macs(frozen, torch.zeros(1, 4, 8))
    frozen.requires_grad_(False)
    with torch.inference_mode():
        assert count_macs(frozen, torch.zeros(1, 4, 8)) == macs
    assert not any(parameter.requires_grad for parameter in frozen.parameters())


def test_counting_leaves_the_network_and_the_example_as_they_were() -> None:
    network = nn.Sequential(nn.ReLU(inplace=True), nn.BatchNorm1d(3), nn.Linear(3, 2))
    example = -torch.ones(4, 3)
    count_macs(network, example)
    assert network.training
    assert int(network[1].num_batches_tracked) == 0
    assert torch.equal(example, -torch.ones(4, 3))


def test_parameters_are_counted_once_and_buffers_not_at_all() -> None:
    shared = nn.Linear(3, 3)
    assert count_params(shared) == 12
    assert count_params(nn.Sequential(shared, shared)) == 12
    assert count_params(nn.BatchNorm1d(3)) == 6
    assert count_params(nn.ReLU()) == 0
