"""What a budget generator has learned (figures 3 to 5 of the NAG paper, Guo et al. 2021)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike

from optuna_linas.arrays import FloatArray
from optuna_linas.given import check_given
from optuna_linas.variable import Option
from optuna_linas.visualization.hover import params_lines
from optuna_linas.visualization.style import (
    COLORS,
    axis_label,
    explained_empty_figure,
    layout,
    name_label,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["plot_budget_front", "plot_budget_histogram"]


@runtime_checkable
class Front(Protocol):
    """A learned trade-off, as `BudgetGenerator.front` returns it."""

    @property
    def budgets(self) -> FloatArray:
        """`float[n]`."""
        ...

    @property
    def values(self) -> FloatArray:
        """Predicted for the architecture of each budget, `float[n]`."""
        ...

    @property
    def costs(self) -> FloatArray:
        """Predicted likewise, `float[n]`."""
        ...

    @property
    def params(self) -> Sequence[Mapping[str, Option]]:
        """The architectures."""
        ...

    @property
    def value_name(self) -> str:
        """What the value is called."""
        ...

    @property
    def cost_name(self) -> str:
        """What the cost is called."""
        ...

    @property
    def is_value_maximised(self) -> bool:
        """Whether more of the value is better."""
        ...

    @property
    def is_cost_maximised(self) -> bool:
        """Whether a budget is the least that the cost may be, not the most."""
        ...


def plot_budget_front(
    fronts: Front | Mapping[str, Front],
    measured: Mapping[str, tuple[ArrayLike, ArrayLike]] | None = None,
) -> go.Figure:
    """Return the learned fronts: value against budget, the architectures' costs as dots.

    Args:
        fronts: What `BudgetGenerator.front` returns, or several of them by name: devices, say.
        measured: By the same names, costs and values that were measured, to stand beside them.

    Returns:
        The figure. The line is what a budget buys, up to the next one that was asked for; a dot is
        the architecture that buys it, beside its budget by what it does not use. Hovering shows it.

    Raises:
        TypeError: Something else than fronts.

    Example:
        >>> from optuna_linas.budget_answers import BudgetFront
        >>> front = BudgetFront(
        ...     budgets=np.array([1.0, 2.0]),
        ...     values=np.array([0.7, 0.9]),
        ...     costs=np.array([0.9, 1.8]),
        ...     is_within=np.array([True, True]),
        ...     params=({"depth": 1}, {"depth": 2}),
        ...     value_name="accuracy",
        ...     cost_name="latency_ms",
        ...     is_value_maximised=True,
        ...     is_cost_maximised=False,
        ... )
        >>> plot_budget_front({"phone": front}).data[0].name
        'phone'
    """
    import plotly.graph_objects as go

    wanted = "what BudgetGenerator.front returns, or several of them in a dict from name to front"
    check_given(fronts, (Front, Mapping), wanted)
    named = fronts if isinstance(fronts, Mapping) else {"generator": fronts}
    for name, front in named.items():
        check_given(front, Front, f"under {name!r} what BudgetGenerator.front returns")
    if measured is not None:
        check_given(measured, Mapping, "as `measured` a dict from name to (costs, values)")
    if not named:
        return explained_empty_figure("No front was given", _FRONT)
    figure = go.Figure()
    for (name, front), color in zip(named.items(), cycle(COLORS), strict=False):
        if measured is not None and name in measured:
            costs, values = (np.asarray(column, dtype=float) for column in measured[name])
            figure.add_scatter(
                x=costs,
                y=values,
                mode="markers",
                name=f"{name}: trials",
                legendgroup=name,
                marker={"color": color, "size": 5, "opacity": 0.3},
            )
        figure.add_scatter(
            x=front.budgets,
            y=front.values,
            mode="lines",
            name=name,
            legendgroup=name,
            # A looser budget buys no less: more where costs are minimised, less where maximised.
            line={"color": color, "shape": "vh" if front.is_cost_maximised else "hv"},
            hovertemplate="budget %{x:.5g}: %{y:.5g}<extra></extra>",
        )
        figure.add_scatter(
            x=front.costs,
            y=front.values,
            mode="markers",
            name=f"{name}: architectures",
            legendgroup=name,
            showlegend=False,
            marker={"color": color, "size": 8, "line": {"color": "white", "width": 1}},
            text=["<br>".join(lines) for lines in params_lines(front.params)],
            hovertemplate=f"<b>{name}</b><br>{front.cost_name} = %{{x:.5g}}<br>"
            f"{front.value_name} = %{{y:.5g}}<br>%{{text}}<extra></extra>",
        )
    first = next(iter(named.values()))
    figure.update_layout(
        **layout(
            _FRONT,
            x=_budget_label([front.cost_name for front in named.values()])
            + (", at least" if first.is_cost_maximised else ""),
            y=axis_label(first.value_name, is_maximised=first.is_value_maximised),
            subtitle="line: what a budget buys; dots: the architecture that buys it, at its cost",
        )
    )
    return figure


def _budget_label(cost_names: Sequence[str]) -> str:
    """The axis of the budgets: the cost's name, or of several the unit that they have in common."""
    labels = sorted({name_label(name) for name in cost_names})
    if len(labels) == 1:
        return f"budget: {labels[0]}"
    units = {label.rpartition(" (")[2] for label in labels if label.endswith(")")}
    is_shared = len(units) == 1 and all(label.endswith(")") for label in labels)
    return f"budget ({units.pop()}" if is_shared else "budget"


_FRONT = "The best architecture for each budget"


def plot_budget_histogram(
    costs: Mapping[float, ArrayLike], *, cost_name: str = "cost", n_bins: int = 60
) -> go.Figure:
    """Return a histogram of the costs of architectures that were generated for each budget.

    Args:
        costs: From each budget to the costs of what was generated for it, predicted or measured.
        cost_name: What the axis says. With its unit, as `BudgetFront.cost_name` may have it:
            "latency_ms" is shown as "latency (ms)".
        n_bins: Bins over the whole range.

    Returns:
        The figure, with a dashed line at each budget.

    Raises:
        TypeError: Something else than numbers by budget.

    Example:
        >>> figure = plot_budget_histogram({10.0: [9.1, 9.5], 20.0: [18.0, 19.9]})
        >>> [trace.name for trace in figure.data]
        ['budget 10 (100 % within)', 'budget 20 (100 % within)']
    """
    import plotly.graph_objects as go

    check_given(costs, Mapping, "a dict from budget to the costs of what was generated for it")
    for budget, each in costs.items():
        check_given(budget, (int, float), "numbers as budgets")
        check_given(each, (Sequence, np.ndarray), f"numbers as the costs for budget {budget!r}")
    arrays = {budget: np.asarray(each, dtype=float) for budget, each in costs.items()}
    if not any(each.size for each in arrays.values()):
        return explained_empty_figure("Nothing was generated", _HISTOGRAM)
    everything = np.concatenate([*arrays.values(), np.array(list(arrays), dtype=float)])
    low, high = float(everything.min()), float(everything.max())
    width = (high - low) / n_bins or 1.0
    figure = go.Figure()
    for (budget, each), color in zip(arrays.items(), cycle(COLORS), strict=False):
        within = float((each <= budget).mean()) if each.size else 0.0
        # A bin holds its upper end, and one ends at the budget: what costs as much as the budget
        # stands to the left of its line. Plotly's own bins hold their lower end.
        bins, heights = np.unique(np.ceil((each - budget) / width), return_counts=True)
        figure.add_bar(
            x=budget + (bins - 0.5) * width,
            y=heights,
            width=width,
            name=f"budget {budget:g} ({within:.0%} within)".replace("%", " %"),
            customdata=np.stack([budget + (bins - 1) * width, budget + bins * width], axis=1),
            hovertemplate="%{y} architectures of %{customdata[0]:.5g} to %{customdata[1]:.5g}"
            "<extra></extra>",
            marker={"color": color, "line": {"width": 0}},
            opacity=0.6,
        )
        figure.add_vline(x=budget, line={"color": color, "dash": "dash"})
    figure.update_layout(
        **layout(
            _HISTOGRAM,
            x=name_label(cost_name),
            y="architectures",
            subtitle="dashed: the budgets that they were generated for",
        ),
        barmode="overlay",
    )
    return figure


_HISTOGRAM = "Costs of generated architectures"
