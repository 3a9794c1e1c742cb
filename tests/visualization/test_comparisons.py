"""Figures that compare: attainment surfaces, predictions with measurements, platforms."""

from collections.abc import Sequence

import numpy as np
import optuna
import plotly.graph_objects as go
import pytest
from optuna.distributions import IntDistribution
from optuna.study import Study
from optuna.trial import Trial

from optuna_linas import Attr, LINASSampler, NAGSampler
from optuna_linas.predictors import kendall_tau, mape_percent
from optuna_linas.samplers.predictions import predicted_trials
from optuna_linas.visualization import (
    plot_attainment,
    plot_platform_transfer,
    plot_predictor_quality,
    predictor_quality,
)


def study_of(
    *rows: tuple[float, ...], directions: tuple[str, ...] = ("maximize", "minimize")
) -> Study:
    study = optuna.create_study(directions=directions, study_name="s")
    for i, row in enumerate(rows):
        study.add_trial(
            optuna.create_trial(
                values=list(row), params={"k": i}, distributions={"k": IntDistribution(0, 99)}
            )
        )
    return study


def test_the_median_is_a_line_and_the_area_reaches_from_the_worst_to_the_best() -> None:
    runs = [
        study_of((0.5, 1.0), (0.9, 3.0)),
        study_of((0.7, 2.0)),
        study_of((0.6, 1.5), (0.2, 9.0)),  # the last is on no front
    ]
    area, median = plot_attainment({"ours": runs}).data
    assert median.name == "ours: at least 2 of 3 runs"
    # In steps from the dearest to the cheapest, as far as the dearest on a front.
    line = list(zip(median.x, median.y, strict=True))
    assert line == [(3.0, 0.7), (3.0, 0.6), (2.0, 0.6), (2.0, 0.5), (1.5, 0.5)]
    edge = set(zip(area.x, area.y, strict=True))
    assert {(1.0, 0.5), (1.5, 0.6), (2.0, 0.7), (3.0, 0.9)} <= edge  # attained by one
    assert {(2.0, 0.5), (3.0, 0.6)} <= edge  # attained by all


def test_the_legend_is_short_and_leaves_three_panels_the_width() -> None:
    study = optuna.create_study(directions=["minimize"] * 3)
    study.add_trial(optuna.create_trial(values=[1.0, 2.0, 3.0]))
    figure = plot_attainment(study)
    assert figure.data[0].name == study.study_name[: len("no-name-") + 8]
    assert figure.layout.legend.orientation == "h"
    assert plot_attainment(study_of((0.5, 1.0))).data[0].name == "s"


def test_a_single_study_is_its_front_and_directions_must_agree() -> None:
    (line,) = plot_attainment(study_of((0.5, 1.0), (0.9, 3.0))).data
    assert {(1.0, 0.5), (3.0, 0.9)} <= set(zip(line.x, line.y, strict=True))
    with pytest.raises(ValueError, match="different directions"):
        plot_attainment({"a": study_of(), "b": study_of(directions=("minimize", "minimize"))})
    with pytest.raises(ValueError, match="two or three objectives"):
        plot_attainment(study_of(directions=("minimize",)))
    assert "No study" in plot_attainment({}).layout.annotations[0].text


def points_of(traces: Sequence[go.Scatter]) -> list[list[tuple[float, float]]]:
    return [sorted(zip(trace.x, trace.y, strict=True)) for trace in traces]


def test_three_objectives_are_the_corners_two_by_two() -> None:
    runs = [
        study_of((1.0, 2.0, 3.0), directions=("minimize",) * 3),
        study_of((2.0, 1.0, 3.0), directions=("minimize",) * 3),
    ]
    *traces, by_all = plot_attainment({"ours": runs}).data
    # Of two runs, what one has is what at least half of them have.
    assert by_all.name == "attained by all runs"
    assert [trace.name for trace in traces] == ["ours: all 2 runs"] * 3 + [
        "ours: at least 1 of 2 runs"
    ] * 3
    assert points_of(traces[3:]) == [
        [(1.0, 2.0), (2.0, 1.0)],
        [(3.0, 1.0), (3.0, 2.0)],
        [(1.0, 3.0), (2.0, 3.0)],
    ]
    assert points_of(traces[:3]) == [[(2.0, 2.0)], [(3.0, 2.0)], [(2.0, 3.0)]]


def test_three_objectives_have_a_best_a_median_and_a_worst() -> None:
    runs = [study_of((x, x, x), directions=("minimize", "maximize", "minimize")) for x in (1, 2, 3)]
    figure = plot_attainment({"ours": runs, "theirs": runs[:1]})
    shown = {trace.name: trace.marker.symbol for trace in figure.data if trace.showlegend is None}
    # The grey ones say what the marks mean; each group is in the legend once, with its median.
    assert shown == {"attained by one run": "circle-open", "attained by all runs": "x-thin-open"}
    named = [trace.name for trace in figure.data if trace.showlegend]
    assert named == ["ours: at least 2 of 3 runs", "theirs"]
    first = {trace.name: points_of([trace])[0] for trace in figure.data[:9:3]}
    # To the right the second goal, which is maximised: what two runs have is the worse of both.
    assert first["ours: at least 1 of 3 runs"] == [(1.0, 1.0), (2.0, 2.0), (3.0, 3.0)]
    assert first["ours: at least 2 of 3 runs"] == [(1.0, 2.0), (2.0, 3.0)]
    assert first["ours: all 3 runs"] == [(1.0, 3.0)]
    alone = plot_attainment({"theirs": runs[:1]})
    assert len(alone.data) == 3  # nothing to tell apart


def objective(trial: Trial) -> float:
    widths = [trial.suggest_categorical(f"width_{i}", [1, 2, 4, 8]) for i in range(5)]
    trial.set_user_attr("megabytes", 10.0 + sum(w**2 for w in widths))
    return 70.0 + sum(w**0.5 for w in widths)


@pytest.fixture(scope="module")
def predicted() -> Study:
    goals = [0, Attr("megabytes")]
    study = optuna.create_study(
        direction="maximize",
        sampler=LINASSampler(
            n_startup_trials=6, batch_size=4, seed=0, predictor="ridge", objectives=goals
        ),
    )
    study.optimize(objective, n_trials=22)
    return study


def test_predictions_are_those_that_the_search_has_recorded(predicted: Study) -> None:
    told = predicted_trials(predicted)
    record = predicted.user_attrs["linas:predictors"]
    assert record["directions"] == ["maximize", "minimize"]
    assert told.goals.names == record["objectives"] == [0, "megabytes"]
    assert [batch.iteration for batch in told.batches] == [1, 2, 3, 4]
    assert [batch.n_examples for batch in told.batches] == [6, 10, 14, 18]
    for batch, noted in zip(told.batches, record["iterations"], strict=True):
        assert list(batch.predictors) == noted["predictors"]
        columns = list(zip(batch.measured.T, batch.predicted.T, strict=True))
        assert [kendall_tau(*c) for c in columns] == pytest.approx(noted["kendall_tau"], rel=1e-3)
        assert [mape_percent(*c) for c in columns] == pytest.approx(noted["mape_percent"], rel=1e-3)


def test_the_panels_show_predictions_and_how_good_they_were(predicted: Study) -> None:
    figure = plot_predictor_quality(predicted)
    first, second = (trace for trace in figure.data if trace.text is not None)
    assert list(first.x) == [trial.value for trial in predicted.trials[6:]]
    assert list(second.x) == [trial.user_attrs["megabytes"] for trial in predicted.trials[6:]]
    assert list(first.marker.color) == [1] * 4 + [2] * 4 + [3] * 4 + [4] * 4
    assert "megabytes: " in second.text[0]
    lines = [trace for trace in figure.data if trace.mode == "lines" and trace.name != "right"]
    assert len(lines) == 4
    assert all(list(line.x) == [6, 10, 14, 18] for line in lines)
    assert lines[0].y[-1] == pytest.approx(
        kendall_tau(np.array(first.x, dtype=float), np.array(first.y, dtype=float))
    )
    assert "now predicted by ridge" in figure.layout.title.subtitle.text
    found = predictor_quality(predicted)
    assert [lines[k].y[-1] for k in (0, 1)] == [q.kendall_tau for q in found.values()]
    assert [lines[k].y[-1] for k in (2, 3)] == [q.mape_percent for q in found.values()]
    assert {(q.n_trials, q.predictor) for q in found.values()} == {(16, "ridge")}
    assert list(found)[1] == "megabytes"


def test_a_search_in_its_start_and_one_without_predictions_are_explained() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    assert "still at its start" in plot_predictor_quality(study).layout.annotations[0].text


def test_the_sampler_that_predicted_last_is_shown(predicted: Study) -> None:
    storage = optuna.storages.InMemoryStorage()
    optuna.copy_study(
        from_study_name=predicted.study_name, from_storage=predicted._storage, to_storage=storage
    )
    study = optuna.load_study(
        study_name=predicted.study_name,
        storage=storage,
        sampler=NAGSampler(cost="megabytes", seed=0, n_startup_trials=20),
    )
    study.optimize(objective, n_trials=5)
    assert [len(batch.trials) for batch in predicted_trials(study).batches] == [5]
    assert len(predicted_trials(predicted).batches) == 4


def phone_and_server() -> tuple[Study, Study]:
    phone = study_of((0.5, 1.0), (0.7, 2.0), (0.9, 3.0))
    server = study_of((0.5, 5.0), (0.7, 4.0), (0.6, 3.0))
    return phone, server


def test_the_other_front_is_looked_up_by_its_networks() -> None:
    phone, server = phone_and_server()
    figure = plot_platform_transfer({"phone": phone, "server": server})
    own, other, theirs, here = figure.data
    assert [list(t.x) for t in (own, here)] == [[1.0, 2.0, 3.0], [3.0, 4.0]]
    # What is on the server's front, k = 2 and k = 1, as the phone has measured it.
    assert list(zip(other.x, other.y, strict=True)) == [(3.0, 0.9), (2.0, 0.7)]
    # All three networks of the phone's front, as the server has.
    assert list(theirs.x) == [5.0, 4.0, 3.0]
    assert "found on phone, measured on server" in theirs.text[0]
    assert "server's front keeps" in figure.layout.xaxis.title.text


def test_measurements_of_their_own_are_taken_where_given() -> None:
    phone, server = phone_and_server()
    again = study_of((0.5, 1.0), (0.7, 7.0))
    figure = plot_platform_transfer(
        {"phone": phone, "server": server}, {("phone", "server"): again}
    )
    assert list(figure.data[2].x) == [1.0, 7.0]
    assert "2 of its 3 networks are measured" in figure.layout.xaxis2.title.text
    with pytest.raises(ValueError, match=r"names \['watch'\]"):
        plot_platform_transfer({"phone": phone}, {("phone", "watch"): again})


def test_the_share_of_the_hypervolume() -> None:
    own = study_of((0.0, 4.0), (1.0, 6.0), (0.0, 6.0))
    elsewhere = study_of((0.0, 3.0), (1.0, 5.0))
    moved = study_of((0.0, 4.0), (0.5, 8.0))
    # Up to (-0.1, 8.4): own holds 0.44 + 2.64 - 0.24, the moved front 0.44 + 0.24 - 0.04.
    figure = plot_platform_transfer({"here": own, "there": elsewhere}, {("there", "here"): moved})
    assert "there's front keeps 23 % of the hypervolume" in figure.layout.xaxis.title.text
    figure = plot_platform_transfer({"here": own, "there": elsewhere})
    assert "there's front keeps 100 %" in figure.layout.xaxis.title.text


def test_platforms_without_common_ground_are_explained() -> None:
    phone, server = phone_and_server()
    with pytest.raises(ValueError, match="different directions"):
        plot_platform_transfer({"a": phone, "b": study_of(directions=("minimize", "minimize"))})
    with pytest.raises(ValueError, match=r"says nothing of \['server'\]"):
        plot_platform_transfer({"phone": phone, "server": server}, objectives={"phone": [0, 1]})
    with pytest.raises(ValueError, match="two objectives; the study of 'a' has 1"):
        plot_platform_transfer({"a": study_of(directions=("minimize",))})
    nothing = plot_platform_transfer({"phone": phone, "server": study_of()})
    assert "phone's front is not measured here" in nothing.layout.xaxis2.title.text
