"""What the member of a slot is in its next step: translates trials to `optuna_linas.pbt` and back.

Everything follows from the seed, the generation, the slot and the results so far; trial numbers
enter only as the names of the parents.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial

from optuna_linas.distributions import variable_of
from optuna_linas.given import check_count
from optuna_linas.goals import Goals
from optuna_linas.lineage import Lineage, rank
from optuna_linas.pbt.breeding import Variation, descend, donate
from optuna_linas.pbt.exploration import explore, redraw
from optuna_linas.pbt.initial import stratified_options, stratified_units, value_at
from optuna_linas.seeding import derive_rng

__all__ = ["Epochs", "Origin", "Succession", "checked_epochs"]

Epochs = int | Sequence[int] | Callable[[int], int]


@dataclass(frozen=True)
class Origin:
    """Where a member's next step starts, see `Assignment`."""

    base: int | None = None
    donor: int | None = None
    donated: tuple[str, ...] = ()
    fresh: tuple[str, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Succession:
    """The rules by which slots go on.

    Attributes:
        population_size: Number of slots.
        quantile: Share of the slots that are parents, and of those that are replaced.
        layer_replace_prob: Probability with which each variable comes from the donor.
        variation: What children are.
        hyperparameters: Parameters that are perturbed as in PBT, and never donated.
        factors: What a number among them is multiplied by.
        resample_prob: Probability with which one is drawn anew.
        epochs: Epochs of each step.
        is_stratified: Whether the first population has every option equally often.
    """

    population_size: int
    quantile: float
    layer_replace_prob: float
    variation: Variation
    hyperparameters: tuple[str, ...]
    factors: tuple[float, float]
    resample_prob: float
    epochs: Epochs
    is_stratified: bool

    def n_epochs(self, generation: int) -> int:
        """Return the epochs of a step.

        Raises:
            TypeError: The function that the user gave returned no whole number.
            ValueError: It is less than 1.
        """
        if callable(self.epochs):
            n = operator.index(self.epochs(generation))
        else:
            n = self.epochs if isinstance(self.epochs, int) else self.epochs[generation]
        if n < 1:
            raise ValueError(f"epochs_per_generation gave {n} for generation {generation}.")
        return n

    def origin(
        self, lineage: Lineage, goals: Goals, generation: int, slot: int, seed: int
    ) -> Origin:
        """Return where a step starts.

        Raises:
            RuntimeError: No member has a score, so there is nobody to go on from.
        """
        if generation == 0:
            return Origin()
        if lineage.plan.asynchronous:
            before = lineage.latest()
        else:
            slots = range(self.population_size)
            before = [lineage.counting(generation - 1, other) for other in slots]
        order = rank(before, goals)
        if len(order) == 0:
            raise RuntimeError(
                f"No member of generation {generation - 1} has a score: all trials failed, were "
                "pruned, or returned values that are not finite. Nobody is left to go on from; "
                "see the log for the first error."
            )
        rng = derive_rng(seed, "descent", generation, slot)
        descent = descend(
            order,
            slot,
            self.population_size,
            quantile=self.quantile,
            variation=self.variation,
            rng=rng,
        )
        if descent.base is None:
            return Origin()
        base = before[descent.base]
        assert base is not None
        params = dict(base.params)
        if not descent.is_child and descent.donor is None:
            return Origin(base.number, params=params)
        donor = None if descent.donor is None else before[descent.donor]
        donated: tuple[str, ...] = ()
        fresh: tuple[str, ...] = ()
        if donor is not None:
            donated = self._donated(base, donor, rng)
            params |= {name: donor.params[name] for name in donated}
        elif self.variation.changes == "redraw":
            changed = self._redrawn(base, rng)
            params |= changed
            fresh = tuple(changed)
        if descent.is_child:
            params |= self._explored(base, rng)
        return Origin(base.number, None if donor is None else donor.number, donated, fresh, params)

    def first_value(
        self, name: str, distribution: BaseDistribution, generation: int, slot: int, seed: int
    ) -> Any:
        """Return the value of a parameter that a member does not inherit."""
        variable = variable_of(name, distribution)
        rng = derive_rng(seed, "value", generation, slot, name)
        if generation > 0 or not self.is_stratified:
            return value_at(variable, rng.random(), rng)
        deal = derive_rng(seed, "stratify", name)
        if variable.is_number:
            return value_at(variable, stratified_units(self.population_size, deal)[slot], rng)
        options = stratified_options(variable.n_options, self.population_size, deal)
        return variable.options[options[slot]]

    def _variables(self, *trials: FrozenTrial) -> list[str]:
        """All variables of the trials but hyper-parameters, in an order that storages keep."""
        names = {name for trial in trials for name in trial.params}
        return sorted(names - set(self.hyperparameters))

    def _donated(
        self, base: FrozenTrial, donor: FrozenTrial, rng: np.random.Generator
    ) -> tuple[str, ...]:
        names = self._variables(base, donor)
        taken = donate(
            np.array([name in base.params for name in names], dtype=bool),
            np.array([name in donor.params for name in names], dtype=bool),
            self.layer_replace_prob,
            rng,
        )
        return tuple(name for name, is_taken in zip(names, taken, strict=True) if is_taken)

    def _redrawn(self, base: FrozenTrial, rng: np.random.Generator) -> dict[str, Any]:
        names = self._variables(base)
        changed = {}
        for name, is_drawn in zip(
            names, rng.random(len(names)) < self.layer_replace_prob, strict=True
        ):
            variable = variable_of(name, base.distributions[name])
            if is_drawn and variable.n_options > 1:
                changed[name] = redraw(variable, base.params[name], rng)
        return changed

    def _explored(self, base: FrozenTrial, rng: np.random.Generator) -> dict[str, Any]:
        return {
            name: explore(
                variable_of(name, base.distributions[name]),
                base.params[name],
                rng,
                factors=self.factors,
                resample_prob=self.resample_prob,
            )
            for name in sorted(self.hyperparameters)
            if name in base.params
        }


def checked_epochs(epochs: Epochs, n_generations: int) -> Epochs:
    """Return the epochs of each step as they were given, in plain Python.

    Raises:
        TypeError: Not whole numbers.
        ValueError: Less than 1, or not one for each generation.
    """
    if callable(epochs):
        return epochs
    if isinstance(epochs, Sequence):
        if len(epochs) != n_generations:
            raise ValueError(
                f"epochs_per_generation has {len(epochs)} entries for {n_generations} generations."
            )
        for n in epochs:
            check_count("epochs_per_generation", n, least=1)
        return tuple(operator.index(n) for n in epochs)
    check_count("epochs_per_generation", epochs, least=1)
    return operator.index(epochs)
