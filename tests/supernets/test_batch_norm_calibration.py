from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from optuna_linas.errors import EmptyDataError
from optuna_linas.supernets import ElasticCNN, recalibrate_batch_norm


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.BatchNorm2d(3), nn.Dropout(0.5), nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2))


def batches() -> list[Tensor]:
    rng = torch.Generator().manual_seed(0)
    return [2 * torch.randn(8, 3, 4, 4, generator=rng) + k for k in range(5)]


def test_statistics_are_the_averages_of_the_batches() -> None:
    net = network()
    net[0].running_mean.fill_(100)
    loader = [(x, torch.zeros(8)) for x in batches()]
    assert recalibrate_batch_norm(net, loader, n_batches=3) is net
    first = batches()[:3]
    means = torch.stack([x.mean(dim=(0, 2, 3)) for x in first]).mean(dim=0)
    variances = torch.stack([x.var(dim=(0, 2, 3)) for x in first]).mean(dim=0)
    torch.testing.assert_close(net[0].running_mean, means)
    torch.testing.assert_close(net[0].running_var, variances)


def test_it_can_be_repeated_and_ends_with_the_loader() -> None:
    once = recalibrate_batch_norm(network(), batches())
    twice = recalibrate_batch_norm(recalibrate_batch_norm(network(), batches()), batches())
    for a, b in zip(once.state_dict().values(), twice.state_dict().values(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("training", [True, False])
def test_modes_momenta_and_weights_stay(training: bool) -> None:
    net = network().train(training)
    net[1].train(not training)
    weights = [p.clone() for p in net.parameters()]
    recalibrate_batch_norm(net, batches())
    assert [m.training for m in net] == [training, not training, training, training]
    assert net[0].momentum == 0.1
    assert all(torch.equal(a, b) for a, b in zip(weights, net.parameters(), strict=True))
    assert all(p.grad is None for p in net.parameters())


def test_an_empty_loader_changes_nothing() -> None:
    net = network().train()
    net[0].running_mean.fill_(3)
    with pytest.raises(EmptyDataError, match="no batch to re-calibrate"):
        recalibrate_batch_norm(net, [])
    assert net[0].running_mean.tolist() == [3, 3, 3]
    assert net[0].momentum == 0.1
    assert net.training


def test_a_network_without_running_statistics_is_left_alone() -> None:
    loader = iter(batches())
    recalibrate_batch_norm(nn.Conv2d(3, 2, 1), loader)
    recalibrate_batch_norm(nn.BatchNorm2d(3, track_running_stats=False), loader)
    assert len(list(loader)) == 5


def test_what_it_cannot_calibrate_is_refused() -> None:
    supernet = ElasticCNN(n_classes=2)
    with pytest.raises(TypeError, match=r"super-network ElasticCNN.*supernet.extract\(arch\)"):
        recalibrate_batch_norm(supernet, batches())
    with pytest.raises(ValueError, match="n_batches must be at least 1, got 0"):
        recalibrate_batch_norm(network(), batches(), n_batches=0)
    with pytest.raises(TypeError, match=r"tensors or .* pairs, got dict"):
        recalibrate_batch_norm(network(), [{"x": 1}])


def test_the_supernet_of_an_extracted_network_is_not_touched() -> None:
    supernet = ElasticCNN(n_classes=2, image_size=8)
    before = {name: tensor.clone() for name, tensor in supernet.state_dict().items()}
    arch = supernet.space.n_options - 1
    recalibrate_batch_norm(supernet.extract(arch), [torch.randn(4, 3, 8, 8)])
    assert all(torch.equal(before[k], v) for k, v in supernet.state_dict().items())
