"""The measured tables of the predictor study, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.data import MissingData
from benchmarks.tables import Measured, read_table, split_path
from optuna_linas.variable import Option

__all__ = ["MEASURED", "TABLES_IN_WORDS", "read_measured"]

Conditions = Mapping[str, Mapping[str, list[Option]]]


@dataclass(frozen=True)
class _Source:
    file: str
    objectives: tuple[str, ...]
    conditions: Conditions | None = field(default=None)


def _ofa_conditions() -> Conditions:
    """Layer `4u + i` exists where unit `u` is deeper than `i`; the table does not mark it."""
    return {
        f"{kind}{4 * u + i}": {f"d{u}": list(range(i + 1, 5))}
        for kind in ("ks", "e")
        for u in range(5)
        for i in (2, 3)
    }


MEASURED: Mapping[str, _Source] = {
    "ofa-mbv3-measured": _Source(
        "ofa_mbv3_w1.0_measured_dynast.npz", ("top1", "macs"), _ofa_conditions()
    ),
    "nasbench201-cifar10-edgegpu": _Source(
        "nasbench201_hw.npz", ("acc200_cifar10_test", "hw_cifar10_edgegpu_latency")
    ),
    "hwgpt-s-measured": _Source("hwgpt_s.npz", ("perplexity", "lat_h100")),
}
"""Name to where the measurements lie."""

TABLES_IN_WORDS = (
    f"{', '.join(MEASURED)}, and any table by its path, complete or not: "
    "FILE.npz:+accuracy,-latency (benchmarks/README.md has the format)"
)
"""Every name of a table, for the help and the errors of the command line."""


def read_measured(name: str, data: Path | None) -> Measured:
    """Return measured networks.

    Args:
        name: One of `MEASURED`, or the path of a table with the objectives behind a colon:
            `tables/mine.npz:+accuracy,-latency`.
        data: The folder of the data files.

    Raises:
        MissingData: The file, or the folder, is not there.
        ValueError: An unknown name, or an unusable table.
    """
    if (table := split_path(name)) is not None:
        return read_table(*table)
    if name not in MEASURED:
        raise ValueError(f"Unknown table {name!r}. Known are {TABLES_IN_WORDS}.")
    if data is None:
        raise MissingData("Name the folder of the measurements with --data or OPTUNA_LINAS_DATA.")
    source = MEASURED[name]
    return read_table(data / source.file, source.objectives, source.conditions)
