"""Which predictor each objective gets under the name "auto": the one that ranks best.

Candidates are cross-validated on what is measured, and compared by Kendall's rank correlation as in
NSGANetV2 (Lu et al., "NSGANetV2: Evolutionary Multi-Objective Surrogate-Assisted Neural
Architecture Search", ECCV 2020). The choice is made again whenever the data has doubled.

Shapes: `n` examples, `m` objectives, `d` variables.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.predictors import StructuredGP, kendall_tau, ridge
from optuna_linas.predictors.blocks import Advice
from optuna_linas.predictors.published import svr_rbf_unsearched
from optuna_linas.space import SearchSpace
from optuna_linas.variable import Variable

__all__ = ["best_ranked", "choose_predictors"]

_CANDIDATES = {"ridge": ridge, "svr_rbf": svr_rbf_unsearched}
"""Names beside "gp", and what stands for them in the comparison."""

_FIRST_CHOICE = 100
"""Examples that decide first. Of 80, one search in 54 (on 24 spaces) found another predictor than
"gp", by chance: of 160 it was "gp" again."""
_MAX_COMPARED = 640
"""Examples that the candidates are compared on; more would take seconds and change nothing."""
_N_FOLDS = 3


def choose_predictors(
    space: SearchSpace,
    archs: IntArray,
    losses: FloatArray,
    advice: Advice | None = None,
    *,
    holds_back: bool | None = None,
) -> tuple[str, ...]:
    """Return the name of a predictor for each objective.

    Below 100 examples that is "gp". From then on the first 100, 200, 400, ... decide, or 640
    spread evenly among them.

    Args:
        space: The search space.
        archs: The examples in the order of their measurement, `int[n, d]`.
        losses: Their losses, `float[n, m]`.
        advice: Further features for the Gaussian process, if there are any.
        holds_back: As in the `StructuredGP` that will be fitted.

    Example:
        >>> space = SearchSpace.from_choices({f"width_{i}": [1, 2, 4] for i in range(4)})
        >>> archs = space.sample(40, np.random.default_rng(0))
        >>> choose_predictors(space, archs, archs.sum(axis=1, keepdims=True).astype(float))
        ('gp',)
    """
    if len(archs) < _FIRST_CHOICE:
        return tuple("gp" for _ in losses.T)
    n = _FIRST_CHOICE * 2 ** int(np.log2(len(archs) / _FIRST_CHOICE))
    some = np.unique(np.linspace(0, n - 1, min(n, _MAX_COMPARED)).astype(np.int64))
    codes = np.ascontiguousarray(archs[some], dtype=np.int64)
    values = np.ascontiguousarray(losses[some], dtype=np.float64)
    return _choose(
        space.variables, len(some), codes.tobytes(), values.tobytes(), advice, holds_back
    )


@lru_cache(maxsize=64)
def _choose(
    variables: tuple[Variable, ...],
    n: int,
    codes: bytes,
    values: bytes,
    advice: Advice | None,
    holds_back: bool | None,
) -> tuple[str, ...]:
    """Choose for the rows in `codes` and `values`; remembered, as most batches ask again."""
    from sklearn.model_selection import KFold  # over a second for whoever only imports us

    space = SearchSpace(variables)
    archs = np.frombuffer(codes, dtype=np.int64).reshape(n, -1)
    losses = np.frombuffer(values, dtype=np.float64).reshape(n, -1)
    features = space.features(archs)
    names = ["gp", *_CANDIDATES]
    held_out = np.zeros((len(names), *losses.shape))
    for train, test in KFold(_N_FOLDS, shuffle=True, random_state=0).split(archs):
        gp = StructuredGP(space, advice, holds_back=holds_back)
        held_out[0, test] = gp.fit(archs[train], losses[train]).predict(archs[test])
        for c, candidate in enumerate(_CANDIDATES.values(), start=1):
            for k in range(losses.shape[1]):
                model = candidate().fit(features[train], losses[train, k])
                held_out[c, test, k] = model.predict(features[test])
    best = [best_ranked(losses[:, k], held_out[:, :, k]) for k in range(losses.shape[1])]
    return tuple(names[c] for c in best)


def best_ranked(measured: FloatArray, held_out: FloatArray) -> int:
    """Return the position of the candidate that ranks best.

    The first, unless another's rank correlation is higher by more than its standard error among
    unrelated rankings (Kendall 1938): few examples tell little, and only the Gaussian process
    knows how sure it is.

    Args:
        measured: `float[n]`.
        held_out: What each candidate predicts for them without having seen them, `float[c, n]`.
            One that predicts NaN has no rank correlation, and does not win by it.

    Example:
        >>> measured = np.array([1.0, 2.0, 3.0, 4.0])
        >>> best_ranked(measured, np.array([[4.0, 3.0, 2.0, 1.0], [1.0, 2.0, 3.0, 4.0]]))
        1
    """
    taus = [
        kendall_tau(measured, predicted) if np.isfinite(predicted).all() else -np.inf
        for predicted in held_out
    ]
    n = len(measured)
    margin = np.sqrt(2 * (2 * n + 5) / (9 * n * (n - 1)))
    return int(np.argmax(np.array(taus) - margin * (np.arange(len(taus)) > 0)))
