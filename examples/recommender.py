"""A recommender for your device: NeuMF's super-network, HR@10 against latency.

Likings are generated, or MovieLens' own: `--movielens path/to/ml-100k` (grouplens.org).
"""

import argparse
from pathlib import Path

import numpy as np
import optuna
import torch

from optuna_linas import LINASSampler, SupernetObjective
from optuna_linas.hardware import LatencyMeter
from optuna_linas.supernets import (
    ElasticNCF,
    ImplicitBatches,
    Ranking,
    low_rank_interactions,
    read_movielens,
    train_supernet,
)
from optuna_linas.visualization import plot_search_progress


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--movielens", type=Path)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--out", type=Path, default=Path("recommender"))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    if args.movielens is None:
        data = low_rank_interactions(300, 250, np.random.default_rng(0), n_per_user=20)
    else:
        data = read_movielens(args.movielens)
    supernet = ElasticNCF(data.n_users, data.n_items)
    print(f"{len(data.train):,} likings, {supernet.space.size(effective=True):,} networks")
    batches = ImplicitBatches(data, 256, torch.Generator().manual_seed(0))
    train_supernet(supernet, batches, epochs=args.epochs, seed=0, lr=2e-3, task=Ranking())
    objective = SupernetObjective(
        supernet,
        data.ranking_batches(),
        calibration=None,  # no batch norm
        objectives=("hit_rate_at_10", "latency_ms"),
        latency=LatencyMeter(batch_size=256),
    )
    study = optuna.create_study(
        directions=objective.directions, sampler=LINASSampler(space=supernet.space, seed=0)
    )
    study.optimize(objective, n_trials=args.trials)
    for trial in sorted(study.best_trials, key=lambda t: t.values[1]):
        print(f"HR@10 {trial.values[0]:.3f} at {trial.values[1]:.3f} ms  {trial.params}")
    plot_search_progress(study).write_html(args.out / "front.html")
    print(f"Picture: {args.out / 'front.html'}")


if __name__ == "__main__":
    main()
