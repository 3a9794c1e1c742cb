from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from optuna_linas.errors import DeviceNotFoundError, EmptyDataError
from optuna_linas.supernets import (
    Classification,
    Cosine,
    ElasticCNN,
    Sandwich,
    accuracy,
    recalibrate_batch_norm,
    smallest_arch,
    train_supernet,
)


def tiny_supernet() -> ElasticCNN:
    torch.manual_seed(0)
    return ElasticCNN(n_classes=2, in_channels=1, image_size=4, widths=((4, 8),), depths=(1, 2))


def batches(n: int = 4) -> list[tuple[Tensor, Tensor]]:
    """Two classes: a bright left half, a bright right half."""
    rng = torch.Generator().manual_seed(0)
    made = []
    for _ in range(n):
        labels = torch.arange(16) % 2
        x = 0.3 * torch.randn(16, 1, 4, 4, generator=rng)
        x[labels == 0, :, :, :2] += 1
        x[labels == 1, :, :, 2:] += 1
        made.append((x, labels))
    return made


def train(supernet: ElasticCNN, loader: Any, **changes: Any) -> Any:
    arguments = {"epochs": 2, "seed": 0, "progress": False, **changes}
    return train_supernet(supernet, loader, **arguments)


def weights(supernet: ElasticCNN) -> Tensor:
    return torch.cat([p.detach().flatten() for p in supernet.parameters()])


@pytest.mark.parametrize("distill", [True, False])
def test_the_smallest_network_learns_too(distill: bool) -> None:
    supernet = tiny_supernet()
    log = train(supernet, batches(), epochs=12, lr=1e-2, strategy=Sandwich(distill=distill))
    assert log.losses[-1] < 0.5 * log.losses[0]
    assert len(log.losses) == len(log.largest_accuracies) == len(log.smallest_accuracies) == 12
    assert log.n_steps == 48
    network = recalibrate_batch_norm(supernet.extract(smallest_arch(supernet.space)), batches())
    assert accuracy(network, batches()) > 0.9
    assert not supernet.training


def test_a_step_trains_the_largest_the_smallest_and_random_architectures() -> None:
    supernet = tiny_supernet()
    seen: list[tuple[int, ...]] = []
    supernet.register_forward_pre_hook(lambda _, args: seen.append(tuple(args[1])))
    train(supernet, batches(30), epochs=1, strategy=Sandwich(n_random=3))
    space = supernet.space
    steps = [seen[i : i + 5] for i in range(0, len(seen), 5)]
    assert len(steps) == 30
    for largest, *random, smallest in steps:
        assert largest == tuple(space.n_options - 1)
        assert smallest == (0,) * len(space)
        assert len(random) == 3
    drawn = np.array([arch for step in steps for arch in step[1:-1]])
    for j, n in enumerate(space.n_options):
        assert (np.bincount(drawn[:, j], minlength=n) > 90 / n / 2).all()


def test_the_seed_decides_and_no_global_generator_is_touched() -> None:
    nets = [tiny_supernet() for _ in range(3)]
    state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    logs = [train(net, batches(), seed=seed) for net, seed in zip(nets, (0, 0, 1), strict=True)]
    assert torch.equal(torch.get_rng_state(), state)
    assert (np.random.get_state()[1] == numpy_state).all()  # noqa: NPY002
    assert logs[0] == logs[1]
    assert torch.equal(weights(nets[0]), weights(nets[1]))
    assert not torch.equal(weights(nets[0]), weights(nets[2]))


def test_distillation_and_label_smoothing_change_the_weights() -> None:
    made = []
    for changes in (
        {},
        {"strategy": Sandwich(distill=False)},
        {"task": Classification(label_smoothing=0.1)},
        {"weight_decay": 0.5},
        {"max_grad_norm": 1e-3},
        {"schedule": Cosine(warm_up=0.5)},
    ):
        supernet = tiny_supernet()
        train(supernet, batches(1), **changes)
        made.append(weights(supernet))
    assert not any(torch.equal(made[0], other) for other in made[1:])


class _Stream(IterableDataset[tuple[Tensor, Tensor]]):
    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for x, labels in batches():
            yield from zip(x, labels, strict=True)


def test_a_loader_without_a_length_will_do() -> None:
    log = train(tiny_supernet(), DataLoader(_Stream(), batch_size=32))
    assert log.n_steps == 4


def test_the_example_of_the_readme_with_a_data_loader() -> None:
    x, labels = (torch.cat(column) for column in zip(*batches(), strict=True))
    loader = DataLoader(TensorDataset(x, labels), batch_size=24, shuffle=True)
    assert train(tiny_supernet(), loader, device="cpu").n_steps == 6


def test_an_empty_loader_teaches() -> None:
    with pytest.raises(EmptyDataError, match=r"yielded no batch\. Check that its dataset"):
        train(tiny_supernet(), [])
    with pytest.raises(EmptyDataError, match=r"no batch in epoch 2.*instead of a generator"):
        train(tiny_supernet(), iter(batches()))


def test_a_loss_that_is_not_finite_stops_the_training_before_the_step() -> None:
    supernet = tiny_supernet()
    before = weights(supernet)
    x, labels = batches(1)[0]
    with pytest.raises(FloatingPointError, match=r"became nan in epoch 1, batch 1, with lr=0.005"):
        train(supernet, [(x * float("nan"), labels)])
    assert torch.equal(weights(supernet), before)
    assert not supernet.training


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"lr": 0.0}, "lr must be positive, got 0.0"),
        ({"lr": float("nan")}, "lr must be positive, got nan"),
        ({"weight_decay": -1.0}, "weight_decay must be 0 or more"),
        ({"max_grad_norm": 0.0}, "max_grad_norm must be positive"),
    ],
)
def test_arguments_out_of_range_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        train(tiny_supernet(), batches(1), **changes)


def test_what_cannot_be_trained_or_trained_on_is_explained() -> None:
    with pytest.raises(TypeError, match="got Linear"):
        train_supernet(torch.nn.Linear(2, 2), batches(), epochs=1, seed=0)  # type: ignore[arg-type]
    with pytest.raises(DeviceNotFoundError, match="this machine has cpu"):
        train_supernet(tiny_supernet(), batches(), epochs=1, seed=0, device="abacus")


def test_batches_that_are_no_pairs_are_refused() -> None:
    x, labels = batches(1)[0]
    with pytest.raises(TypeError, match=r"\(inputs, labels\) pairs of tensors, got Tensor"):
        train(tiny_supernet(), [x])
    with pytest.raises(ValueError, match=r"class indices.*argmax"):
        train(tiny_supernet(), [(x, torch.nn.functional.one_hot(labels, 2))])
    with pytest.raises(TypeError, match=r"nn\.Module .* got str"):
        train("ElasticCNN", batches(1))  # type: ignore[arg-type]
