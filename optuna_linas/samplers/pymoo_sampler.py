"""The evolutionary algorithms of the LINAS paper directly on measurements, as Optuna samplers.

Cummings, Sarah, Sridhar, Szankin, Munoz and Sundaresan, "A Hardware-Aware Framework for
Accelerating Neural Architecture Search Across Modalities", 2022: the mode that is called
"validation only" there, and what LINAS is compared with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, final

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial

from optuna_linas.arrays import IntArray
from optuna_linas.evolution import PYMOO_ALGORITHMS, PymooAlgorithm, make_algorithm
from optuna_linas.evolution.generations import next_generation
from optuna_linas.given import check_count
from optuna_linas.goals import Goal, Goals
from optuna_linas.history import History
from optuna_linas.samplers.planned import PlannedSampler
from optuna_linas.samplers.planner import Planned
from optuna_linas.selection import filled_up
from optuna_linas.space import SearchSpace

__all__ = ["PymooSampler"]

_POPULATION = 50


@final
class PymooSampler(PlannedSampler):
    """An evolutionary algorithm of pymoo's on measurements: LINAS without predictions.

    A drop-in for any study, with the promises of `LINASSampler`: categorical, integer, float and
    conditional parameters, any direction; all state in the study's storage, so that any number of
    workers construct samplers of their own and a killed search resumes; no effective architecture
    twice while others remain; a failed trial frees its place.

    The first generation is random and different; each further one is bred from everything
    measured, by replaying it to the algorithm (see `evolution.generations`). Equal to the
    published algorithms: survival, selection and variation, one generation after the other when
    one worker measures. Not equal: children that are measured already are bred again; with several
    workers a generation begins while the last trials of the one before still run, and these count
    once they have finished.

    Args:
        algorithm: "agemoea", "ctaea", "ga" (one objective), "moead", "nsga2" or "unsga3"; one of
            those of `optuna_linas.evolution` with settings of its own; or an algorithm object of
            pymoo's that takes constraints and need not know how long the search goes on. Its first
            trial says where one cannot be used.
        space: The search space, if known: a `SearchSpace` or a mapping from name to Optuna
            distribution. By default it is inferred from the study's trials.
        population_size: Trials per generation, and reference directions where the algorithm has
            them; 50 by default. Not with an object, which has its own.
        objectives: What is optimised: indices of the study's objectives and `Attr`s. By default
            all of the study's objectives.
        independent_sampler: Samples parameters that no finished trial has had yet. By default
            uniformly at random, from the sampler's own seed.
        constraints_func: As in Optuna's samplers; `trial.set_constraint` is the newer way and
            needs nothing here.
        seed: Makes the search reproducible. Without it one is drawn and stored with the study.
        warn_independent_sampling: Warn when a parameter is sampled independently after the start.

    Raises:
        ValueError: An unknown name, a size below 1, or a size beside an object.
        TypeError: An argument of the wrong kind.

    Example:
        >>> import optuna
        >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
        >>> def objective(trial):
        ...     depth = trial.suggest_int("depth", 1, 3)
        ...     width = trial.suggest_categorical("width", [8, 16, 32])
        ...     return 1 - 1 / (depth * width), depth * width
        >>> study = optuna.create_study(
        ...     directions=["maximize", "minimize"],
        ...     sampler=PymooSampler("nsga2", population_size=4, seed=0),
        ... )
        >>> study.optimize(objective, n_trials=9)
        >>> len({tuple(t.params.values()) for t in study.trials})
        9
    """

    def __init__(
        self,
        algorithm: Any = "agemoea",
        *,
        space: SearchSpace | Mapping[str, BaseDistribution] | None = None,
        population_size: int | None = None,
        objectives: Sequence[Goal] | None = None,
        independent_sampler: BaseSampler | None = None,
        constraints_func: Callable[[FrozenTrial], Sequence[float]] | None = None,
        seed: int | None = None,
        warn_independent_sampling: bool = True,
    ) -> None:
        self._algorithm = _resolve(algorithm, population_size)
        super().__init__(
            "pymoo",
            space=space,
            n_startup_trials=self._algorithm.start,
            batch_size=self._generation,
            min_examples=1,
            objectives=objectives,
            independent_sampler=independent_sampler,
            constraints_func=constraints_func,
            seed=seed,
            warn_independent_sampling=warn_independent_sampling,
        )

    def _generation(self, space: SearchSpace, n_trials: int, n_running: int) -> int:
        return self._algorithm.generation

    def _check_goals(self, goals: Goals) -> None:
        self._algorithm.check(len(goals), ends=False)

    def _plan(
        self,
        space: SearchSpace,
        history: History,
        n: int,
        rng: np.random.Generator,
        *,
        goals: Goals,
        batch: int,
        taken: IntArray,
        pending: IntArray,
    ) -> Planned:
        seen = {row.tobytes() for rows in (taken, pending, history.codes) for row in rows}
        chosen = np.zeros((0, len(space)), dtype=np.int64)
        if batch > 0:
            chosen = next_generation(
                self._algorithm,
                space.n_options,
                archs=history.codes,
                losses=history.losses,
                violations=history.violations,
                taken=seen,
                n=n,
                canonical=space.canonical,
                rng=rng,
            )
        return Planned(filled_up(space, chosen, n, rng, taken=seen))


def _resolve(algorithm: Any, population_size: int | None) -> PymooAlgorithm:
    if population_size is not None:
        check_count("population_size", population_size, least=1)
    if isinstance(algorithm, str):
        if algorithm not in PYMOO_ALGORITHMS:
            raise ValueError(
                f"Unknown algorithm {algorithm!r}. Choose one of {sorted(PYMOO_ALGORITHMS)}, or "
                "pass a pymoo algorithm."
            )
        made: Any = PYMOO_ALGORITHMS[algorithm]()
        return replace(made, population_size=population_size or _POPULATION)  # type: ignore[no-any-return]
    resolved = make_algorithm(algorithm)
    if not isinstance(resolved, PymooAlgorithm):
        raise TypeError(
            f"PymooSampler breeds with an algorithm of pymoo's, which {algorithm!r} is not. Give "
            f"one of the names {sorted(PYMOO_ALGORITHMS)} or a pymoo algorithm object."
        )
    if population_size is not None:
        raise ValueError(
            "population_size is for algorithms that are given by name; "
            f"{type(algorithm).__name__} has one of its own ({resolved.start})."
        )
    return resolved
