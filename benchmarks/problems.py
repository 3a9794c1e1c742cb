"""The benchmark problems by name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import numpy as np

from benchmarks.anonymous import DISGUISES, anonymous
from benchmarks.data import SOURCES, MissingData, digest, load
from benchmarks.failing import FAILURES, failing
from benchmarks.generated import FAMILIES, generated, is_generated, names_of
from benchmarks.operations import as_operations
from benchmarks.problem import Goal, Problem
from benchmarks.surrogates import HWGPT, OFAMobileNetV3
from benchmarks.tables import split_path, table_problem
from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.space import SearchSpace

__all__ = [
    "GROUPS",
    "NAMES_IN_WORDS",
    "PROBLEMS",
    "TWO_OBJECTIVES_IN_WORDS",
    "expand_names",
    "gpt_space",
    "make_problem",
    "ofa_space",
]


def make_problem(name: str, data: Path | None) -> Problem:
    """Build a problem.

    Args:
        name: One of `PROBLEMS` or `generated-FAMILY-SEED`, either with `-anonymous` (or
            `-anonymous-text`, `-anonymous-numbers`) or one of `FAILURES` behind it, one on OFA with
            `-ops` behind it, or the path of a table with the objectives behind a colon:
            `tables/mine.npz:+accuracy,-latency`.
        data: The folder of the data files.

    Raises:
        MissingData: A data file, or the folder, is not there.
        ValueError: An unknown name, or an unusable table.
    """
    hidden, is_hidden, kind = name.partition("-anonymous")
    if is_hidden and (kind := kind.removeprefix("-") or "words") in DISGUISES:
        return anonymous(make_problem(hidden, data), kind)
    if name.endswith("-ops") and name.removesuffix("-ops") in _OFA:
        return as_operations(make_problem(name.removesuffix("-ops"), data))
    known, _, kind = name.rpartition("-")
    if kind in FAILURES:
        return failing(make_problem(known, data), kind)
    if is_generated(name):
        return generated(name)
    if name in PROBLEMS:
        if data is None:
            raise MissingData(
                f"The problem {name!r} needs measurements that are not part of the repository. "
                "Name their folder with --data or OPTUNA_LINAS_DATA; benchmarks/README.md says "
                "where they come from."
            )
        return PROBLEMS[name](name, data)
    if (table := split_path(name)) is not None:
        return table_problem(*table)
    raise ValueError(f"Unknown problem {name!r}. Known are {NAMES_IN_WORDS}.")


def expand_names(names: list[str]) -> list[str]:
    """Replace the names of groups by their members; every problem once, in order."""
    return list(dict.fromkeys(m for name in names for m in GROUPS.get(name, (name,))))


_LATENCY_MS = Goal("latency", "ms", "minimize")


def ofa_space() -> SearchSpace:
    """45 variables: `depth_u` of 5 units, `kernel_l` and `expand_l` of 20 layers."""
    choices: dict[str, list[int]] = {f"depth_{u}": [2, 3, 4] for u in range(5)}
    choices |= {f"kernel_{layer}": [3, 5, 7] for layer in range(20)}
    choices |= {f"expand_{layer}": [3, 4, 6] for layer in range(20)}
    conditions = {
        f"{kind}_{4 * u + i}": {f"depth_{u}": list(range(i + 1, 5))}
        for kind in ("kernel", "expand")
        for u in range(5)
        for i in (2, 3)
    }
    return SearchSpace.from_choices(choices, conditions)


def gpt_space() -> SearchSpace:
    """27 variables: embedding, layers, MLP ratio and heads of each layer, bias."""
    choices: dict[str, list[int] | list[bool]] = {
        "embed_dim": [192, 384, 768],
        "n_layer": [10, 11, 12],
    }
    choices |= {f"mlp_ratio_{layer}": [2, 3, 4] for layer in range(12)}
    choices |= {f"n_head_{layer}": [4, 8, 12] for layer in range(12)}
    choices["bias"] = [False, True]
    conditions = {
        f"{kind}_{layer}": {"n_layer": list(range(layer + 1, 13))}
        for kind in ("mlp_ratio", "n_head")
        for layer in (10, 11)
    }
    return SearchSpace.from_choices(choices, conditions)


def _ofa(table: str, cost: Goal = _LATENCY_MS) -> Callable[[str, Path], Problem]:
    def build(name: str, data: Path) -> Problem:
        path = data / "ofa_mbv3_surrogate.npz"
        network = OFAMobileNetV3(load(path))

        def evaluate(archs: IntArray) -> FloatArray:
            return np.stack([network.top1(archs), network.cost(archs, table)], axis=1)

        goals = (Goal("top1", "%", "maximize"), cost)
        return Problem(name, ofa_space(), goals, evaluate, SOURCES[path.name], digest(path))

    return build


def _gpt(*costs: tuple[str, str, str]) -> Callable[[str, Path], Problem]:
    def build(name: str, data: Path) -> Problem:
        path = data / "hwgpt_s_surrogate.npz"
        network = HWGPT(load(path))

        def evaluate(archs: IntArray) -> FloatArray:
            columns = [network.cost(archs, column) for column, _, _ in costs]
            return np.stack([network.perplexity(archs), *columns], axis=1)

        goals = (
            Goal("perplexity", "", "minimize"),
            *(Goal(shown, unit, "minimize") for _, shown, unit in costs),
        )
        return Problem(name, gpt_space(), goals, evaluate, SOURCES[path.name], digest(path))

    return build


def _table(file: str, *objectives: str) -> Callable[[str, Path], Problem]:
    def build(name: str, data: Path) -> Problem:
        return table_problem(data / file, objectives, name=name, source=SOURCES[file])

    return build


_NB201 = "nasbench201_hw.npz"
_LATENCY = ("lat_h100", "latency", "ms")

PROBLEMS: Mapping[str, Callable[[str, Path], Problem]] = {
    "ofa-mbv3-note10": _ofa("note10_w12"),
    "ofa-mbv3-i7": _ofa("i7_8700k_w12"),
    "ofa-mbv3-macs": _ofa("macs_w12", Goal("MACs", "", "minimize")),
    "hwgpt-s-h100": _gpt(_LATENCY),
    "nasbench201-cifar10-edgegpu": _table(
        _NB201, "acc200_cifar10_test", "hw_cifar10_edgegpu_latency"
    ),
    "nasbench201-cifar100-pixel3": _table(
        _NB201, "acc200_cifar100_test", "hw_cifar100_pixel3_latency"
    ),
    "nasbench201-cifar100-edgegpu": _table(
        _NB201, "acc200_cifar100_test", "hw_cifar100_edgegpu_latency"
    ),
    "nasbench-macro": _table("nasbench_macro.npz", "acc_cifar10", "flops"),
    "nasbench201-cifar10-edgegpu-energy": _table(
        _NB201, "acc200_cifar10_test", "hw_cifar10_edgegpu_latency", "hw_cifar10_edgegpu_energy"
    ),
    "nasbench201-cifar100-pixel3-params": _table(
        _NB201, "acc200_cifar100_test", "hw_cifar100_pixel3_latency", "mparams"
    ),
    "hwgpt-s-h100-params": _gpt(_LATENCY, ("params", "parameters", "M")),
}
"""Name to builder."""

_OFA = ("ofa-mbv3-note10", "ofa-mbv3-i7", "ofa-mbv3-macs")
_LARGE = ("ofa-mbv3-note10", "ofa-mbv3-i7", "hwgpt-s-h100")

GROUPS: Mapping[str, tuple[str, ...]] = {
    "large": _LARGE,
    "anonymous": tuple(f"{name}-anonymous" for name in _LARGE),
    "anonymous-text": tuple(f"{name}-anonymous-text" for name in _LARGE),
    "anonymous-numbers": tuple(f"{name}-anonymous-numbers" for name in _LARGE),
    "tables": (
        "nasbench201-cifar10-edgegpu",
        "nasbench201-cifar100-pixel3",
        "nasbench-macro",
    ),
    "budgets": ("ofa-mbv3-note10", "ofa-mbv3-i7", "hwgpt-s-h100", "nasbench201-cifar100-edgegpu"),
    "three": (
        "nasbench201-cifar10-edgegpu-energy",
        "nasbench201-cifar100-pixel3-params",
        "hwgpt-s-h100-params",
    ),
    "operations": ("ofa-mbv3-note10-ops", "ofa-mbv3-i7-ops"),
    "failing": tuple(
        f"{name}-{kind}"
        for name in ("ofa-mbv3-note10", "hwgpt-s-h100", "nasbench201-cifar100-pixel3")
        for kind in FAILURES
    ),
    "generated": names_of(0, 1),
    "unseen": names_of(100, 101),
}
"""Names that stand for several problems."""


def _in_words(left_out: Collection[str] = ()) -> str:
    problems, groups = ([n for n in names if n not in left_out] for names in (PROBLEMS, GROUPS))
    return (
        f"{', '.join(problems)}, generated-FAMILY-SEED (a family of {', '.join(FAMILIES)}), each "
        "also with -anonymous, -anonymous-text, -anonymous-numbers or one of "
        f"{', '.join(f'-{kind}' for kind in FAILURES)}, {', '.join(_OFA)} with -ops, the groups "
        f"{', '.join(groups)}, and any table by its path: FILE.npz:+accuracy,-latency (+ "
        "maximises, - minimises, without a sign the unit must say it, without a colon the first "
        "two objectives; benchmarks/README.md has the format)"
    )


NAMES_IN_WORDS = _in_words()
"""Every name of a problem, for the help and the errors of the command lines."""

TWO_OBJECTIVES_IN_WORDS = _in_words(("three", *GROUPS["three"]))
"""The names of problems with two objectives."""
