"""Training of a super-network: all architectures at once, resumable after any epoch.

By default the sandwich rule with in-place distillation (Yu & Huang: "Universally Slimmable
Networks and Improved Training Techniques", ICCV 2019, algorithm 1); `strategies` has others.

Where we knowingly depart from the paper: AdamW with a cosine schedule, which suits short trainings,
instead of SGD with momentum.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from optuna_linas.arrays import IntArray
from optuna_linas.errors import EmptyDataError
from optuna_linas.hardware.devices import find_device
from optuna_linas.seeding import derive_rng
from optuna_linas.supernets.batches import device_of, labelled
from optuna_linas.supernets.engines import AccelerateEngine, Engine, PlainEngine
from optuna_linas.supernets.progress import EpochProgress
from optuna_linas.supernets.protocol import Supernet
from optuna_linas.supernets.schedules import Cosine, Schedule
from optuna_linas.supernets.strategies import Sandwich, Strategy
from optuna_linas.supernets.tasks import Classification, Task
from optuna_linas.supernets.training_state import TrainingLog, TrainingState

if TYPE_CHECKING:
    from accelerate import Accelerator

__all__ = ["TrainingLog", "train_supernet"]


def train_supernet(
    supernet: Supernet,
    train_loader: Iterable[Any],
    *,
    epochs: int,
    seed: int,
    lr: float = 5e-3,
    weight_decay: float = 1e-2,
    strategy: Strategy | None = None,
    task: Task | None = None,
    schedule: Schedule | None = None,
    max_grad_norm: float | None = None,
    checkpoint: str | Path | None = None,
    accelerator: Accelerator | None = None,
    device: torch.device | str | None = None,
    progress: bool = True,
) -> TrainingLog:
    """Train all architectures of a super-network at once; leaves it in eval mode.

    Architectures, dropout and a loader without a generator of its own draw their numbers from
    `seed` and the epoch; the global generator is left as it was.

    With `checkpoint` the training is written after every epoch, and a call with the same arguments
    goes on where a killed one has stopped: on the CPU the weights are then exactly those of an
    uninterrupted training. A loader's state is its `generator`, if it has one.

    Args:
        supernet: An `nn.Module` that follows `Supernet`; trained in place.
        train_loader: Batches `(inputs, labels)`, iterated once per epoch.
        epochs: Passes over the loader.
        seed: Decides which architectures are drawn.
        lr: The peak learning rate.
        weight_decay: AdamW's decay of weight matrices and kernels (not of biases and norms).
        strategy: Which architectures a step trains: `Sandwich()` by default, `Uniform` or
            `ProgressiveShrinking`.
        task: What is learned: `Classification()` by default, `Translation` or `Ranking`.
        schedule: The learning rate's factor against the share of the training that is done:
            `Cosine()` by default, which falls to 0.
        max_grad_norm: Gradients are scaled down to this norm.
        checkpoint: The file of the training.
        accelerator: An `accelerate.Accelerator` for mixed precision or several devices; it decides
            on the device.
        device: Where to train; the super-network is moved there and stays. `None`: where it is.
        progress: Show a progress bar on standard error.

    Returns:
        The losses and training scores of every epoch.

    Raises:
        DeviceNotFoundError: This machine has no such device.
        EmptyDataError: An epoch of the loader yielded no batch.
        FloatingPointError: The loss became infinite or NaN. The weights are those before the step,
            the checkpoint is that of the last epoch.
        SpaceMismatchError: The checkpoint is of another space.
        TypeError: `supernet` is no super-network, or batches are not pairs of tensors.
        ValueError: An argument is out of its range, labels are not what the task learns from, or
            the checkpoint is of a training with other settings.

    Example:
        >>> from optuna_linas.supernets import ElasticCNN
        >>> supernet = ElasticCNN(n_classes=2, in_channels=1, image_size=8)
        >>> batch = torch.rand(16, 1, 8, 8), torch.arange(16) % 2
        >>> log = train_supernet(supernet, [batch], epochs=2, seed=0, progress=False)
        >>> len(log.losses), log.n_steps
        (2, 2)
    """
    _check_arguments(epochs, lr, weight_decay, max_grad_norm)
    if not (isinstance(supernet, nn.Module) and isinstance(supernet, Supernet)):
        raise TypeError(
            "A super-network is an nn.Module that follows optuna_linas.supernets.Supernet, got "
            f"{type(supernet).__name__}."
        )
    engine: Engine
    if accelerator is not None:
        engine = AccelerateEngine(accelerator)
        supernet.to(engine.device)
    else:
        if device is not None:
            supernet.to(find_device(device))
        engine = PlainEngine(device_of(supernet))
    recipe = _Recipe(
        strategy=Sandwich() if strategy is None else strategy,
        task=Classification() if task is None else task,
        schedule=Cosine() if schedule is None else schedule,
        epochs=epochs,
        seed=seed,
        lr=lr,
        max_grad_norm=max_grad_norm,
    )
    state = TrainingState(
        supernet,
        _adamw(supernet, lr, weight_decay),
        settings={**recipe.settings(), "weight_decay": weight_decay},
        generator=getattr(train_loader, "generator", None),
        path=None if checkpoint is None else Path(checkpoint),
    )
    first_epoch = state.resume()
    run = _Run(recipe, engine, supernet, *engine.prepare(supernet, state.optimizer, train_loader))
    supernet.train()
    try:
        with EpochProgress(epochs, shown=progress and engine.writes) as bar:
            for epoch in range(first_epoch, epochs):
                with _seeded(seed, epoch, engine.device):
                    means, n_steps = run.epoch(epoch, bar)
                state.add(means, n_steps, write=engine.writes)
    except FloatingPointError as error:
        raise FloatingPointError(f"{error}{state.where_kept()}") from None
    finally:
        engine.finish(run.wrapped)
        supernet.eval()
    return state.log


@dataclass(frozen=True)
class _Recipe:
    """How to train."""

    strategy: Strategy
    task: Task
    schedule: Schedule
    epochs: int
    seed: int
    lr: float
    max_grad_norm: float | None

    def settings(self) -> dict[str, str | int | float | None]:
        """What must be the same for a training to go on; functions by their names."""
        named = {
            name: value if isinstance(value, (int, float, type(None))) else _repr(value)
            for name, value in vars(self).items()
        }
        return dict(sorted(named.items()))


@dataclass
class _Run:
    """A training under way, in this process."""

    recipe: _Recipe
    engine: Engine
    supernet: Supernet
    wrapped: nn.Module
    optimizer: torch.optim.Optimizer
    loader: Iterable[Any]
    epoch_length: int = 0
    n_examples: int = 0
    started: float = field(default_factory=time.perf_counter)

    def epoch(self, epoch: int, bar: EpochProgress) -> tuple[tuple[float, float, float], int]:
        """Train one epoch; return the means of loss and scores, and the steps."""
        recipe = self.recipe
        rng = derive_rng(recipe.seed, "train_supernet", "architectures", epoch)
        self.epoch_length = _length(self.loader) or self.epoch_length
        set_epoch = getattr(getattr(self.loader, "sampler", None), "set_epoch", None)
        if set_epoch is not None:  # that of a distributed sampler
            set_epoch(epoch)
        figures: list[tuple[float, float, float]] = []
        for batch in self.loader:
            inputs, labels = labelled(batch, self.engine.device)
            recipe.task.check(inputs, labels)
            share = min(len(figures) / self.epoch_length, 1.0) if self.epoch_length else 0.0
            done = min((epoch + share) / recipe.epochs, 1.0)
            for group in self.optimizer.param_groups:
                group["lr"] = recipe.lr * recipe.schedule(done)
            archs = recipe.strategy.archs(self.supernet.space, done, rng)
            self.optimizer.zero_grad(set_to_none=True)
            figures.append(self._backward(archs, inputs, labels))
            if not math.isfinite(figures[-1][0]):
                raise FloatingPointError(
                    f"The loss became {figures[-1][0]} in epoch {epoch + 1}, batch {len(figures)}, "
                    f"with lr={recipe.lr}. Lower lr, and check that the inputs are finite and "
                    "normalised."
                )
            if recipe.max_grad_norm is not None:
                self.engine.clip(self.wrapped, recipe.max_grad_norm)
            self.optimizer.step()
            self.n_examples += len(labels)
            speed = self.n_examples / max(time.perf_counter() - self.started, 1e-9)
            bar.update(epoch, share, f"loss {figures[-1][0]:.3f}  {speed:.0f} examples/s")
        if not figures:
            raise EmptyDataError(_empty_message(epoch))
        self.epoch_length = len(figures)
        loss, first, last = (sum(column) / len(figures) for column in zip(*figures, strict=True))
        bar.update(
            epoch,
            1.0,
            f"loss {loss:.3f}  right {last:.1%} (last of a step) to {first:.1%} (first)  "
            f"{speed:.0f} examples/s",
        )
        return (loss, first, last), len(figures)

    def _backward(
        self, archs: Sequence[IntArray], inputs: Any, labels: Tensor
    ) -> tuple[float, float, float]:
        """Accumulate the gradients of all `archs`; the first may teach the others."""
        task = self.recipe.task
        losses: list[Tensor] = []
        scores: list[Tensor] = []
        teacher: Tensor | None = None
        for arch in archs:
            with self.engine.autocast():
                outputs = self.wrapped(inputs, arch)
            outputs = outputs.float()
            if teacher is None:
                loss = task.loss(outputs, labels)
            else:
                loss = task.distillation_loss(outputs, teacher, labels)
            # One at a time: the graph of only one architecture is in memory.
            self.engine.backward(loss)
            losses.append(loss.detach())
            outputs = outputs.detach()
            scores.append(task.score(outputs, labels))
            if self.recipe.strategy.distill and teacher is None:
                teacher = outputs
        figures = torch.stack([torch.stack(losses).mean(), scores[0], scores[-1]])
        # One transfer for the three: on a GPU each waits for the step. No float64: MPS has none.
        loss_mean, first, last = figures.tolist()
        return loss_mean, first, last


@contextmanager
def _seeded(seed: int, epoch: int, device: torch.device) -> Iterator[None]:
    """Dropout and unseeded loaders draw from (seed, epoch); the global generators are restored."""
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(int(derive_rng(seed, "train_supernet", "noise", epoch).integers(2**62)))
        yield


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


def _length(loader: Iterable[Any]) -> int:
    """Batches per epoch; 0 where the loader does not know (an `IterableDataset`)."""
    try:
        return len(loader)  # type: ignore[arg-type]  # the TypeError is the question
    except TypeError:
        return 0


def _repr(value: object) -> str:
    """A description that is the same in every process: a function has an address in its repr."""
    return getattr(value, "__qualname__", None) or repr(value)


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
    epochs: int, lr: float, weight_decay: float, max_grad_norm: float | None
) -> None:
    if epochs < 1:
        raise ValueError(f"epochs must be at least 1, got {epochs}.")
    if not lr > 0:
        raise ValueError(f"lr must be positive, got {lr}.")
    if not weight_decay >= 0:
        raise ValueError(f"weight_decay must be 0 or more, got {weight_decay}.")
    if max_grad_norm is not None and not max_grad_norm > 0:
        raise ValueError(f"max_grad_norm must be positive, got {max_grad_norm}.")
