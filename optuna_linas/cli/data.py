"""What a super-network is trained and measured on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from optuna_linas.cli.failures import WrongUse
from optuna_linas.cli.sources import is_source, load_source

__all__ = ["SearchData", "load_data"]


@dataclass(frozen=True)
class SearchData:
    """Loaders, and what goes with them.

    A file's `--data FILE.py:NAME` is an object or a dict with these, or a function that returns
    one.

    Attributes:
        train: Batches `(inputs, targets)` that the super-network is trained on.
        validation: Batches that its sub-networks are measured on.
        calibration: Batches for batch-norm statistics; the training data by default.
        sizes: Arguments of the super-network that the data decides, such as `n_classes`.
        task: What is learned, see `optuna_linas.supernets.Task`; classification by default.
        objectives: What is searched for, see `SupernetObjective`.
    """

    train: Iterable[Any]
    validation: Iterable[Any]
    calibration: Iterable[Any]
    sizes: Mapping[str, Any] = field(default_factory=dict)
    task: Any = None
    objectives: Sequence[Any] = ("accuracy", "latency_ms")


def load_data(name: str, seed: int) -> SearchData:
    """Return the data of a name.

    Args:
        name: "digits", or FILE.py:NAME.
        seed: Decides on the order of the training data of "digits".

    Raises:
        WrongUse: An unknown name, or data without training or validation batches.
    """
    if name == "digits":
        return _digits(seed)
    if not is_source(name):
        raise WrongUse(f"Unknown data {name!r}. Choose digits, or your own as FILE.py:NAME.")
    found = load_source(name)
    if callable(found) and not hasattr(found, "train"):
        found = found()
    given = {
        each.name: _get(found, each.name)
        for each in fields(SearchData)
        if _get(found, each.name) is not None
    }
    missing = {"train", "validation"} - set(given)
    if missing:
        raise WrongUse(f"{name} has no {' and no '.join(sorted(missing))}; see --help.")
    return SearchData(**{"calibration": given["train"], **given})


def _get(found: Any, name: str) -> Any:
    return found.get(name) if isinstance(found, Mapping) else getattr(found, name, None)


def _digits(seed: int) -> SearchData:
    """scikit-learn's 1,797 handwritten digits of 8 x 8 pixels; the last 397 are never used."""
    import numpy as np
    import torch
    from sklearn.datasets import load_digits
    from torch.utils.data import DataLoader, TensorDataset

    images, labels = load_digits(return_X_y=True)
    # Always the same parts, or a resumed search would be measured on what it was trained on.
    order = np.random.default_rng(0).permutation(len(images))
    x = torch.tensor(images[order] / 16, dtype=torch.float32).reshape(-1, 1, 8, 8)
    y = torch.tensor(labels[order])
    training = TensorDataset(x[:1000], y[:1000])
    shuffle = torch.Generator().manual_seed(seed)
    return SearchData(
        train=DataLoader(training, 64, shuffle=True, generator=shuffle),
        validation=DataLoader(TensorDataset(x[1000:1400], y[1000:1400]), 400),
        # Unshuffled: a network has one accuracy, whenever it is measured.
        calibration=DataLoader(training, 64),
        sizes={"n_classes": 10, "in_channels": 1, "image_size": 8},
    )
