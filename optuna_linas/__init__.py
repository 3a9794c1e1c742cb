"""Neural architecture search inside Optuna.

`LINASSampler` is a drop-in for any study, and `PymooSampler` searches without predictions;
`SearchSpace` describes what is searched; `SupernetObjective` turns a super-network into an
objective; `BudgetGenerator` answers "the best within this budget" from a finished study.
`best_under` and `knee_point` pick a trial, `HypervolumeStagnation` stops a study that no longer
improves, `ask_batch` gives a batch to measure by one's own means. The names are imported when first
used, so that a search without super-networks never loads torch.

Around it: `optuna_linas.visualization` (figures), `optuna_linas.dashboard`,
`optuna_linas.supernets`, `optuna_linas.hardware` (latency and sizes) and `optuna_linas.errors`. The
algorithms on arrays, without a study: `optuna_linas.linas`, `optuna_linas.nag`, `optuna_linas.pbt`,
and the parts that they share, `optuna_linas.predictors` and `optuna_linas.evolution`.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optuna_linas.answers import best_under, knee_point
    from optuna_linas.asking import ask_batch
    from optuna_linas.budget_generator import BudgetGenerator
    from optuna_linas.goals import Attr
    from optuna_linas.lineage import best_member
    from optuna_linas.objectives import SupernetObjective
    from optuna_linas.population import PBTMember
    from optuna_linas.samplers import LINASSampler, NAGSampler, PBTNASSampler, PymooSampler
    from optuna_linas.soups import make_soup
    from optuna_linas.space import SearchSpace
    from optuna_linas.stagnation import HypervolumeStagnation
    from optuna_linas.variable import Condition, Variable

__all__ = [
    "Attr",
    "BudgetGenerator",
    "Condition",
    "HypervolumeStagnation",
    "LINASSampler",
    "NAGSampler",
    "PBTMember",
    "PBTNASSampler",
    "PymooSampler",
    "SearchSpace",
    "SupernetObjective",
    "Variable",
    "ask_batch",
    "best_member",
    "best_under",
    "knee_point",
    "make_soup",
]

_HOMES = {
    "Attr": "optuna_linas.goals",
    "BudgetGenerator": "optuna_linas.budget_generator",
    "Condition": "optuna_linas.variable",
    "HypervolumeStagnation": "optuna_linas.stagnation",
    "LINASSampler": "optuna_linas.samplers",
    "NAGSampler": "optuna_linas.samplers",
    "PBTMember": "optuna_linas.population",
    "PBTNASSampler": "optuna_linas.samplers",
    "PymooSampler": "optuna_linas.samplers",
    "SearchSpace": "optuna_linas.space",
    "SupernetObjective": "optuna_linas.objectives",
    "Variable": "optuna_linas.variable",
    "ask_batch": "optuna_linas.asking",
    "best_member": "optuna_linas.lineage",
    "best_under": "optuna_linas.answers",
    "knee_point": "optuna_linas.answers",
    "make_soup": "optuna_linas.soups",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return version("optuna-linas")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
