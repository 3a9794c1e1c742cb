"""One generation of a published algorithm on measurements instead of predictions.

The algorithm is rebuilt from everything measured whenever a generation is needed: the measured
rows, in their order, are cut into generations and told to a new algorithm one after the other. So
nothing has to be stored, and what was measured by others (imported, enqueued) is part of it.

Equal to the published algorithm: its survival, selection and variation, generation by generation.
Not equal: no architecture is measured twice. A child that is known already is bred again, and if
nothing new comes of that (the published mutation is weak where variables are few), it mutates more
strongly, both for a bounded number of times. Ties that a survival breaks by chance are broken alike
every time.

Shapes: `n` measured rows, `d` variables, `m` objectives.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from optuna_linas.arrays import FloatArray, IntArray
from optuna_linas.evolution.algorithm import Canonical
from optuna_linas.evolution.pymoo_search import PymooAlgorithm, limit_matings, set_up
from optuna_linas.evolution.variation import resample

__all__ = ["next_generation"]

_MAX_BREEDINGS = 16
_MAX_BARREN = 2
_STRENGTHS = (1, 1, 2, 2)
"""Expected number of variables that children take anew once breeding gives nothing new."""


def next_generation(
    algorithm: PymooAlgorithm,
    n_options: IntArray,
    *,
    archs: IntArray,
    losses: FloatArray,
    violations: FloatArray,
    taken: set[bytes],
    n: int,
    canonical: Canonical,
    rng: np.random.Generator,
) -> IntArray:
    """Return the next children, different and new, `int[k, d]` with k at most `n`.

    Args:
        algorithm: Makes the algorithm.
        n_options: The number of options of each variable, `int[d]`.
        archs: What is measured, in the order of measurement, `int[n, d]`, at least one row.
        losses: `float[n, m]`, minimised.
        violations: `float[n]`, 0 where feasible.
        taken: Canonical rows (`row.tobytes()`) that must not come again.
        n: How many children are wanted. Fewer come when breeding gives no more new ones.
        canonical: Tells which rows are the same network.
        rng: The source of all randomness of the children.

    Raises:
        ValueError: As for `PymooAlgorithm.check`.

    Example:
        >>> from optuna_linas.evolution import NSGA2
        >>> archs = np.array([[0, 0], [1, 2], [2, 1], [2, 2]])
        >>> next_generation(
        ...     NSGA2(4), np.array([3, 3]), archs=archs, losses=archs.astype(float), n=2,
        ...     violations=np.zeros(4), taken={row.tobytes() for row in archs},
        ...     canonical=lambda archs: archs, rng=np.random.default_rng(0),
        ... ).shape
        (2, 2)
    """
    breeder = _Breeder(algorithm, n_options, losses.shape[1])
    at = 0
    while at < len(archs):
        at += breeder.tell(archs[at:], losses[at:], violations[at:])
    # In the place of its first attempt, as some algorithms have a place for each child.
    places: dict[int, IntArray] = {}
    spares: list[IntArray] = []
    seen = set(taken)

    def keep(children: IntArray) -> int:
        n_before = len(seen)
        for place, child in enumerate(canonical(children)):
            if child.tobytes() not in seen:
                seen.add(child.tobytes())
                if place in places:
                    spares.append(child)
                else:
                    places[place] = child
        return len(seen) - n_before

    n_barren = 0
    bred = np.zeros((0, len(n_options)), dtype=np.int64)
    for _ in range(_MAX_BREEDINGS):
        children = breeder.breed(rng)
        n_barren += not keep(children)
        bred = children if len(children) else bred
        if (len(places) >= len(bred) and len(places) + len(spares) >= n) or (
            n_barren >= _MAX_BARREN
        ):
            break
    if not len(bred):
        bred = breeder.population()
    for strength in _STRENGTHS:
        if len(places) >= len(bred) and len(places) + len(spares) >= n:
            break
        keep(resample(bred, n_options, min(1.0, strength / max(len(n_options), 1)), rng))
    rows = [places[place] for place in sorted(places)] + spares
    return np.stack(rows[:n]) if rows else np.zeros((0, len(n_options)), dtype=np.int64)


class _Breeder:
    """An algorithm of pymoo's that is told generations which somebody else has evaluated."""

    def __init__(self, algorithm: PymooAlgorithm, n_options: IntArray, n_objectives: int) -> None:
        from pymoo.core.evaluator import Evaluator
        from pymoo.core.termination import NoTermination

        from optuna_linas.evolution.recording import RecordingProblem

        d = len(n_options)
        self._algorithm = algorithm.build(n_objectives, d, np.zeros((0, d), dtype=np.int64))
        self._problem = RecordingProblem(lambda rows: self._told, n_options, n_objectives)
        self._evaluator = Evaluator()
        set_up(self._algorithm, self._problem, NoTermination(), seed=0)
        limit_matings(self._algorithm)  # We ask again ourselves.
        self._n_told = 0

    def tell(self, archs: IntArray, losses: FloatArray, violations: FloatArray) -> int:
        """Tell the first rows as a generation, and return how many they were."""
        # Only ties are left to chance here: broken the same way whenever the past is told.
        asked = self._ask(np.random.default_rng(self._n_told))
        if asked is None or len(asked) == 0:
            asked = copy.deepcopy(self._algorithm.pop)  # It found nothing new to breed.
        n = min(len(archs), len(asked))
        # A generation cut short is filled up by its own rows, as some need exactly so many.
        index = np.arange(len(asked)) % n
        for child, arch in zip(asked, archs[index], strict=True):
            child.reset(data=False)
            child.set("X", arch)
        self._told = losses[index], violations[index]
        self._evaluator.eval(self._problem, asked)
        self._algorithm.tell(infills=asked)
        self._n_told += 1
        return n

    def breed(self, rng: np.random.Generator) -> IntArray:
        """Children that the algorithm would evaluate next, `int[k, d]`."""
        asked = self._ask(rng)
        if asked is None or len(asked) == 0:
            return np.zeros((0, self._problem.n_var), dtype=np.int64)
        return self._problem.rows(asked.get("X"))

    def population(self) -> IntArray:
        """The present parents, `int[k, d]`."""
        return self._problem.rows(self._algorithm.pop.get("X"))

    def _ask(self, rng: np.random.Generator) -> Any:
        self._algorithm.random_state = rng
        asked = self._algorithm.ask()
        self._algorithm.termination.force_termination = False
        return asked
