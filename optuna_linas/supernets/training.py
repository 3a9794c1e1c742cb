"""Training of a super-network by the sandwich rule with in-place distillation.

Yu & Huang: "Universally Slimmable Networks and Improved Training Techniques", ICCV 2019, algorithm
1: in every step the gradients of the largest, the smallest and `n` random architectures are
accumulated; the largest learns from the labels, the others from its soft predictions.

Where we knowingly depart from the paper: AdamW with a cosine schedule, which suits short trainings,
instead of SGD with momentum; and architectures, not only widths, are sampled.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from optuna_linas.arrays import IntArray
from optuna_linas.errors import EmptyDataError
from optuna_linas.hardware.devices import find_device
from optuna_linas.seeding import derive_rng
from optuna_linas.supernets.batches import device_of, labelled
from optuna_linas.supernets.progress import EpochProgress
from optuna_linas.supernets.protocol import Supernet, largest_arch, smallest_arch

__all__ = ["TrainingLog", "train_supernet"]


@dataclass(frozen=True)
class TrainingLog:
    """What a training saw, one entry per epoch.

    Attributes:
        losses: The loss, mean over steps and over the architectures of the sandwich.
        largest_accuracies: Top-1 accuracy of the largest architecture on the training batches,
            with the statistics of the batch, in [0, 1].
        smallest_accuracies: The same for the smallest one.
        n_steps: How many optimiser steps were made in all.
    """

    losses: tuple[float, ...]
    largest_accuracies: tuple[float, ...]
    smallest_accuracies: tuple[float, ...]
    n_steps: int


def train_supernet(
    supernet: Supernet,
    train_loader: Iterable[Any],
    *,
    epochs: int,
    seed: int,
    lr: float = 5e-3,
    weight_decay: float = 1e-2,
    n_random: int = 2,
    distill: bool = True,
    label_smoothing: float = 0.0,
    device: torch.device | str | None = None,
    progress: bool = True,
) -> TrainingLog:
    """Train all architectures of a super-network at once; leaves it in eval mode.

    Architectures are drawn from `seed`, uniformly over the options of every variable, and no global
    generator is used. The order of the images is the loader's: give it a seeded `generator` for a
    training that can be repeated exactly.

    Args:
        supernet: An `nn.Module` that follows `Supernet`; trained in place.
        train_loader: Batches `(inputs, labels)`, iterated once per epoch; labels are class indices
            `int[batch]`.
        epochs: Passes over the loader.
        seed: Decides which architectures are drawn.
        lr: The peak learning rate; it falls to 0 along half a cosine.
        weight_decay: AdamW's decay of weight matrices and kernels (not of biases and batch norms).
        n_random: Random architectures per step, besides the largest and the smallest.
        distill: The smaller architectures learn the largest's soft predictions instead of labels.
        label_smoothing: The share of the labels that is spread over all classes, in [0, 1).
        device: Where to train; the super-network is moved there and stays. `None`: where it is.
        progress: Show a progress bar on standard error.

    Returns:
        The losses and training accuracies of every epoch.

    Raises:
        DeviceNotFoundError: This machine has no such device.
        EmptyDataError: An epoch of the loader yielded no batch.
        FloatingPointError: The loss became infinite or NaN.
        TypeError: `supernet` is no super-network, or batches are not pairs of tensors.
        ValueError: An argument is out of its range, or the labels are not class indices.

    Example:
        >>> from optuna_linas.supernets import ElasticCNN
        >>> supernet = ElasticCNN(n_classes=2, in_channels=1, image_size=8)
        >>> batch = torch.rand(16, 1, 8, 8), torch.arange(16) % 2
        >>> log = train_supernet(supernet, [batch], epochs=2, seed=0, progress=False)
        >>> len(log.losses), log.n_steps
        (2, 2)
    """
    _check_arguments(epochs, lr, weight_decay, n_random, label_smoothing)
    if not (isinstance(supernet, nn.Module) and isinstance(supernet, Supernet)):
        raise TypeError(
            "A super-network is an nn.Module that follows optuna_linas.supernets.Supernet, got "
            f"{type(supernet).__name__}."
        )
    if device is not None:
        supernet.to(find_device(device))
    on = device_of(supernet)
    optimizer = _adamw(supernet, lr, weight_decay)
    rng = derive_rng(seed, "train_supernet", "architectures")
    largest, smallest = largest_arch(supernet.space), smallest_arch(supernet.space)
    epoch_length = _length(train_loader)
    epoch_means: list[_Figures] = []
    n_steps = n_images = 0
    started = time.perf_counter()

    supernet.train()
    try:
        with EpochProgress(epochs, shown=progress) as bar:
            for epoch in range(epochs):
                figures: list[_Figures] = []
                for batch in train_loader:
                    inputs, labels = labelled(batch, on)
                    share_of_epoch = min(len(figures) / epoch_length, 1.0) if epoch_length else 0.0
                    _set_lr(optimizer, lr, (epoch + share_of_epoch) / epochs)
                    archs = [largest, *supernet.space.sample(n_random, rng), smallest]
                    optimizer.zero_grad(set_to_none=True)
                    figures.append(
                        _backward(supernet, archs, inputs, labels, distill, label_smoothing)
                    )
                    if not math.isfinite(figures[-1].loss):
                        raise FloatingPointError(
                            f"The loss became {figures[-1].loss} in epoch {epoch + 1}, batch "
                            f"{len(figures)}, with lr={lr}. Lower lr, and check that the inputs "
                            "are finite and normalised."
                        )
                    optimizer.step()
                    n_steps += 1
                    n_images += len(labels)
                    seconds = max(time.perf_counter() - started, 1e-9)
                    speed = f"{n_images / seconds:.0f} images/s"
                    bar.update(epoch, share_of_epoch, f"loss {figures[-1].loss:.3f}  {speed}")
                if not figures:
                    raise EmptyDataError(_empty_message(epoch))
                epoch_length = len(figures)
                epoch_means.append(_mean(figures))
                bar.update(epoch, 1.0, f"{epoch_means[-1]}  {speed}")
    finally:
        supernet.eval()
    losses, largest_accuracies, smallest_accuracies = zip(*epoch_means, strict=True)
    return TrainingLog(losses, largest_accuracies, smallest_accuracies, n_steps)


class _Figures(NamedTuple):
    """What one step or the mean of an epoch showed."""

    loss: float
    largest_accuracy: float
    smallest_accuracy: float

    def __str__(self) -> str:
        return (
            f"loss {self.loss:.3f}  accuracy {self.smallest_accuracy:.1%} (smallest) to "
            f"{self.largest_accuracy:.1%} (largest)"
        )


def _backward(
    supernet: Supernet,
    archs: Sequence[IntArray],
    inputs: Tensor,
    labels: Tensor,
    distill: bool,
    label_smoothing: float,
) -> _Figures:
    """Accumulate the gradients of all `archs`, the largest first and the smallest last."""
    losses, logits = [], []
    targets, smoothing = labels, label_smoothing
    for arch in archs:
        logits.append(supernet(inputs, arch))
        loss = functional.cross_entropy(logits[-1], targets, label_smoothing=smoothing)
        # One at a time: the graph of only one architecture is in memory.
        loss.backward()  # type: ignore[no-untyped-call]
        losses.append(loss.detach())
        logits[-1] = logits[-1].detach()
        if distill:
            # The gradient of this cross-entropy is that of the KL divergence to the largest.
            targets, smoothing = logits[0].softmax(dim=1), 0.0
    correct = [(logits[k].argmax(dim=1) == labels).float().mean() for k in (0, -1)]
    mean_loss = torch.stack(losses).float().mean()
    # One transfer for the three: on a GPU each waits for the step. No float64: MPS has none.
    return _Figures(*torch.stack([mean_loss, *correct]).tolist())


def _adamw(supernet: nn.Module, lr: float, weight_decay: float) -> torch.optim.AdamW:
    """AdamW; decays matrices and kernels only, as decayed batch-norm scales switch channels off."""
    parameters = [p for p in supernet.parameters() if p.requires_grad]
    return torch.optim.AdamW(
        [
            {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
            {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
        ],
        lr=lr,
    )


def _set_lr(optimizer: torch.optim.Optimizer, lr: float, done: float) -> None:
    """Half a cosine from `lr` at `done` = 0 to 0 at 1."""
    for group in optimizer.param_groups:
        group["lr"] = lr * 0.5 * (1 + math.cos(math.pi * done))


def _length(loader: Iterable[Any]) -> int:
    """Batches per epoch; 0 where the loader does not know (an `IterableDataset`)."""
    try:
        return len(loader)  # type: ignore[arg-type]  # the TypeError is the question
    except TypeError:
        return 0


def _mean(figures: Sequence[_Figures]) -> _Figures:
    return _Figures(*(sum(column) / len(figures) for column in zip(*figures, strict=True)))


def _empty_message(epoch: int) -> str:
    if epoch == 0:
        return (
            "The training loader yielded no batch. Check that its dataset is not empty and that "
            "drop_last does not drop the only batch."
        )
    return (
        f"The training loader yielded no batch in epoch {epoch + 1}. It is iterated once per "
        "epoch: pass a DataLoader or a list of batches instead of a generator, which can be read "
        "only once."
    )


def _check_arguments(
    epochs: int, lr: float, weight_decay: float, n_random: int, label_smoothing: float
) -> None:
    if epochs < 1:
        raise ValueError(f"epochs must be at least 1, got {epochs}.")
    if not lr > 0:
        raise ValueError(f"lr must be positive, got {lr}.")
    if not weight_decay >= 0:
        raise ValueError(f"weight_decay must be 0 or more, got {weight_decay}.")
    if n_random < 0:
        raise ValueError(f"n_random must be 0 or more, got {n_random}.")
    if not 0 <= label_smoothing < 1:
        raise ValueError(f"label_smoothing must lie in [0, 1), got {label_smoothing}.")
