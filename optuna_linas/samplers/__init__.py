"""Architecture search as Optuna samplers."""

from optuna_linas.samplers.linas import LINASSampler
from optuna_linas.samplers.motpe import MOTPE
from optuna_linas.samplers.nag import NAGSampler
from optuna_linas.samplers.pbtnas import PBTNASSampler
from optuna_linas.samplers.pymoo_sampler import PymooSampler

__all__ = ["MOTPE", "LINASSampler", "NAGSampler", "PBTNASSampler", "PymooSampler"]
