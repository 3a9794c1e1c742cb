"""Your own CNN, made elastic, searched as what is deployed: an INT8 network in onnxruntime."""

import argparse
from pathlib import Path

import optuna
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from optuna_linas import LINASSampler, SupernetObjective
from optuna_linas.supernets import (
    Int8,
    accuracy,
    make_elastic,
    quantize_int8,
    recalibrate_batch_norm,
    train_supernet,
)
from optuna_linas.visualization import plot_search_progress


class Block(nn.Module):
    """An ordinary residual block: it knows nothing of architecture search."""

    def __init__(self, n: int) -> None:
        super().__init__()
        layers = [nn.Conv2d(n, 2 * n, 3, padding=1, bias=False), nn.BatchNorm2d(2 * n), nn.ReLU()]
        self.body = nn.Sequential(*layers, nn.Conv2d(2 * n, n, 1, bias=False), nn.BatchNorm2d(n))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.body(x))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--out", type=Path, default=Path("int8"))
    args = parser.parse_args()
    torch.manual_seed(0)
    images, labels = load_digits(return_X_y=True)
    x = torch.tensor(images / 16, dtype=torch.float32).reshape(-1, 1, 8, 8)
    batches = list(zip(x.split(100), torch.tensor(labels).split(100), strict=True))
    train, val, test = batches[:10], batches[10:14], batches[14:]

    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        *(Block(16) for _ in range(3)),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(64, 10),
    )
    supernet = make_elastic(model, x[:2])
    print(f"{len(supernet.space)} variables, {supernet.space.size(effective=True):,} networks")
    train_supernet(supernet, train, epochs=args.epochs, seed=0)
    objective = SupernetObjective(supernet, val, calibration=train, deploy=Int8(train))
    study = optuna.create_study(
        directions=objective.directions, sampler=LINASSampler(space=supernet.space, seed=0)
    )
    study.optimize(objective, n_trials=args.trials)

    best = max(study.best_trials, key=lambda trial: trial.values[0])
    network = recalibrate_batch_norm(supernet.extract(best.params), train)
    quantized = quantize_int8(network, train, args.out / "network.onnx")
    floats, int8 = accuracy(network, test), accuracy(quantized, test)
    size = quantized.path.stat().st_size / 1e3
    print(f"test accuracy {floats:.1%} in floats, {int8:.1%} in INT8; a file of {size:.0f} kB")
    plot_search_progress(study).write_html(args.out / "front.html")
    print(f"Picture: {args.out / 'front.html'}")


if __name__ == "__main__":
    main()
