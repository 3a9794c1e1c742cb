"""From a sub-network to a file that runs elsewhere: fine-tuned, exported, checked."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from optuna_linas.hardware.export_inputs import export_inputs
from optuna_linas.space import SearchSpace
from optuna_linas.supernets.batches import require_network
from optuna_linas.supernets.protocol import Arch
from optuna_linas.supernets.schedules import Schedule
from optuna_linas.supernets.strategies import Uniform
from optuna_linas.supernets.tasks import Task
from optuna_linas.supernets.training import train_supernet
from optuna_linas.supernets.training_state import TrainingLog

__all__ = ["export_program", "fine_tune"]


def fine_tune(
    network: nn.Module,
    train_loader: Iterable[Any],
    *,
    epochs: int,
    seed: int,
    lr: float = 1e-3,
    weight_decay: float = 1e-2,
    task: Task | None = None,
    schedule: Schedule | None = None,
    max_grad_norm: float | None = None,
    checkpoint: str | Path | None = None,
    device: torch.device | str | None = None,
    progress: bool = True,
) -> TrainingLog:
    """Train one extracted network on; leaves it in eval mode.

    A sub-network of a super-network gains from a few epochs of its own at a low learning rate. It
    is changed in place; arguments are those of `train_supernet`. Its batch norm needs no
    re-calibration afterwards.

    Args:
        network: A plain network.
        train_loader: Batches `(inputs, labels)`.
        epochs: Passes over the loader.
        seed: Decides on dropout.
        lr: The peak learning rate.
        weight_decay: AdamW's decay of weight matrices and kernels.
        task: What is learned; `Classification()` by default.
        schedule: The learning rate's factor; `Cosine()` by default.
        max_grad_norm: Gradients are scaled down to this norm.
        checkpoint: The file that a killed training goes on from.
        device: Where to train.
        progress: Show a progress bar on standard error.

    Raises:
        TypeError: `network` is a super-network.
        FloatingPointError: As `train_supernet`, as are the others.

    Example:
        >>> network = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
        >>> batch = torch.rand(8, 1, 2, 2), torch.arange(8) % 2
        >>> fine_tune(network, [batch], epochs=3, seed=0, progress=False).n_steps
        3
    """
    require_network(network, "fine_tune")
    return train_supernet(
        _Alone(network),
        train_loader,
        epochs=epochs,
        seed=seed,
        lr=lr,
        weight_decay=weight_decay,
        strategy=Uniform(1),
        task=task,
        schedule=schedule,
        max_grad_norm=max_grad_norm,
        checkpoint=checkpoint,
        device=device,
        progress=progress,
    )


def export_program(
    network: nn.Module,
    example_input: Any,
    path: str | Path,
    *,
    tolerance: float = 1e-4,
    dynamic_batch: bool = True,
) -> torch.export.ExportedProgram:
    """Write a network by `torch.export`, and check what is read back against it.

    `torch.export.load(path).module()` runs it without this package.

    Args:
        network: A plain network; it is left as it is.
        example_input: Its one argument, batch first.
        path: The file (`.pt2`); its folder is made.
        tolerance: The largest absolute and relative difference of an output.
        dynamic_batch: The file takes batches of any size, not only of the example's.

    Returns:
        What is read back from the file.

    Raises:
        RuntimeError: The outputs differ; the file is removed.
        TypeError: `network` is a super-network.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     program = export_program(nn.Linear(4, 2), torch.ones(2, 4), f"{folder}/network.pt2")
        >>> program.module()(torch.ones(3, 4)).shape
        torch.Size([3, 2])
    """
    require_network(network, "export_program")
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    plain, example, shapes = export_inputs(network, example_input, dynamic_batch=dynamic_batch)
    with torch.no_grad():
        torch.export.save(torch.export.export(plain, (example,), dynamic_shapes=shapes), path)
        program = torch.export.load(path)
        given, expected = program.module()(example), plain(example)
    if not torch.allclose(given, expected, rtol=tolerance, atol=tolerance):
        path.unlink()
        raise RuntimeError(
            f"The exported network differs by up to {float((given - expected).abs().max()):.2g}, "
            f"more than {tolerance:g}. The file was removed."
        )
    return program


class _Alone(nn.Module):
    """A network as the super-network of a single architecture."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.space = SearchSpace.from_choices({"network": ["this"]})

    def forward(self, x: Any, arch: Arch) -> Any:
        return self.network(x)

    def extract(self, arch: Arch) -> nn.Module:
        return copy.deepcopy(self.network).eval()

    def example_input(self, batch_size: int = 1) -> Any:
        raise NotImplementedError("Only trained, never timed.")
