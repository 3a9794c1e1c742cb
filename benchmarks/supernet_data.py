"""The data of the super-network benchmark, as tensors; read from the data folder or generated."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.data import MissingData, load

__all__ = ["Images", "Split", "cifar10", "digits", "multi30k", "spoken_digits"]


class Split(NamedTuple):
    """Inputs and labels."""

    x: Tensor
    y: Tensor

    def loader(self, batch_size: int, *, seed: int | None = None) -> DataLoader[tuple[Tensor, ...]]:
        """Return batches, shuffled where there is a seed."""
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        data = TensorDataset(self.x, self.y)
        return DataLoader(data, batch_size, shuffle=seed is not None, generator=generator)


class Images(NamedTuple):
    """Three parts of labelled data; the last is never searched on."""

    train: Split
    val: Split
    test: Split


def cifar10(folder: Path, n_train: int) -> Images:
    """Return a subset of CIFAR-10, `float[n, 3, 32, 32]`; 1,000 training images validate."""
    train, test = (load(folder / f"cifar10_small_{part}.npz") for part in ("train", "test"))
    mean, std = torch.tensor([0.49, 0.48, 0.45]), torch.tensor([0.25, 0.24, 0.26])

    def split(arrays: Mapping[str, np.ndarray], rows: slice) -> Split:
        x = (torch.from_numpy(arrays["x"][rows]).float() / 255 - mean) / std
        return Split(x.permute(0, 3, 1, 2).contiguous(), torch.from_numpy(arrays["y"][rows]).long())

    n = min(n_train, len(train["x"]) - 1000)
    return Images(
        split(train, slice(1000, 1000 + n)), split(train, slice(1000)), split(test, slice(None))
    )


def digits() -> Images:
    """Return scikit-learn's 1,797 handwritten digits, `float[n, 1, 8, 8]`."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(images))
    x = torch.tensor(images[order] / 16, dtype=torch.float32).reshape(-1, 1, 8, 8)
    y = torch.tensor(labels[order]).long()
    rows = (slice(1000), slice(1000, 1400), slice(1400, None))
    return Images(*(Split(x[part], y[part]) for part in rows))


def spoken_digits(folder: Path) -> Images:
    """Return spoken digits as log-mel features, `float[n, 32, 64]`: 32 bands, 64 frames."""
    arrays = load(folder / "fsdd_logmel.npz")
    x = torch.from_numpy(arrays["x"].astype(np.float32)).transpose(1, 2).contiguous()
    y = torch.from_numpy(arrays["digit"]).long()
    is_test = torch.from_numpy(arrays["is_test"])
    x = (x - x[~is_test].mean()) / x[~is_test].std()
    rest = torch.from_numpy(np.random.default_rng(0).permutation(int((~is_test).sum())))
    own_x, own_y = x[~is_test][rest], y[~is_test][rest]
    return Images(
        Split(own_x[400:], own_y[400:]),
        Split(own_x[:400], own_y[:400]),
        Split(x[is_test], y[is_test]),
    )


def multi30k(folder: Path) -> dict[str, list[tuple[str, str]]]:
    """Return English and German sentence pairs, tokenised: "train", "val" and "test"."""
    path = folder / "multi30k_tok.json.gz"
    if not path.is_file():
        raise MissingData(
            f"The data file {path} is missing. It holds Multi30k, tokenised, as JSON: lists "
            "'train.en', 'train.de', 'val.en', ..., 'test_2016_flickr.de'."
        )
    with gzip.open(path, "rt", encoding="utf-8") as file:
        data = json.load(file)
    parts = {"train": "train", "val": "val", "test": "test_2016_flickr"}
    return {
        name: list(zip(data[f"{part}.en"], data[f"{part}.de"], strict=True))
        for name, part in parts.items()
    }
