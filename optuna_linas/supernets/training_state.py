"""What a training knows after an epoch, and its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from optuna_linas.supernets.checkpoints import (
    check_space,
    describe_space,
    load_tensors,
    read,
    write,
)
from optuna_linas.supernets.protocol import Supernet

__all__ = ["TrainingLog", "TrainingState"]


@dataclass(frozen=True)
class TrainingLog:
    """What a training saw, one entry per epoch.

    Attributes:
        losses: The loss, mean over steps and over the architectures of a step.
        largest_accuracies: The share of right answers of a step's first architecture, the largest
            where the strategy begins with it, on the training batches, with the statistics of the
            batch, in [0, 1].
        smallest_accuracies: The same for the last one, the smallest in a sandwich.
        n_steps: How many optimiser steps were made in all.

    Example:
        >>> TrainingLog(losses=(2.1, 1.4), n_steps=20).losses[-1]
        1.4
    """

    losses: tuple[float, ...] = ()
    largest_accuracies: tuple[float, ...] = ()
    smallest_accuracies: tuple[float, ...] = ()
    n_steps: int = 0


class TrainingState:
    """Weights, optimiser, log and the loader's generator, between two epochs.

    Args:
        supernet: What is trained.
        optimizer: Its optimiser.
        settings: What must be the same for a training to go on.
        generator: The loader's, if it has one.
        path: The checkpoint's file; `None` keeps nothing.
    """

    def __init__(
        self,
        supernet: Supernet,
        optimizer: torch.optim.Optimizer,
        *,
        settings: Mapping[str, Any],
        generator: torch.Generator | None,
        path: Path | None,
    ) -> None:
        self.supernet = supernet
        self.optimizer = optimizer
        self.settings = dict(settings)
        self.generator = generator
        self.path = path
        self.log = TrainingLog()

    def resume(self) -> int:
        """Read the checkpoint where there is one; return the first epoch to train.

        Raises:
            SpaceMismatchError: It is of another space.
            ValueError: It is of a training with other settings.
        """
        if self.path is None or not self.path.exists():
            return 0
        saved = read(self.path)
        check_space(self.supernet.space, saved["space"], self.path)
        theirs = saved.get("settings", {})
        for name in sorted({*self.settings, *theirs}):
            if self.settings.get(name) != theirs.get(name):
                raise ValueError(
                    f"{self.path} is of a training with {name}={theirs.get(name)!r}, this one has "
                    f"{self.settings.get(name)!r}. Name another checkpoint, or delete that one."
                )
        assert isinstance(self.supernet, nn.Module)
        load_tensors(self.supernet, saved["model"], self.path)
        try:
            self.optimizer.load_state_dict(saved["optimizer"])
            self.log = TrainingLog(**saved["log"])
            if self.generator is not None and saved["generator"] is not None:
                self.generator.set_state(saved["generator"])
        # Whatever torch raises for parts that are not its own.
        except Exception as error:
            raise ValueError(
                f"{self.path} is damaged: the optimiser, the log or the generator in it cannot be "
                f"read ({type(error).__name__}). Delete it to train from the start."
            ) from error
        return len(self.log.losses)

    def add(self, means: tuple[float, float, float], n_steps: int, *, write: bool) -> None:
        """Add an epoch to the log, and write the checkpoint.

        Args:
            means: Loss, and scores of the first and last architecture.
            n_steps: Steps of the epoch.
            write: Whether this process writes.
        """
        loss, first, last = means
        self.log = TrainingLog(
            (*self.log.losses, loss),
            (*self.log.largest_accuracies, first),
            (*self.log.smallest_accuracies, last),
            self.log.n_steps + n_steps,
        )
        if write and self.path is not None:
            self._write(self.path)

    def where_kept(self) -> str:
        """Say where the last good state is, for an error message."""
        if self.path is None or not self.path.exists():
            return ""
        return f" {self.path} keeps the state after epoch {len(self.log.losses)}."

    def _write(self, path: Path) -> None:
        assert isinstance(self.supernet, nn.Module)
        write(
            path,
            {
                "space": describe_space(self.supernet.space),
                "model": self.supernet.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "settings": self.settings,
                "log": asdict(self.log),
                "generator": None if self.generator is None else self.generator.get_state(),
            },
        )
