from typing import Any

import numpy as np
import optuna
import pytest
from optuna.study import Study

from optuna_linas.visualization import (
    hypervolume_history,
    plot_hypervolume,
    plot_search_progress,
    shared_reference,
)


def study_of(*values: tuple[float, float], name: str = "s") -> Study:
    study = optuna.create_study(directions=["maximize", "minimize"], study_name=name)
    for i, pair in enumerate(values):
        distribution = optuna.distributions.IntDistribution(0, 99)
        study.add_trial(
            optuna.create_trial(values=pair, params={"k": i}, distributions={"k": distribution})
        )
    return study


def test_progress_shows_the_front_from_cheap_to_dear_with_the_cost_to_the_right() -> None:
    figure = plot_search_progress(study_of((0.9, 3.0), (0.5, 1.0), (0.4, 2.0)))
    trials, front = figure.data
    assert list(trials.x) == [3.0, 1.0, 2.0]
    assert list(front.x) == [1.0, 3.0]
    assert list(front.y) == [0.5, 0.9]
    assert "trial 1" in front.text[0]
    assert "k = 1" in front.text[0]


def test_infeasible_trials_are_not_on_the_front() -> None:
    study = study_of((0.5, 1.0))
    study.add_trial(optuna.create_trial(values=[0.9, 0.5], constraints={"size": 1.0}))
    trials, infeasible, front = plot_search_progress(study).data
    assert (list(trials.y), list(infeasible.y), list(front.y)) == ([0.5], [0.9], [0.5])


def test_metric_names_are_the_axes() -> None:
    study = study_of((0.5, 1.0))
    with pytest.warns(optuna.exceptions.ExperimentalWarning):
        study.set_metric_names(["accuracy", "latency_ms"])
    layout = plot_search_progress(study).layout
    assert layout.xaxis.title.text == "latency (ms), lower is better"
    assert layout.yaxis.title.text == "accuracy, higher is better"


def test_iterations_are_whole_numbers_on_the_colour_bar() -> None:
    def bar(n_trials: int) -> int | None:
        trials = plot_search_progress(study_of(*[(0.5, float(i)) for i in range(n_trials)])).data[0]
        step: int | None = trials.marker.colorbar.dtick
        return step

    assert bar(3) == 1
    assert bar(30) is None


def test_an_empty_study_is_explained() -> None:
    assert "No complete" in plot_search_progress(study_of()).layout.annotations[0].text
    assert "No complete" in plot_hypervolume(study_of()).layout.annotations[0].text
    with pytest.raises(ValueError, match="at least one complete"):
        shared_reference(study_of())


def test_three_objectives_are_drawn_two_by_two_and_more_are_refused() -> None:
    study = optuna.create_study(directions=["minimize"] * 4)
    for values in ([1.0, 2.0, 3.0, 4.0], [4.0, 3.0, 2.0, 1.0], [4.0, 4.0, 4.0, 4.0]):
        study.add_trial(optuna.create_trial(values=values))
    figure = plot_search_progress(study, objectives=[0, 1, 2])
    fronts = [trace for trace in figure.data if trace.name == "Pareto front of all three"]
    assert [(list(t.x), list(t.y)) for t in fronts] == [
        ([3.0, 2.0], [4.0, 1.0]),
        ([2.0, 3.0], [4.0, 1.0]),
        ([3.0, 2.0], [2.0, 3.0]),
    ]
    with pytest.raises(ValueError, match="there are 4: name the ones to draw"):
        plot_search_progress(study)


def test_one_objective_is_drawn_over_time() -> None:
    study = optuna.create_study(direction="maximize")
    for value in (0.2, 0.5, 0.4):
        study.add_trial(optuna.create_trial(value=value))
    trials, best = plot_search_progress(study).data
    assert list(trials.y) == [0.2, 0.5, 0.4]
    assert list(best.y) == [0.2, 0.5, 0.5]


def test_the_history_grows_only_where_the_front_does() -> None:
    study = study_of((0.5, 1.0), (0.4, 2.0), (0.9, 2.0), (0.9, 2.0), (0.2, 9.0))
    history = hypervolume_history(study, reference=[0.0, 3.0])
    assert history == pytest.approx([1.0, 1.0, 1.4, 1.4, 1.4])


def test_the_history_equals_the_hypervolume_of_each_prefix() -> None:
    rng = np.random.default_rng(0)
    values = [tuple(row) for row in rng.random((30, 2))]
    whole = hypervolume_history(study_of(*values), reference=[0.0, 1.0])
    for n in (1, 7, 30):
        part = hypervolume_history(study_of(*values[:n]), reference=[0.0, 1.0])
        assert part[-1] == pytest.approx(whole[n - 1])


def test_studies_are_compared_against_their_common_worst() -> None:
    first, second = study_of((0.5, 1.0), (0.3, 0.5)), study_of((0.6, 4.0), name="t")
    assert list(shared_reference(first, second)) == [0.3, 4.0]
    figure = plot_hypervolume({"ours": first, "theirs": second})
    assert [trace.name for trace in figure.data] == ["ours", "theirs"]
    assert "objective 0 = 0.3, objective 1 = 4" in figure.layout.title.subtitle.text
    other = optuna.create_study(directions=["minimize", "minimize"])
    with pytest.raises(ValueError, match="different directions"):
        shared_reference(first, other)


@pytest.mark.parametrize("reference", [[1.0], [0.0, float("nan")], 1.0, [[0.0, 2.0]]])
def test_a_reference_point_has_a_number_for_each_objective(reference: Any) -> None:
    for function in (plot_hypervolume, hypervolume_history):
        with pytest.raises(ValueError, match=r"one finite number for each of .*objective 1"):
            function(study_of((0.5, 1.0)), reference)


def test_a_group_is_its_mean_with_a_standard_error() -> None:
    first, second = study_of((0.5, 1.0), (0.9, 1.0), (0.9, 0.5)), study_of((0.7, 1.0), (0.8, 1.0))
    band, mean, alone = plot_hypervolume(
        {"ours": [first, second], "alone": first}, reference=[0.0, 2.0]
    ).data
    assert list(mean.x) == [1, 2]  # as long as the shortest of them
    assert list(mean.y) == pytest.approx([0.6, 0.85])
    assert len(alone.x) == 3
    # Steps: up along the upper edge and back along the lower; 0.1 and 0.05 are the errors.
    assert list(band.x) == [1, 2, 2, 2, 2, 1]
    assert list(band.y) == pytest.approx([0.7, 0.7, 0.9, 0.8, 0.5, 0.5])
    assert mean.name == "ours (2 runs)"
    begun = plot_hypervolume({"ours": [first, study_of()], "none": study_of()}, [0.0, 2.0])
    assert [len(line.x) for line in begun.data] == [3]
    for wrong in ([first], {"ours": []}, {"ours": [1]}):
        with pytest.raises((TypeError, ValueError), match=r"study"):
            plot_hypervolume(wrong)  # type: ignore[arg-type]


def test_a_hiccup_lies_outside_of_the_first_view() -> None:
    rows = [(0.5 + i / 100, 1.0 + i / 10) for i in range(20)]
    study = study_of(*rows, (0.4, 90.0))
    figure = plot_search_progress(study)
    low, high = figure.layout.xaxis.range
    assert low < 1.0
    assert 2.9 < high < 3.5
    assert figure.layout.yaxis.range is None
    assert "1 far out: a double click shows all" in figure.layout.title.subtitle.text
    on_the_front = plot_search_progress(study_of(*rows, (0.99, 90.0)))
    assert on_the_front.layout.xaxis.range is None
