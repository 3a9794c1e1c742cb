"""Checks of the measurements themselves, on sub-networks of a small trained super-network.

- `kendall`: does the super-network's accuracy rank sub-networks as training each alone does?
- `exchange`: are the best networks for 1 thread and batch 1 also best for 2 threads and batch 32
  (figures 12 and 13 of Cummings et al. 2022)?
- `repeatability`: do two measurements of the same networks rank them alike?
- `macs`: does a front of accuracy against MACs hold for latency (figure 14)?
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from scipy.stats import kendalltau, spearmanr

from benchmarks.supernet_data import digits
from benchmarks.supernet_rows import PLAN, Settings
from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.hardware import LatencyMeter, LatencyTable, compare_latency, count_macs
from optuna_linas.pareto import hypervolume, non_dominated
from optuna_linas.supernets import (
    ElasticCNN,
    accuracy,
    fine_tune,
    largest_arch,
    recalibrate_batch_norm,
    smallest_arch,
    train_supernet,
)

__all__ = ["CHECKS", "Trained"]


class Trained:
    """A super-network for digits, trained once for all checks."""

    def __init__(self, settings: Settings) -> None:
        torch.manual_seed(settings.seed)
        self.settings = settings
        self.data = digits()
        self.supernet = ElasticCNN(n_classes=10, in_channels=1, image_size=8)
        self.epochs = settings.epochs(15)
        loader = self.data.train.loader(64, seed=settings.seed)
        train_supernet(
            self.supernet, loader, epochs=self.epochs, seed=settings.seed, progress=False
        )

    def sample(self, n: int) -> IntArray:
        """Return `n` rows, the smallest and the largest among them."""
        space = self.supernet.space
        drawn = space.sample(n - 2, np.random.default_rng(self.settings.seed))
        return np.stack([smallest_arch(space), largest_arch(space), *drawn])

    def accuracy(self, arch: IntArray) -> float:
        """Return the validation accuracy with shared weights."""
        network = self.supernet.extract(arch)
        recalibrate_batch_norm(network, self.data.train.loader(128), n_batches=4)
        return accuracy(network, self.data.val.loader(400))


def kendall(trained: Trained) -> dict[str, Any]:
    """Train some sub-networks alone, from fresh weights, and compare accuracies."""
    n = max(5, round(10 * trained.settings.scale))
    shared, alone = [], []
    for k, arch in enumerate(trained.sample(n)):
        shared.append(trained.accuracy(arch))
        torch.manual_seed(1000 + k)
        network = ElasticCNN(n_classes=10, in_channels=1, image_size=8).extract(arch)
        loader = trained.data.train.loader(64, seed=k)
        fine_tune(network, loader, epochs=trained.epochs, seed=k, lr=5e-3, progress=False)
        alone.append(accuracy(network, trained.data.val.loader(400)))
    result = kendalltau(shared, alone)
    return {
        "n": n,
        "kendall_tau": float(result.statistic),
        "p_value": float(result.pvalue),
        "supernet_accuracy": shared,
        "alone_accuracy": alone,
    }


def exchange(trained: Trained) -> dict[str, Any]:
    """Measure one pool under two conditions, and take each one's front to the other."""
    conditions = {
        "1 thread, batch 1": LatencyMeter(batch_size=1, n_threads=1, plan=PLAN),
        "2 threads, batch 32": LatencyMeter(batch_size=32, n_threads=2, plan=PLAN),
    }
    archs = trained.sample(max(10, round(60 * trained.settings.scale)))
    accuracies = np.array([trained.accuracy(arch) for arch in archs])
    example = trained.supernet.example_input(1)
    networks = [trained.supernet.extract(arch) for arch in archs]
    losses: dict[str, FloatArray] = {}
    latencies: dict[str, list[float]] = {name: [] for name in conditions}
    for network in networks:  # both conditions of a network one after the other: drift cancels
        for name, meter in conditions.items():
            latencies[name].append(meter(network, example).latency_ms)
    for name in conditions:
        losses[name] = np.stack([-accuracies, np.array(latencies[name])], axis=1)
    fronts = {name: non_dominated(own) for name, own in losses.items()}
    shares = {}
    for here, own in losses.items():
        reference = own.max(axis=0)
        best = hypervolume(own[fronts[here]], reference)
        for there in conditions:
            shares[f"front of {there!r} under {here!r}"] = (
                hypervolume(own[fronts[there]], reference) / best
            )
    first, second = latencies.values()
    return {
        "n": len(archs),
        "hypervolume_share": shares,
        "latency_spearman": float(spearmanr(first, second).statistic),
        "latency_ms": latencies,
        "accuracy": accuracies.tolist(),
    }


def repeatability(trained: Trained) -> dict[str, Any]:
    """Measure networks of spread sizes twice, interleaved, and by the table of blocks."""
    space = trained.supernet.space
    pool = trained.sample(300)
    macs = [count_macs(trained.supernet.extract(a), trained.supernet.example_input()) for a in pool]
    spread = np.argsort(macs)[np.linspace(0, len(pool) - 1, 30).astype(int)]
    networks = [trained.supernet.extract(pool[i]) for i in spread]
    example = trained.supernet.example_input(1)
    passes = [compare_latency(networks, example, plan=PLAN) for _ in range(2)]
    first, second = ([m.latency_ms for m in measured] for measured in passes)
    table = LatencyTable(LatencyMeter(plan=PLAN))
    error = table.error(networks, example, first)
    return {
        "n": len(networks),
        "spearman": float(spearmanr(first, second).statistic),
        "median_difference_percent": float(
            np.median(np.abs(np.array(second) / np.array(first) - 1)) * 100
        ),
        "share_steady": float(np.mean([m.steady for measured in passes for m in measured])),
        "first_ms": first,
        "second_ms": second,
        "latency_table": {**vars(error), "n_blocks": len(table)},
        "space": len(space),
    }


def macs(trained: Trained) -> dict[str, Any]:
    """Measure the networks on the front of accuracy against MACs."""
    archs = trained.sample(max(10, round(100 * trained.settings.scale)))
    networks = [trained.supernet.extract(arch) for arch in archs]
    example = trained.supernet.example_input(1)
    accuracies = np.array([trained.accuracy(arch) for arch in archs])
    counts = np.array([count_macs(network, example) for network in networks], dtype=float)
    latencies = np.array([m.latency_ms for m in compare_latency(networks, example, plan=PLAN)])
    by_latency = np.stack([-accuracies, latencies], axis=1)
    by_macs = np.stack([-accuracies, counts], axis=1)
    reference = by_latency.max(axis=0)
    best = hypervolume(by_latency[non_dominated(by_latency)], reference) or 1.0
    chosen = by_latency[non_dominated(by_macs)]
    return {
        "n": len(archs),
        "hypervolume_share_of_macs_front": hypervolume(chosen, reference) / best,
        "n_on_macs_front": len(chosen),
        "of_them_on_latency_front": int((non_dominated(by_macs) & non_dominated(by_latency)).sum()),
        "kendall_tau_macs_latency": float(kendalltau(counts, latencies).statistic),
        "macs": counts.tolist(),
        "latency_ms": latencies.tolist(),
        "accuracy": accuracies.tolist(),
    }


CHECKS: Mapping[str, Callable[[Trained], dict[str, Any]]] = {
    "kendall": kendall,
    "exchange": exchange,
    "repeatability": repeatability,
    "macs": macs,
}
