"""Words on a small device: an elastic network over log-mel features, accuracy against latency.

Tones that rise, fall and turn stand for words; or your own: `--data` is an .npz file with `x`
float[n, 64 frames, 32 bands], `digit` int[n] and `is_test` bool[n].
"""

import argparse
from pathlib import Path

import numpy as np
import optuna
import torch
from torch.utils.data import DataLoader, TensorDataset

from optuna_linas import LINASSampler, SupernetObjective
from optuna_linas.supernets import (
    ElasticAudioCNN,
    accuracy,
    recalibrate_batch_norm,
    train_supernet,
)
from optuna_linas.visualization import plot_search_progress


def tones(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A band that moves through noise: its start and its slope make nine words."""
    words = rng.integers(9, size=n)
    time = np.linspace(0, 1, 64)
    starts, slopes = 6 + 9 * (words // 3), 6 * (words % 3 - 1)
    pitch = starts[:, None] + slopes[:, None] * time + rng.normal(size=(n, 1))
    bands = np.exp(-(((np.arange(32) - pitch[..., None]) / 2) ** 2))
    return 3 * bands + rng.normal(size=bands.shape), words


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--out", type=Path, default=Path("speech"))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    if args.data is None:
        features, words = tones(900, np.random.default_rng(0))
        is_test = np.arange(900) >= 700
    else:
        arrays = np.load(args.data)
        features, words, is_test = arrays["x"], arrays["digit"], arrays["is_test"]
    x = torch.tensor(features, dtype=torch.float32).transpose(1, 2).contiguous()
    y = torch.tensor(words, dtype=torch.int64)
    x = (x - x.mean()) / x.std()
    test = TensorDataset(x[is_test], y[is_test])
    rest = torch.randperm(int((~is_test).sum()), generator=torch.Generator().manual_seed(0))
    rest_x, rest_y = x[~is_test][rest], y[~is_test][rest]
    val, train = (
        TensorDataset(rest_x[:200], rest_y[:200]),
        TensorDataset(rest_x[200:], rest_y[200:]),
    )

    supernet = ElasticAudioCNN(n_classes=int(y.max()) + 1)
    generator = torch.Generator().manual_seed(0)
    shuffled = DataLoader(train, 64, shuffle=True, generator=generator)
    train_supernet(supernet, shuffled, epochs=args.epochs, seed=0)
    calibration = DataLoader(train, 128)
    objective = SupernetObjective(supernet, DataLoader(val, 200), calibration=calibration)
    sampler = LINASSampler(space=supernet.space, seed=0)
    study = optuna.create_study(directions=objective.directions, sampler=sampler)
    study.optimize(objective, n_trials=args.trials)
    for trial in sorted(study.best_trials, key=lambda t: t.values[1]):
        network = recalibrate_batch_norm(supernet.extract(trial.params), calibration)
        right = accuracy(network, DataLoader(test, 200))
        print(f"test accuracy {right:.1%} at {trial.values[1]:.3f} ms")
    plot_search_progress(study).write_html(args.out / "front.html")
    print(f"Picture: {args.out / 'front.html'}")


if __name__ == "__main__":
    main()
