"""What the front has in common, parallel coordinates, and the drawing of one network."""

from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.study import Study

from optuna_linas import Condition, SearchSpace, Variable
from optuna_linas.visualization import (
    plot_architecture,
    plot_parallel_coordinate,
    plot_search_progress,
    plot_subnetwork,
)
from optuna_linas.visualization.stages import stages_of

SPACE = SearchSpace(
    [
        Variable.integer("depth", 1, 2),
        Variable.categorical("kernel_0", [3, 5]),
        Variable.categorical("kernel_1", [3, 5], [Condition("depth", (2,))]),
        Variable.categorical("op", ["conv", "skip"]),
    ]
)
DISTRIBUTIONS = {
    "depth": IntDistribution(1, 2),
    "kernel_0": CategoricalDistribution([3, 5]),
    "kernel_1": CategoricalDistribution([3, 5]),
    "op": CategoricalDistribution(["conv", "skip"]),
}
# Three on the front, from the cheapest to the dearest, and one behind it.
ROWS: list[tuple[tuple[float, float], dict[str, Any]]] = [
    ((0.9, 3.0), {"depth": 2, "kernel_0": 5, "kernel_1": 5, "op": "skip"}),
    ((0.5, 1.0), {"depth": 1, "kernel_0": 3, "op": "conv"}),
    ((0.7, 2.0), {"depth": 2, "kernel_0": 5, "kernel_1": 3, "op": "conv"}),
    ((0.4, 4.0), {"depth": 1, "kernel_0": 3, "op": "skip"}),
]


def study_of(rows: list[tuple[tuple[float, float], dict[str, Any]]]) -> Study:
    study = optuna.create_study(directions=["maximize", "minimize"], study_name="s")
    for values, params in rows:
        distributions = {name: DISTRIBUTIONS[name] for name in params}
        study.add_trial(
            optuna.create_trial(values=values, params=params, distributions=distributions)
        )
    return study


def test_the_front_is_shown_from_the_cheapest_with_what_is_inactive() -> None:
    figure = plot_architecture(study_of(ROWS), space=SPACE)
    ordered, unordered, absent = figure.select_traces("heatmap")
    assert [name.split(":")[0] for name in ordered.x] == ["trial 1", "trial 2", "trial 0"]
    assert list(ordered.y) == ["depth", "kernel_0", "kernel_1", "op"]
    assert ordered.text.tolist()[0] == ["1", "2", "2"]
    assert ordered.z[1].tolist() == [0.0, 1.0, 1.0]
    assert absent.text.tolist()[2] == ["inactive", "", ""]
    assert unordered.text.tolist()[3] == ["conv", "conv", "skip"]
    shares = {
        (name, label): width
        for bar in figure.select_traces("bar")
        for name, label, width in zip(bar.y, bar.customdata, bar.x, strict=True)
    }
    assert shares["depth", "2"] == pytest.approx(2 / 3)
    assert shares["kernel_1", "inactive"] == pytest.approx(1 / 3)
    assert shares["kernel_1", "3"] == pytest.approx(1 / 3)
    totals = {name: 0.0 for name, _ in shares}
    for (name, _), width in shares.items():
        totals[name] += width
    assert all(total == pytest.approx(1.0) for total in totals.values())


def test_what_nearly_all_agree_on_is_said() -> None:
    rows = [(values, {**params, "op": "skip"}) for values, params in ROWS]
    said = plot_architecture(study_of(rows), space=SPACE).layout.title.subtitle.text
    assert said == "3 networks; at least 90 % of them agree on op = skip"


def test_the_variables_may_be_named() -> None:
    figure = plot_architecture(study_of(ROWS), names=["op"], space=SPACE)
    assert {tuple(bar.y) for bar in figure.select_traces("bar")} == {("op",)}
    for plot in (plot_architecture, plot_parallel_coordinate):
        with pytest.raises(ValueError, match=r"has no \['width'\]; it has"):
            plot(study_of(ROWS), names=["width"])


def test_lines_go_through_the_lane_of_what_a_network_lacks() -> None:
    figure = plot_parallel_coordinate(study_of(ROWS), space=SPACE)
    behind, *front = [trace for trace in figure.data if trace.mode != "markers"]
    assert len(front) == 3
    assert "trial 1" in front[0].hovertemplate
    depth, kernel_0, kernel_1, op, accuracy, latency = front[0].y
    assert max(depth, kernel_0, op) < 0.05  # the first options of each
    assert kernel_1 < -0.1
    assert (accuracy, latency) == pytest.approx((0.2, 1.0))  # of all trials; up is better
    assert min(front[2].y) > -0.1
    assert list(behind.x) == [0, 1, 2, 3, 4, 5, None]
    assert "inactive" in [note.text for note in figure.layout.annotations]


def test_titles_of_axes_are_the_user_s_names_and_do_not_touch() -> None:
    few = plot_parallel_coordinate(study_of(ROWS), space=SPACE).layout.xaxis
    assert few.ticktext[:4] == ("depth", "kernel_0", "kernel_1", "op")
    assert few.tickangle == 0
    study = optuna.create_study(directions=["maximize", "minimize"])
    names = [f"learning_rate_{i}" for i in range(9)]

    def objective(trial: optuna.Trial) -> tuple[float, float]:
        total = sum(trial.suggest_float(name, 1e-5, 1e-1, log=True) for name in names)
        return total, total * (1 + trial.number % 3)

    study.optimize(objective, n_trials=8)
    figure = plot_parallel_coordinate(study)
    assert figure.layout.xaxis.tickangle == 30
    # Long numbers inside would lie on the lines: the ends, and one between them.
    of_first = [note.text for note in figure.layout.annotations if note.x == 0]
    assert of_first == ["1e-05", "0.001", "0.1"]


def test_a_hiccup_is_at_the_end_of_its_axis() -> None:
    rows = [((0.5 + i / 100, 1.0 + i / 10), {"kernel_0": 3}) for i in range(20)]
    figure = plot_parallel_coordinate(study_of([*rows, ((0.4, 90.0), {"kernel_0": 5})]), space=None)
    assert figure.data[0].y[2] == 0.0  # the only one that is not on the front
    said = [note.text for note in figure.layout.annotations]
    assert "2.9" in said
    assert "90" not in said


def test_numbers_lie_where_they_are() -> None:
    study = optuna.create_study()
    for value in (1.0, 2.0, 1.25):
        study.add_trial(
            optuna.create_trial(
                value=value,
                params={"lr": value},
                distributions={"lr": FloatDistribution(1.0, 3.0)},
            )
        )
    figure = plot_parallel_coordinate(study)
    behind = figure.data[0]
    assert [y for x, y in zip(behind.x, behind.y, strict=True) if x == 0] == pytest.approx(
        [0.5, 0.125], abs=1e-3
    )
    assert {"1", "1.5", "2", "2.5", "3"} <= {note.text for note in figure.layout.annotations}
    bars = plot_architecture(study).select_traces("bar")
    assert next(bars).customdata[0].startswith("1–1.")


def test_the_variables_that_explain_most_are_shown() -> None:
    names = [f"choice_{i}" for i in range(20)]
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))

    def objective(trial: optuna.Trial) -> float:
        values = [trial.suggest_int(name, 0, 1) for name in names]
        return 10.0 * values[3] + 5.0 * values[17] + 0.01 * sum(values)

    study.optimize(objective, n_trials=40)
    shown = plot_parallel_coordinate(study).layout.xaxis.ticktext
    assert {"choice_3", "choice_17"} <= set(shown)
    assert len(shown) == 13


def test_a_network_is_drawn_with_the_layers_that_it_has() -> None:
    study = study_of(ROWS)
    figure = plot_subnetwork(study, 1, space=SPACE)
    (boxes,) = figure.data
    assert [text.split("<br>")[0] for text in boxes.text] == [
        "depth 1",
        "op conv",
        "<b>0</b>",
        "<b>1</b>",
    ]
    assert boxes.text[3].endswith("no layer")
    assert [shape.line.dash for shape in figure.layout.shapes] == ["solid"] * 3 + ["dash"]
    assert figure.layout.title.subtitle.text.startswith("trial 1, objective 0 = 0.5")
    assert figure.layout.title.subtitle.text.endswith("without 1 layer of the largest")
    assert boxes.hovertext[2] == "kernel_0 = 3"
    by_default = plot_subnetwork(study, space=SPACE)
    assert "trial 2" in by_default.layout.title.subtitle.text  # the knee
    assert plot_subnetwork(study, study.trials[2], space=SPACE).data
    with pytest.raises(ValueError, match="has no trial 9"):
        plot_subnetwork(study, 9)


def layers(space: SearchSpace) -> dict[str, list[int | None]]:
    return {stage.name: [box.number for box in stage.boxes] for stage in stages_of(space)}


def test_stages_follow_from_names_and_conditions() -> None:
    choices = {f"depth_{u}": [2, 3, 4] for u in range(2)}
    choices |= {f"{kind}_{i}": [3, 5] for kind in ("kernel", "expand") for i in range(8)}
    conditions = {
        f"{kind}_{4 * u + i}": {f"depth_{u}": list(range(i + 1, 5))}
        for kind in ("kernel", "expand")
        for u in range(2)
        for i in (2, 3)
    }
    space = SearchSpace.from_choices({"width": [1.0, 1.2], **choices}, conditions)
    assert layers(space) == {
        "network": [None],
        "stage 0": [0, 1, 2, 3],
        "stage 1": [4, 5, 6, 7],
    }
    stage = stages_of(space)[1]
    assert [space.names[j] for j in stage.variables] == ["depth_0"]
    assert [space.names[j] for j in stage.boxes[3].variables] == ["kernel_3", "expand_3"]


def test_sides_that_depend_on_different_things_are_apart() -> None:
    choices = {"decoder_layers": [1, 2]}
    choices |= {
        f"{s}_{k}_{i}": [1, 2] for s in ("encoder", "decoder") for k in "ab" for i in (0, 1)
    }
    choices |= {"cross_a_0": [1, 2], "cross_a_1": [1, 2]}
    conditional = ("decoder_a_1", "decoder_b_1", "cross_a_1")
    conditions = {name: {"decoder_layers": [2]} for name in conditional}
    space = SearchSpace.from_choices(choices, conditions)
    assert layers(space) == {"network": [None], "encoder": [0, 1], "decoder": [0, 1]}


def test_what_looks_like_a_tag_is_shown() -> None:
    study = optuna.create_study()
    study.add_trial(
        optuna.create_trial(
            value=1.0,
            params={"op": "<none>"},
            distributions={"op": CategoricalDistribution(["<none>", "conv"])},
        )
    )
    for plot in (
        plot_search_progress,
        plot_architecture,
        plot_parallel_coordinate,
        plot_subnetwork,
    ):
        text = plot(study).to_json().replace("\\u003c", "<").replace("\\u003e", ">")
        assert "&lt;none&gt;" in text.replace("\\u0026", "&")
        assert "<none>" not in text


def test_every_variable_has_one_place() -> None:
    space = SearchSpace.from_choices(
        {"op_0->1": ["a", "b"], "x_1": [1, 2], "a": [1, 2], "b_0": [1, 2], "b_1": [1, 2]}
    )
    placed = [
        j
        for stage in stages_of(space)
        for j in (*stage.variables, *(j for box in stage.boxes for j in box.variables))
    ]
    assert sorted(placed) == list(range(5))


def test_a_network_is_drawn_without_what_it_lacks_under_no_condition() -> None:
    def objective(trial: optuna.Trial) -> tuple[float, float]:
        a = trial.suggest_categorical("a", [True, False])
        b = trial.suggest_categorical("b", [None, "x"])
        width = trial.suggest_int("width", 1, 8)
        extra = trial.suggest_int("extra", 1, 8) if a or b else 4
        return float(width + extra), float(width)

    study = optuna.create_study(
        directions=["maximize", "minimize"], sampler=optuna.samplers.RandomSampler(seed=0)
    )
    study.optimize(objective, n_trials=60)
    lacking = [trial.number for trial in study.trials if "extra" not in trial.params]
    assert lacking
    assert plot_subnetwork(study, lacking[0]).layout.shapes
    assert plot_architecture(study).data
