import pytest
import torch
from torch import Tensor, nn

from optuna_linas.hardware import count_file_bytes, count_peak_bytes, describe_platform
from optuna_linas.hardware.platforms import differences


class Wide(nn.Module):
    """Its middle holds two large tensors at once, or one after the other."""

    def __init__(self, at_once: bool) -> None:
        super().__init__()
        self.at_once = at_once

    def forward(self, x: Tensor) -> Tensor:
        a = x.repeat(1, 100)
        if self.at_once:
            return a + x.repeat(1, 100)
        y = a.sum(dim=1)
        del a
        return y + x.repeat(1, 100).sum(dim=1)


@pytest.mark.parametrize(("at_once", "numbers"), [(True, 10 + 3 * 1000), (False, 10 + 1000 + 2)])
def test_the_peak_is_that_of_tensors_alive_together(at_once: bool, numbers: int) -> None:
    assert count_peak_bytes(Wide(at_once), torch.zeros(1, 10)) == pytest.approx(4 * numbers, abs=8)


def test_parameters_and_buffers_count_and_views_do_not() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 2, bias=False), nn.BatchNorm1d(2)).train()
    numbers = 12 + 4 * 2 + 4 * 2 + 3 * 2 + 3 * 2  # input, weights, batch norm, two outputs
    assert count_peak_bytes(net, torch.zeros(3, 2, 2)) == 4 * numbers + 8  # one int64 counter
    assert net.training


def test_the_file_grows_with_the_network() -> None:
    small, large = (count_file_bytes(nn.Linear(n, 10)) for n in (100, 1000))
    assert large - small == pytest.approx(4 * 900 * 10, rel=0.05)


def test_the_platform_is_plain_data_that_can_be_compared() -> None:
    here = describe_platform()
    assert all(type(value) in (int, str) for value in here.values())
    assert here["cpu"]
    assert differences(here, dict(here)) == []
    assert differences({"n_cpus": 2}, {"n_cpus": 4}) == ["n_cpus is 2 here, 4 there"]
    assert differences({}, {"cpu": "x"}) == ["cpu is None here, 'x' there"]
