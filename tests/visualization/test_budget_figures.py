from dataclasses import replace

import numpy as np
import pytest

from optuna_linas.budget_answers import BudgetFront
from optuna_linas.visualization import plot_budget_front, plot_budget_histogram


def front_of(*values: float) -> BudgetFront:
    n = len(values)
    return BudgetFront(
        budgets=np.arange(1.0, n + 1),
        values=np.array(values),
        costs=np.arange(1.0, n + 1) - 0.25,
        is_within=np.ones(n, dtype=bool),
        params=tuple({"depth": i} for i in range(n)),
        value_name="accuracy",
        cost_name="latency_ms",
        is_value_maximised=True,
        is_cost_maximised=False,
    )


def test_a_front_shows_what_a_budget_buys_and_what_it_costs() -> None:
    line, dots = plot_budget_front(front_of(0.5, 0.8)).data
    assert list(line.x) == [1.0, 2.0]
    assert list(dots.x) == [0.75, 1.75]
    assert list(line.y) == list(dots.y) == [0.5, 0.8]


@pytest.mark.parametrize(
    ("cost_names", "title"),
    [
        (("latency_ms", "latency_ms"), "budget: latency (ms)"),
        (("pixel_ms", "i7_ms"), "budget (ms)"),
        (("pixel_ms", "energy_mj"), "budget"),
        (("pixel_ms", "macs"), "budget"),
    ],
)
def test_the_axis_is_no_single_device(cost_names: tuple[str, str], title: str) -> None:
    fronts = {
        name + str(i): replace(front_of(0.5, 0.8), cost_name=name)
        for i, name in enumerate(cost_names)
    }
    assert plot_budget_front(fronts).layout.xaxis.title.text == title


def test_devices_have_colours_of_their_own_and_their_trials_beside_them() -> None:
    figure = plot_budget_front(
        {"one": front_of(0.5, 0.8), "two": front_of(0.6, 0.9)}, {"two": ([1.0, 3.0], [0.4, 0.7])}
    )
    shown = [trace.name for trace in figure.data if trace.showlegend is not False]
    assert shown == ["one", "two: trials", "two"]
    colors = {trace.legendgroup: trace.line.color for trace in figure.data if trace.mode == "lines"}
    assert colors["one"] != colors["two"]
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == (
        "budget: latency (ms)",
        "accuracy, higher is better",
    )


def test_a_histogram_for_each_budget_says_how_many_are_within() -> None:
    figure = plot_budget_histogram({5.0: [4.0, 6.0, 4.5, 4.9], 9.0: [8.0]}, cost_name="ms")
    assert [trace.name for trace in figure.data] == [
        "budget 5 (75 % within)",
        "budget 9 (100 % within)",
    ]
    assert [shape.x0 for shape in figure.layout.shapes] == [5.0, 9.0]
    for trace, budget in zip(figure.data, (5.0, 9.0), strict=True):
        assert trace.width == figure.data[0].width
        n_bins = (budget - trace.customdata[:, 0]) / trace.width
        assert n_bins == pytest.approx(np.round(n_bins))  # one ends at the budget
    assert sum(figure.data[0].y) == 4
    assert figure.layout.xaxis.title.text == "ms"


def test_what_costs_as_much_as_the_budget_is_left_of_its_line() -> None:
    figure = plot_budget_histogram({0.3: [0.1, 0.2, 0.3, 0.3], 0.7: [0.7]})
    for trace, budget in zip(figure.data, (0.3, 0.7), strict=True):
        assert (trace.x < budget).all()
        assert trace.customdata[-1, 1] == pytest.approx(budget)
    assert figure.data[0].y[-1] == 2


def test_what_a_budget_buys_is_described() -> None:
    dots = plot_budget_front(front_of(0.8, 0.5)).data[1]
    assert dots.text == ("depth = 0", "depth = 1")


def test_a_budget_of_what_is_maximised_buys_the_same_down_to_the_one_before() -> None:
    """A latency, minimised, under budgets of accuracy: less is bought by more."""
    front = replace(
        front_of(10.0, 30.0),
        value_name="latency_ms",
        cost_name="accuracy",
        is_value_maximised=False,
        is_cost_maximised=True,
    )
    figure = plot_budget_front(front)
    assert (figure.data[0].line.shape, plot_budget_front(front_of(0.5)).data[0].line.shape) == (
        "vh",
        "hv",
    )
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == (
        "budget: accuracy, at least",
        "latency (ms), lower is better",
    )


def test_nothing_is_explained() -> None:
    assert "No front" in plot_budget_front({}).layout.annotations[0].text
    for nothing in ({}, {3.0: []}):
        assert "Nothing" in plot_budget_histogram(nothing).layout.annotations[0].text  # type: ignore[arg-type]
    same = plot_budget_histogram({1.0: [1.0, 1.0]})
    assert same.data[0].width == 1.0
