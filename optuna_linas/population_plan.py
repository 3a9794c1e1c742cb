"""What everybody who works on a population has to agree on; kept with the study."""

from __future__ import annotations

import json
from dataclasses import dataclass

from optuna.study import Study

from optuna_linas.goals import Attr, Goal
from optuna_linas.stored_json import explained, parsed, string, whole_number

__all__ = ["PopulationPlan"]

_PLAN_KEY = "pbt:population"
_MOST = 1_000_000


@dataclass(frozen=True)
class PopulationPlan:
    """What everybody who works on a study's population has to agree on; kept with the study.

    Attributes:
        population_size: Number of slots.
        n_generations: Steps of each slot.
        asynchronous: Whether slots go on without waiting for one another.
        max_attempts: Failures after which a slot has no score in a generation.
        hyperparameters: Parameters that are no architecture.
        objectives: What members are ranked by: objective indices and attributes with directions.
    """

    population_size: int
    n_generations: int
    asynchronous: bool
    max_attempts: int
    hyperparameters: tuple[str, ...] = ()
    objectives: tuple[Goal, ...] | None = None

    def dumps(self) -> str:
        """Return it as JSON."""
        data = self.__dict__.copy()
        if self.objectives is not None:
            data["objectives"] = [
                [goal.name, goal.direction] if isinstance(goal, Attr) else goal
                for goal in self.objectives
            ]
        return json.dumps(data)

    @staticmethod
    def loads(text: str) -> PopulationPlan:
        """Read what `dumps` wrote.

        Raises:
            ValueError: It is something else.
        """
        data = parsed(text, "The study's population", dict)
        with explained("The study's population"):
            data["hyperparameters"] = tuple(map(string, data["hyperparameters"]))
            if data["objectives"] is not None:
                data["objectives"] = tuple(
                    Attr(*goal) if isinstance(goal, list) else whole_number(goal)
                    for goal in data["objectives"]
                )
            for name in ("population_size", "n_generations", "max_attempts"):
                whole_number(data[name])
            plan = PopulationPlan(**data)
            if max(plan.population_size, plan.n_generations) > _MOST:
                raise ValueError("a population of more than a million")
            return plan

    @staticmethod
    def of(study: Study) -> PopulationPlan | None:
        """Return the plan of a study's population; `None` if it has none."""
        text = study._storage.get_study_system_attrs(study._study_id).get(_PLAN_KEY)
        return None if text is None else PopulationPlan.loads(text)

    def keep_with(self, study: Study) -> None:
        """Store the plan with the study.

        Raises:
            ValueError: The study has a population of another size or mode.
        """
        old = PopulationPlan.of(study)
        if old == self:
            return
        for name in ("population_size", "asynchronous"):
            if old is not None and getattr(old, name) != getattr(self, name):
                raise ValueError(
                    f"The study {study.study_name!r} has a population with {name}="
                    f"{getattr(old, name)}, but this sampler has {name}={getattr(self, name)}. "
                    "Go on with the same, or start a new study."
                )
        study._storage.set_study_system_attr(study._study_id, _PLAN_KEY, self.dumps())
