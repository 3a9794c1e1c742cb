"""What a super-network learns: the loss on labels, the loss on a teacher's outputs, a score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional

from optuna_linas.supernets.options import check_share
from optuna_linas.supernets.vocabulary import PADDING

__all__ = ["Classification", "Ranking", "Task", "Translation"]


class Task(Protocol):
    """How outputs are judged; write your own for another kind of data."""

    def check(self, inputs: Any, targets: Tensor) -> None:
        """Check a batch's targets.

        Args:
            inputs: What the network is called with.
            targets: What it should answer.

        Raises:
            ValueError: They are not what the task learns from.
        """
        ...

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the loss `float[]` on the targets.

        Args:
            outputs: What the network answers to a batch.
            targets: What it should answer.
        """
        ...

    def distillation_loss(self, outputs: Tensor, teacher: Tensor, targets: Tensor) -> Tensor:
        """Return the loss `float[]` of outputs that are to be the teacher's.

        Args:
            outputs: What the network answers to a batch.
            teacher: What the largest network answers.
            targets: What both should answer.
        """
        ...

    def score(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the share of right answers, `float[]` in [0, 1].

        Args:
            outputs: What the network answers to a batch.
            targets: What it should answer.
        """
        ...


@dataclass(frozen=True)
class Classification:
    """One of several classes: logits `float[batch, n_classes]`, labels `int[batch]`.

    Attributes:
        label_smoothing: The share of the labels that is spread over all classes, in [0, 1).

    Example:
        >>> logits = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
        >>> Classification().score(logits, torch.tensor([0, 0])).item()
        0.5
    """

    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        check_share("label_smoothing", self.label_smoothing)

    def check(self, inputs: Any, targets: Tensor) -> None:
        """Check that targets are one class index per input; see `Task.check`."""
        n = len(inputs[0] if isinstance(inputs, tuple) else inputs)
        if targets.shape != (n,) or targets.is_floating_point():
            raise ValueError(
                f"Labels must be class indices, integers of shape ({n},), got "
                f"{targets.dtype} of shape {tuple(targets.shape)}. For one-hot labels use "
                ".argmax(1)."
            )

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the cross-entropy; see `Task.loss`."""
        return functional.cross_entropy(
            outputs, targets.long(), label_smoothing=self.label_smoothing
        )

    def distillation_loss(self, outputs: Tensor, teacher: Tensor, targets: Tensor) -> Tensor:
        """Return the cross-entropy to the teacher's probabilities; see `Task`."""
        # Its gradient is that of the KL divergence to the teacher.
        return functional.cross_entropy(outputs, teacher.softmax(dim=1))

    def score(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the share of right classes; see `Task.score`."""
        return (outputs.argmax(dim=1) == targets).float().mean()


@dataclass(frozen=True)
class Translation:
    """The next word: logits `float[batch, length, n_words]`, words `int[batch, length]`.

    Attributes:
        label_smoothing: The share of the labels that is spread over all words, in [0, 1).
        padding: The word that does not count.

    Example:
        >>> logits = torch.tensor([[[0.0, 9.0], [0.0, 9.0]]])  # one sentence, two words
        >>> Translation().score(logits, torch.tensor([[1, PADDING]])).item()
        1.0
    """

    label_smoothing: float = 0.1
    padding: int = PADDING

    def __post_init__(self) -> None:
        check_share("label_smoothing", self.label_smoothing)

    def check(self, inputs: Any, targets: Tensor) -> None:
        """Check that targets are words, a row for each input; see `Task.check`."""
        if targets.ndim != 2 or targets.is_floating_point():
            raise ValueError(
                "Targets must be word indices, integers of shape (batch, length), got "
                f"{targets.dtype} of shape {tuple(targets.shape)}."
            )

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the cross-entropy per word; see `Task.loss`."""
        return functional.cross_entropy(
            outputs.flatten(0, 1),
            targets.flatten(),
            ignore_index=self.padding,
            label_smoothing=self.label_smoothing,
        )

    def distillation_loss(self, outputs: Tensor, teacher: Tensor, targets: Tensor) -> Tensor:
        """Return the cross-entropy to the teacher's probabilities per word; see `Task`."""
        counts = targets != self.padding
        return functional.cross_entropy(outputs[counts], teacher[counts].softmax(dim=1))

    def score(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the share of right words; see `Task.score`."""
        counts = targets != self.padding
        return (outputs.argmax(dim=2) == targets)[counts].float().mean()


@dataclass(frozen=True)
class Ranking:
    """Liked or not: logits `float[batch]`, targets `float[batch]` of 1 and 0.

    Example:
        >>> Ranking().score(torch.tensor([2.0, -1.0]), torch.tensor([1.0, 1.0])).item()
        0.5
    """

    def check(self, inputs: Any, targets: Tensor) -> None:
        """Check that there is one number per input; see `Task.check`."""
        if targets.shape != (len(inputs),):
            raise ValueError(
                f"Targets must be 1 for what is liked and 0 for the rest, of shape "
                f"({len(inputs)},), got shape {tuple(targets.shape)}."
            )

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the binary cross-entropy; see `Task.loss`."""
        return functional.binary_cross_entropy_with_logits(outputs, targets.to(outputs.dtype))

    def distillation_loss(self, outputs: Tensor, teacher: Tensor, targets: Tensor) -> Tensor:
        """Return the binary cross-entropy to the teacher's probabilities; see `Task`."""
        return functional.binary_cross_entropy_with_logits(outputs, teacher.sigmoid())

    def score(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the share of right signs; see `Task.score`."""
        return ((outputs > 0) == (targets > 0.5)).to(torch.float32).mean()
