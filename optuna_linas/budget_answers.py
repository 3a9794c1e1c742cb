"""What a budget generator answers with."""

from __future__ import annotations

from dataclasses import dataclass

from optuna_linas.arrays import BoolArray, FloatArray
from optuna_linas.variable import Option

__all__ = ["BudgetFront", "Generated"]


@dataclass(frozen=True)
class Generated:
    """An architecture for a budget.

    Of several, the first is the most promising: those within the budget come first, by predicted
    value and how sure it is, then the others by how little they violate it.

    Attributes:
        params: The active parameters: what a supernet takes, and `study.enqueue_trial`.
        predicted_value: In the user's direction; the measured value if the study has this
            architecture.
        predicted_cost: In the cost's unit; measured likewise.
        is_within: Whether the cost, with its safety margin, is within the budget.
    """

    params: dict[str, Option]
    predicted_value: float
    predicted_cost: float
    is_within: bool


@dataclass(frozen=True)
class BudgetFront:
    """The learned trade-off, a row for each budget.

    Attributes:
        budgets: Over the range of costs, increasing, `float[n]`.
        values: Predicted, in the user's direction, `float[n]`.
        costs: Predicted, `float[n]`.
        is_within: Whether the cost, with its safety margin, is within the budget, `bool[n]`.
        params: The architectures.
        value_name: What the study calls the value.
        cost_name: What the study calls the cost.
        is_value_maximised: Whether more of the value is better.
        is_cost_maximised: Whether more of the cost is better: then a budget is the least of it.
    """

    budgets: FloatArray
    values: FloatArray
    costs: FloatArray
    is_within: BoolArray
    params: tuple[dict[str, Option], ...]
    value_name: str
    cost_name: str
    is_value_maximised: bool
    is_cost_maximised: bool
