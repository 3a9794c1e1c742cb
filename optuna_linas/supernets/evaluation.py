"""What a network is worth on labelled data: several scores in one pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from optuna_linas.errors import EmptyDataError
from optuna_linas.supernets.batches import device_of, labelled, require_network
from optuna_linas.supernets.vocabulary import PADDING

__all__ = ["SCORES", "Score", "accuracy", "evaluate"]


@dataclass(frozen=True)
class Score:
    """A figure that is a mean over examples (or words).

    Attributes:
        name: What it is called.
        direction: "maximize" or "minimize".
        of_batch: From a batch's outputs and labels to the sum over its examples, `float[]`, and
            their number.

    Example:
        >>> def absolute_error(outputs, labels):
        ...     return (outputs - labels).abs().sum(), len(labels)
        >>> mine = Score("absolute_error", "minimize", absolute_error)
        >>> evaluate(nn.Identity(), [(torch.tensor([1.0, 3.0]), torch.tensor([1.0, 2.0]))], [mine])
        {'absolute_error': 0.5}
    """

    name: str
    direction: Literal["maximize", "minimize"]
    of_batch: Callable[[Tensor, Tensor], tuple[Tensor, int]]


def evaluate(
    network: nn.Module, loader: Iterable[Any], scores: Sequence[Score | str] = ("accuracy",)
) -> dict[str, float]:
    """Return scores of a network, all of them from one pass over the data.

    The network is evaluated in eval mode on the device of its parameters; its mode is restored.

    Args:
        network: A plain network.
        loader: Batches `(inputs, labels)`.
        scores: Scores, or names of `SCORES`.

    Returns:
        Name to figure, in the order of `scores`.

    Raises:
        EmptyDataError: The loader yielded no example.
        TypeError: `network` is a super-network, or the batches are not pairs of tensors.
        ValueError: A name is unknown, or outputs and labels do not fit a score.

    Example:
        >>> images, labels = torch.eye(3), torch.tensor([0, 1, 0])
        >>> figures = evaluate(nn.Identity(), [(images, labels)], ["accuracy", "cross_entropy"])
        >>> {name: round(figure, 3) for name, figure in figures.items()}
        {'accuracy': 0.667, 'cross_entropy': 0.885}
    """
    require_network(network, "evaluate")
    resolved = [_resolve(score) for score in scores]
    device = device_of(network)
    sums = dict.fromkeys((score.name for score in resolved), 0.0)
    counts = dict.fromkeys(sums, 0)
    with _in_eval_mode(network), torch.inference_mode():
        for batch in loader:
            inputs, labels = labelled(batch, device)
            outputs = network(inputs)
            for score in resolved:
                total, n = score.of_batch(outputs, labels)
                sums[score.name] += float(total)
                counts[score.name] += n
    if not all(counts.values()):
        raise EmptyDataError(
            "The loader yielded no image to compute the accuracy on, or no other example for "
            f"{', '.join(sums)}. Check that its dataset is not empty and that it is not an "
            "iterator that was used up."
        )
    return {name: sums[name] / counts[name] for name in sums}


def accuracy(network: nn.Module, loader: Iterable[Any]) -> float:
    """Return the share of images whose highest logit is their label's (top-1), in [0, 1].

    Args:
        network: A plain network that gives logits `float[batch, n_classes]`.
        loader: Batches `(inputs, labels)`; labels are class indices `int[batch]`.

    Raises:
        EmptyDataError: The loader yielded no image.
        TypeError: `network` is a super-network, or the batches are not pairs of tensors.
        ValueError: The labels are not class indices, or the logits are not `[batch, n_classes]`.

    Example:
        >>> images, labels = torch.eye(3), torch.tensor([0, 1, 0])
        >>> round(accuracy(nn.Identity(), [(images, labels)]), 3)
        0.667
    """
    require_network(network, "accuracy")
    return evaluate(network, loader, ["accuracy"])["accuracy"]


def _accuracy(outputs: Tensor, labels: Tensor) -> tuple[Tensor, int]:
    _check_logits(outputs, labels)
    return (outputs.argmax(dim=1) == labels).sum(), len(labels)


def _top5(outputs: Tensor, labels: Tensor) -> tuple[Tensor, int]:
    _check_logits(outputs, labels)
    best = outputs.topk(min(5, outputs.shape[1]), dim=1).indices
    return (best == labels[:, None]).sum(), len(labels)


def _cross_entropy(outputs: Tensor, labels: Tensor) -> tuple[Tensor, int]:
    _check_logits(outputs, labels)
    return functional.cross_entropy(outputs, labels.long(), reduction="sum"), len(labels)


def _word_accuracy(outputs: Tensor, words: Tensor) -> tuple[Tensor, int]:
    counts = words != PADDING
    return (outputs.argmax(dim=2) == words)[counts].sum(), int(counts.sum())


def _hit_rate(outputs: Tensor, places: Tensor) -> tuple[Tensor, int]:
    if outputs.ndim != 2 or places.shape != outputs.shape[:1]:
        raise ValueError(
            "A hit rate needs the scores of a list for each user, float[batch, n_items], and the "
            f"place of the right item, int[batch], got {tuple(outputs.shape)} and "
            f"{tuple(places.shape)}."
        )
    right = outputs.gather(1, places[:, None])
    # Of equal scores the right one comes last: a network that scores all alike hits nothing.
    rank = (outputs >= right).sum(dim=1) - 1
    return (rank < 10).sum(), len(places)


SCORES: Mapping[str, Score] = {
    "accuracy": Score("accuracy", "maximize", _accuracy),
    "top5_accuracy": Score("top5_accuracy", "maximize", _top5),
    "cross_entropy": Score("cross_entropy", "minimize", _cross_entropy),
    "word_accuracy": Score("word_accuracy", "maximize", _word_accuracy),
    "hit_rate_at_10": Score("hit_rate_at_10", "maximize", _hit_rate),
}
"""Scores by name. Accuracies are for classes, word accuracy for translation, HR@10 for lists."""


def _resolve(score: Score | str) -> Score:
    if isinstance(score, Score):
        return score
    if score not in SCORES:
        raise ValueError(f"Unknown score {score!r}; choose from {', '.join(SCORES)}.")
    return SCORES[score]


def _check_logits(logits: Tensor, labels: Tensor) -> None:
    if labels.ndim != 1 or labels.is_floating_point():
        raise ValueError(
            f"Labels must be class indices, integers of shape (batch,), got {labels.dtype} of "
            f"shape {tuple(labels.shape)}. For one-hot labels use .argmax(1)."
        )
    if logits.ndim != 2 or len(logits) != len(labels):
        raise ValueError(
            f"Expected logits of shape ({len(labels)}, n_classes), got {tuple(logits.shape)}. "
            "Flatten the network's output."
        )


@contextmanager
def _in_eval_mode(network: nn.Module) -> Iterator[None]:
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
