"""Translation for your device: HAT's Transformer super-network, BLEU against latency.

It translates number words into digits, or a folder of your own: `--data` holds tokenised sentences,
one a line, in train.source, train.target, val.source and val.target.
"""

import argparse
from pathlib import Path

import numpy as np
import optuna
import torch

from optuna_linas import LINASSampler, SupernetObjective
from optuna_linas.objectives import Metric
from optuna_linas.supernets import (
    Bleu,
    HATTransformer,
    Translation,
    Vocabulary,
    train_supernet,
    translation_batches,
)
from optuna_linas.visualization import plot_search_progress

WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def pairs(folder: Path | None, part: str, n: int) -> list[tuple[str, str]]:
    if folder is not None:
        files = [folder / f"{part}.{side}" for side in ("source", "target")]
        return list(zip(*(file.read_text().splitlines() for file in files), strict=True))
    rng = np.random.default_rng(part == "val")
    rows = [rng.integers(10, size=rng.integers(3, 8)) for _ in range(n)]
    return [(" ".join(WORDS[i] for i in row), " ".join(map(str, row))) for row in rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--out", type=Path, default=Path("translation"))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    train, val = pairs(args.data, "train", 2000), pairs(args.data, "val", 100)
    source, target = (Vocabulary.of(pair[k] for pair in train) for k in (0, 1))
    small = {"encoder_embeds": (32, 48), "decoder_embeds": (32, 48), "encoder_depths": (3,)}
    hidden = {"encoder_ffns": (32, 64, 96), "decoder_ffns": (32, 64, 96), "qkv_features": 32}
    supernet = HATTransformer(len(source), len(target), **small, **hidden, norm_first=True)
    batches = translation_batches(train, source, target, batch_size=64)
    train_supernet(supernet, batches, epochs=args.epochs, seed=0, lr=2e-3, task=Translation())
    objective = SupernetObjective(
        supernet,
        batches,
        calibration=None,  # no batch norm
        objectives=(Metric("bleu", "maximize", Bleu(val, source, target)), "latency_ms"),
    )
    study = optuna.create_study(
        directions=objective.directions, sampler=LINASSampler(space=supernet.space, seed=0)
    )
    study.optimize(objective, n_trials=args.trials)
    best = max(study.best_trials, key=lambda trial: trial.values[0])
    beam = Bleu(val, source, target, n_beams=5, length_penalty=0.6)
    bleu = beam(supernet.extract(best.params))
    print(f"BLEU {best.values[0]:.1f} greedy, {bleu:.1f} by beam 5")
    plot_search_progress(study).write_html(args.out / "front.html")
    print(f"Picture: {args.out / 'front.html'}")


if __name__ == "__main__":
    main()
