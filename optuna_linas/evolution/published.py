"""The evolutionary algorithms of the literature, with operators for options instead of numbers.

Each is pymoo's, or pymoo's with a part replaced where its own does not work here; crossover is
uniform and mutation takes another option (see `variation`). Defaults are those of the LINAS paper:
population 50, crossover .9, mutation .02; C-TAEA 1.0 and .05.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import Any, final

from optuna_linas.arrays import IntArray
from optuna_linas.evolution.directions import riesz_directions
from optuna_linas.evolution.pymoo_search import PymooAlgorithm

__all__ = ["AGEMOEA", "CTAEA", "GA", "MOEAD", "NSGA2", "UNSGA3"]

_PARTITIONS = 20
_MOST_DIRECTIONS = comb(_PARTITIONS + 2, 2)


@dataclass(frozen=True)
class _Sized(PymooAlgorithm):
    """An algorithm whose generation is its population."""

    population_size: int = 50
    crossover: float = 0.9
    mutation: float | None = 0.02

    def __post_init__(self) -> None:
        _check(self)

    @property
    def generation(self) -> int:
        """The population size."""
        return self.population_size


@final
@dataclass(frozen=True)
class NSGA2(_Sized):
    """NSGA-II; a GA where there is one objective.

    Deb et al., "A fast and elitist multiobjective genetic algorithm: NSGA-II", IEEE TEC 2002.

    Attributes:
        population_size: Rows per generation.
        crossover: Probability that two parents are crossed at all.
        mutation: Probability that a variable is resampled; `None` for 1 / d.

    Example:
        >>> NSGA2(population_size=20).generation  # as `LINASSampler(algorithm=...)` takes it
        20
    """

    mutation: float | None = None

    def build(self, n_objectives: int, n_variables: int, seeds: IntArray) -> Any:
        """Return pymoo's NSGA2, or its GA for one objective."""
        from pymoo.algorithms.moo.nsga2 import NSGA2 as PymooNSGA2

        if n_objectives == 1:
            return _ga(self, n_variables, seeds)
        return PymooNSGA2(pop_size=self.population_size, **_operators(self, n_variables, seeds))


@final
@dataclass(frozen=True)
class GA(_Sized):
    """A genetic algorithm with elitist survival, for one objective.

    Holland, "Adaptation in Natural and Artificial Systems", 1975.

    Attributes:
        population_size: Rows per generation.
        crossover: Probability that two parents are crossed at all.
        mutation: Probability that a variable is resampled; `None` for 1 / d.

    Example:
        >>> GA(population_size=20).generation
        20
    """

    def build(self, n_objectives: int, n_variables: int, seeds: IntArray) -> Any:
        """Return pymoo's GA.

        Raises:
            ValueError: More than one objective.
        """
        if n_objectives != 1:
            raise ValueError(
                f"The algorithm 'ga' has no way to weigh {n_objectives} objectives against each "
                "other: it is for one. Choose 'nsga2', 'agemoea', 'unsga3', 'ctaea' or 'moead'."
            )
        return _ga(self, n_variables, seeds)


@final
@dataclass(frozen=True)
class AGEMOEA(_Sized):
    """AGE-MOEA: diversity and proximity measured by the estimated geometry of the front.

    Panichella, "An Adaptive Evolutionary Algorithm based on Non-Euclidean Geometry for
    Many-Objective Optimization", GECCO 2019. The survival is our own (see `geometry`): pymoo's
    needs numba. With one objective nothing but the order of the losses is left of it.

    Attributes:
        population_size: Rows per generation.
        crossover: Probability that two parents are crossed at all.
        mutation: Probability that a variable is resampled; `None` for 1 / d.

    Example:
        >>> AGEMOEA(population_size=20).generation
        20
    """

    def build(self, n_objectives: int, n_variables: int, seeds: IntArray) -> Any:
        """Return pymoo's genetic algorithm with AGE-MOEA's survival and tournament."""
        from pymoo.algorithms.moo.nsga2 import NSGA2 as PymooNSGA2

        from optuna_linas.evolution.pymoo_parts import GeometrySurvival

        algorithm = PymooNSGA2(
            pop_size=self.population_size,
            survival=GeometrySurvival(),
            **_operators(self, n_variables, seeds),
        )
        algorithm.tournament_type = "comp_by_rank_and_crowding"
        return algorithm


@final
@dataclass(frozen=True)
class UNSGA3(_Sized):
    """U-NSGA-III: NSGA-III with a tournament that also makes sense for one and two objectives.

    Seada and Deb, "A Unified Evolutionary Optimization Procedure for Single, Multiple, and Many
    Objectives", IEEE TEC 2016.

    Attributes:
        population_size: Rows per generation and, with several objectives, reference directions of
            least Riesz s-energy.
        crossover: Probability that two parents are crossed at all.
        mutation: Probability that a variable is resampled; `None` for 1 / d.

    Example:
        >>> UNSGA3(population_size=20).generation
        20
    """

    def build(self, n_objectives: int, n_variables: int, seeds: IntArray) -> Any:
        """Return pymoo's UNSGA3 with a repeatable tournament.

        Raises:
            ValueError: Fewer rows than objectives.
        """
        from pymoo.algorithms.moo.unsga3 import UNSGA3 as PymooUNSGA3

        from optuna_linas.evolution.pymoo_parts import NicheTournament

        return PymooUNSGA3(
            riesz_directions(n_objectives, self.population_size if n_objectives > 1 else 1),
            pop_size=self.population_size,
            selection=NicheTournament(),
            **_operators(self, n_variables, seeds),
        )


@final
@dataclass(frozen=True)
class CTAEA(_Sized):
    """C-TAEA: one archive for convergence and feasibility, another for diversity.

    Li, Chen, Fu and Yao, "Two-Archive Evolutionary Algorithm for Constrained Multiobjective
    Optimization", IEEE TEC 2019. As there, equal children are not eliminated: pymoo's archives
    never fill up, and its update never ends, where a space has fewer rows than they have places.

    Attributes:
        population_size: Rows per generation and reference directions of least Riesz s-energy.
        crossover: Probability that two parents are crossed at all.
        mutation: Probability that a variable is resampled; `None` for 1 / d.

    Example:
        >>> CTAEA(population_size=20).generation
        20
    """

    crossover: float = 1.0
    mutation: float | None = 0.05

    def build(self, n_objectives: int, n_variables: int, seeds: IntArray) -> Any:
        """Return pymoo's CTAEA.

        Raises:
            ValueError: One objective, or fewer rows than objectives.
        """
        from pymoo.algorithms.moo.ctaea import CTAEA as PymooCTAEA

        _check_several("ctaea", n_objectives)
        return PymooCTAEA(
            riesz_directions(n_objectives, self.population_size),
            eliminate_duplicates=False,
            **_operators(self, n_variables, seeds),
        )


@final
@dataclass(frozen=True)
class MOEAD(PymooAlgorithm):
    """MOEA/D: each row works for one direction and learns from its neighbours.

    Zhang and Li, "MOEA/D: A Multiobjective Evolutionary Algorithm Based on Decomposition", IEEE TEC
    2007; Tchebycheff decomposition for two objectives, PBI for more. Departures: a generation is
    predicted at once (pymoo's ParallelMOEAD; child by child takes four times as long), and where
    there are constraints the smaller violation wins before the decomposition counts.

    Attributes:
        population_size: Reference directions of least Riesz s-energy, a row each. `None` for as
            many as 20 partitions of each axis give, 21 for two objectives, and at most 231.
        crossover: Probability that two parents are crossed at all.
        mutation: Probability that a variable is resampled; `None` for 1 / d.
        n_neighbors: How many directions, its own included, learn from a child.
        neighbor_mating: Probability that the parents are neighbours.

    Example:
        >>> MOEAD().generation
        21
    """

    population_size: int | None = None
    crossover: float = 0.9
    mutation: float | None = 0.02
    n_neighbors: int = 20
    neighbor_mating: float = 0.9

    def __post_init__(self) -> None:
        _check(self)

    @property
    def generation(self) -> int:
        """The population size; that of two objectives where it depends on them."""
        return self.population_size or _PARTITIONS + 1

    def build(self, n_objectives: int, n_variables: int, seeds: IntArray) -> Any:
        """Return pymoo's ParallelMOEAD with constraints.

        Raises:
            ValueError: One objective, or fewer rows than objectives.
        """
        from optuna_linas.evolution.pymoo_parts import SynchronousMOEAD

        _check_several("moead", n_objectives)
        n = min(comb(_PARTITIONS + n_objectives - 1, n_objectives - 1), _MOST_DIRECTIONS)
        directions = riesz_directions(n_objectives, self.population_size or n)
        return SynchronousMOEAD(
            directions,
            n_neighbors=max(2, min(self.n_neighbors, len(directions))),
            prob_neighbor_mating=self.neighbor_mating,
            **_operators(self, n_variables, seeds),
        )


def _operators(algorithm: Any, n_variables: int, seeds: IntArray) -> dict[str, Any]:
    from optuna_linas.evolution.operators import ResampleMutation, SeededSampling, UniformExchange

    rate = algorithm.mutation
    return {
        "sampling": SeededSampling(seeds),
        "crossover": UniformExchange(algorithm.crossover),
        "mutation": ResampleMutation(1.0 / max(n_variables, 1) if rate is None else rate),
    }


def _ga(algorithm: NSGA2 | GA, n_variables: int, seeds: IntArray) -> Any:
    from pymoo.algorithms.soo.nonconvex.ga import GA as PymooGA

    return PymooGA(pop_size=algorithm.population_size, **_operators(algorithm, n_variables, seeds))


def _check(algorithm: Any) -> None:
    size = algorithm.population_size
    if size is not None and size < 1:
        raise ValueError(f"population_size must be at least 1, got {size}.")
    for name in ("crossover", "mutation"):
        probability = getattr(algorithm, name)
        if probability is not None and not 0 <= probability <= 1:
            raise ValueError(f"{name} is a probability, from 0 to 1; got {probability}.")


def _check_several(name: str, n_objectives: int) -> None:
    if n_objectives < 2:
        raise ValueError(
            f"The algorithm {name!r} spreads its rows over the trade-offs between objectives, and "
            "the search has but one. Choose 'ga', 'nsga2', 'agemoea' or 'unsga3'."
        )
