"""The settings of the LINAS paper.

Cummings, Sarah, Sridhar, Szankin, Munoz and Sundaresan, "A Hardware-Aware Framework for
Accelerating Neural Architecture Search Across Modalities", 2022, section 4.
"""

from __future__ import annotations

from optuna_linas.evolution import NSGA2
from optuna_linas.linas.propose import Settings

__all__ = ["published"]

_PAPER: dict[str, tuple[int, float, int, tuple[str, ...]]] = {
    "image": (50, 0.9, 20_000, ("ridge",)),
    "translation": (50, 0.9, 20_000, ("svr_rbf", "ridge")),
    "recommendation": (10, 0.1, 2_000, ("svr_rbf", "ridge")),
}
"""Population (also the batch and the start), crossover, inner evaluations, predictors."""


def published(modality: str) -> tuple[int, Settings]:
    """Return the population, which is also the batch and the start, and the settings.

    Args:
        modality: "image", "translation" or "recommendation". The last two have a predictor for
            quality and one for latency, in this order.

    Raises:
        ValueError: Another modality.

    Example:
        >>> population, settings = published("image")
        >>> population, settings.predictors, settings.masked
        (50, ('ridge',), False)
    """
    if modality not in _PAPER:
        raise ValueError(f"Unknown modality {modality!r}. Choose one of {sorted(_PAPER)}.")
    population, crossover, n_inner, predictors = _PAPER[modality]
    return population, Settings(
        predictors=predictors,
        algorithm=NSGA2(population, crossover, mutation=0.02),
        n_inner_evaluations=n_inner,
        masked=False,
        seeded=False,
        whole_archive=False,
        joint_gain=False,
        optimism=0.0,
        doubts=False,
        learns_failures=False,
    )
