"""OFA's MobileNetV3 on handwritten digits: train by progressive shrinking, search, ship as ONNX.

For your own images take the published sizes, `OFAMobileNetV3(n_classes)`, and the authors' weights,
`supernet.load_ofa_state_dict("ofa_mbv3_d234_e346_k357_w1.0")`.
"""

import argparse
from pathlib import Path

import optuna
import torch
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

from optuna_linas import LINASSampler, SupernetObjective
from optuna_linas.hardware import export_onnx
from optuna_linas.supernets import (
    MobileUnit,
    OFAMobileNetV3,
    ProgressiveShrinking,
    accuracy,
    fine_tune,
    recalibrate_batch_norm,
    train_supernet,
)
from optuna_linas.visualization import plot_search_progress


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--out", type=Path, default=Path("ofa"))
    args = parser.parse_args()
    torch.manual_seed(0)
    images, labels = load_digits(return_X_y=True)
    x = torch.tensor(images / 16, dtype=torch.float32).reshape(-1, 1, 8, 8)
    data = TensorDataset(x, torch.tensor(labels))
    parts = [range(1000), range(1000, 1400), range(1400, len(x))]
    train, val, test = (torch.utils.data.Subset(data, part) for part in parts)
    shuffled = DataLoader(train, 64, shuffle=True, generator=torch.Generator().manual_seed(0))

    supernet = OFAMobileNetV3(
        10,
        in_channels=1,
        image_size=8,
        units=(MobileUnit(16, 1), MobileUnit(24, 2, squeeze=True)),
        stem_stride=1,
        head_widths=(64, 96),
    )
    # Kill it and run it again: it goes on after the last whole epoch.
    train_supernet(
        supernet,
        shuffled,
        epochs=args.epochs,
        seed=0,
        strategy=ProgressiveShrinking(),
        checkpoint=args.out / "supernet.pt",
    )
    calibration = DataLoader(train, 128)
    objective = SupernetObjective(supernet, DataLoader(val, 400), calibration=calibration)
    study = optuna.create_study(
        directions=objective.directions, sampler=LINASSampler(space=supernet.space, seed=0)
    )
    study.optimize(objective, n_trials=args.trials)

    best = max(study.best_trials, key=lambda trial: trial.values[0])
    network = recalibrate_batch_norm(supernet.extract(best.params), calibration)
    before = accuracy(network, DataLoader(test, 400))
    fine_tune(network, shuffled, epochs=max(1, args.epochs // 4), seed=0)
    after = accuracy(network, DataLoader(test, 400))
    print(f"test accuracy {before:.1%} from the super-network, {after:.1%} fine-tuned")
    exported = export_onnx(network, supernet.example_input(2), args.out / "network.onnx")
    print(f"{exported.path}: checked against torch to 1e-4")
    plot_search_progress(study).write_html(args.out / "front.html")
    print(f"Picture: {args.out / 'front.html'}")


if __name__ == "__main__":
    main()
