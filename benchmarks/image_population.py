"""Image classification with interchangeable layers: what the populations of the benchmark train."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from optuna.trial import Trial
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.data import MissingData, load

__all__ = ["TASKS", "CellNetwork", "Images", "evaluate", "layers_of", "suggest", "train"]

OPS = ("identity", "conv3", "conv5", "conv7", "residual", "separable")
ACTIVATIONS: Mapping[str, type[nn.Module]] = {"relu": nn.ReLU, "gelu": nn.GELU, "tanh": nn.Tanh}
NORMS: Mapping[str, Callable[[int], nn.Module]] = {
    "batch": nn.BatchNorm2d,
    "group": lambda width: nn.GroupNorm(4, width),
    "none": lambda width: nn.Identity(),
}

_Part = tuple[Tensor, Tensor]
"""Images and their classes."""


@dataclass(frozen=True)
class Images:
    """A data set in three parts, `x` float[n, c, h, w] around 0 and `y` int[n].

    Attributes:
        train, validation, test: The search sees the first two.
        n_cells: Cells of the network.
        width: Channels of the network.
        stride: Of the network's first convolution.
        batch_size: Of the training.
    """

    train: _Part
    validation: _Part
    test: _Part
    n_cells: int
    width: int
    stride: int
    batch_size: int


def digits(folder: Path | None, seed: int, device: torch.device) -> Images:
    """scikit-learn's 1,797 digits of 8 x 8 pixels: 600 to train on, 500 to search with, 697 more.

    Args:
        folder: Not needed: the images come with scikit-learn.
        seed: Decides which image is in which part.
        device: Where the images go.
    """
    x, y = load_digits(return_X_y=True)
    x = x.reshape(-1, 1, 8, 8) / 8 - 1
    order = np.random.default_rng(seed).permutation(len(x))
    parts = _parts(x, y, np.split(order, [600, 1100]), device)
    return Images(*parts, n_cells=4, width=8, stride=1, batch_size=64)


def cifar10(folder: Path | None, seed: int, device: torch.device) -> Images:
    """10,000 real images of CIFAR-10: 7,000 to train on, 1,000 to search with, 2,000 more.

    Raises:
        MissingData: The files are not there.
    """
    if folder is None:
        raise MissingData("cifar10 needs the folder of the data: --data or OPTUNA_LINAS_DATA.")
    first, last = (load(folder / f"cifar10_small_{part}.npz") for part in ("train", "test"))
    x = np.concatenate([first["x"], last["x"]]).transpose(0, 3, 1, 2) / 64.0 - 2
    y = np.concatenate([first["y"], last["y"]])
    n = len(first["x"])
    order = np.random.default_rng(seed).permutation(n)
    where = [order[: n - 1000], order[n - 1000 :], np.arange(n, len(x))]
    parts = _parts(x, y, where, device)
    return Images(*parts, n_cells=5, width=16, stride=2, batch_size=64)


TASKS: Mapping[str, Callable[[Path | None, int, torch.device], Images]] = {
    "digits": digits,
    "cifar10": cifar10,
}


def suggest(trial: Trial, images: Images) -> dict[str, str]:
    """Suggest a network: for each cell its layer, activation and norm."""
    params = {}
    for i in range(images.n_cells):
        params[f"op_{i}"] = trial.suggest_categorical(f"op_{i}", OPS)
        params[f"act_{i}"] = trial.suggest_categorical(f"act_{i}", list(ACTIVATIONS))
        params[f"norm_{i}"] = trial.suggest_categorical(f"norm_{i}", list(NORMS))
    return params


def layers_of(images: Images) -> dict[str, str]:
    """Return the module of each variable that has weights."""
    ops = {f"op_{i}": f"cells.{i}.op" for i in range(images.n_cells)}
    return ops | {f"norm_{i}": f"cells.{i}.norm" for i in range(images.n_cells)}


class CellNetwork(nn.Module):
    """A convolution, cells of equal shape with pooling in between, and a linear classifier."""

    def __init__(self, params: Mapping[str, str], images: Images) -> None:
        super().__init__()
        n, channels = images.n_cells, images.train[0].shape[1]
        self.stem = nn.Conv2d(channels, images.width, 3, images.stride, 1)
        self.cells = nn.ModuleList(
            _Cell(params[f"op_{i}"], params[f"act_{i}"], params[f"norm_{i}"], images.width)
            for i in range(n)
        )
        self.pool_after = {0} if images.stride == 1 else {n // 3, 2 * n // 3}
        self.head = nn.Linear(images.width, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return class scores, `float[n, 10]`."""
        x = self.stem(x)
        for i, cell in enumerate(self.cells):
            x = cell(x)
            if i in self.pool_after:
                x = functional.max_pool2d(x, 2)
        scores: Tensor = self.head(x.mean(dim=(2, 3)))
        return scores


class _Cell(nn.Module):
    """One layer, its norm and its activation."""

    def __init__(self, op: str, act: str, norm: str, width: int) -> None:
        super().__init__()
        self.op = _op(op, width)
        self.norm = NORMS[norm](width)
        self.act = ACTIVATIONS[act]()

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.act(self.norm(self.op(x)))
        return y


class _Residual(nn.Module):
    """Two convolutions around which the input goes too."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1)
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.inner(x)
        return x + y


def _op(name: str, width: int) -> nn.Module:
    if name == "identity":
        return nn.Identity()
    if name == "residual":
        return _Residual(width)
    if name == "separable":
        return nn.Sequential(
            nn.Conv2d(width, width, 5, padding=2, groups=width), nn.Conv2d(width, width, 1)
        )
    size = int(name.removeprefix("conv"))
    return nn.Conv2d(width, width, size, padding=size // 2)


def train(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    images: Images,
    *,
    epochs: int,
    seed: int,
) -> None:
    """Train with cross-entropy; the order of the images comes from `seed`."""
    x, y = images.train
    generator = torch.Generator().manual_seed(seed)
    network.train()
    for _ in range(epochs):
        order = torch.randperm(len(x), generator=generator).to(x.device)
        for batch in torch.split(order, images.batch_size):
            optimizer.zero_grad(set_to_none=True)
            loss = functional.cross_entropy(network(x[batch]), y[batch])
            loss.backward()  # type: ignore[no-untyped-call]  # torch
            optimizer.step()


@torch.no_grad()
def evaluate(network: nn.Module, part: _Part) -> tuple[float, float]:
    """Return the mean cross-entropy and the accuracy in percent."""
    network.eval()
    x, y = part
    scores = torch.cat([network(batch) for batch in torch.split(x, 1000)])
    accuracy = 100 * (scores.argmax(1) == y).double().mean()
    return float(functional.cross_entropy(scores, y)), float(accuracy)


def _parts(
    x: np.ndarray, y: np.ndarray, where: Sequence[np.ndarray], device: torch.device
) -> tuple[_Part, _Part, _Part]:
    train, validation, test = (
        (
            torch.tensor(x[rows], dtype=torch.float32, device=device),
            torch.tensor(y[rows].astype(np.int64), device=device),
        )
        for rows in where
    )
    return train, validation, test
