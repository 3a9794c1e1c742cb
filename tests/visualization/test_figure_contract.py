"""What every figure of studies promises, whatever the studies are like."""

import json
from collections.abc import Callable
from typing import Any

import optuna
import plotly.graph_objects as go
import pytest
from optuna.study import Study
from optuna.trial import Trial, TrialState

from optuna_linas import Attr, LINASSampler, PBTNASSampler
from optuna_linas import visualization as v
from optuna_linas.visualization.style import COLORS

Plot = Callable[..., go.Figure]

FIGURES: dict[str, Plot] = {
    "search progress": v.plot_search_progress,
    "hypervolume": v.plot_hypervolume,
    "hypervolume of groups": lambda study, **goals: v.plot_hypervolume(
        {"one": [study, study], "other": study}, **goals
    ),
    "attainment": lambda study, **goals: v.plot_attainment(
        {"one": [study, study], "other": study}, **goals
    ),
    "predictor quality": lambda study, objectives=None: v.plot_predictor_quality(study),
    "architecture": v.plot_architecture,
    "parallel coordinate": v.plot_parallel_coordinate,
    "subnetwork": v.plot_subnetwork,
    "platform transfer": lambda study, **goals: v.plot_platform_transfer(
        {"phone": study, "server": study}, **goals
    ),
    "lineage": lambda study, objectives=None: v.plot_lineage(study),
    "population": lambda study, objectives=None: v.plot_population(study),
    "option shares": lambda study, objectives=None: v.plot_option_shares(study),
}

NOT_OF_A_STUDY = {"plot_budget_front", "plot_budget_histogram"}
"""They draw what a generator answers; tests of their own say what becomes of nothing."""

OF_TWO_AND_MORE = {"attainment", "platform transfer"}
OF_UP_TO_TWO = {"platform transfer"}
OF_POPULATIONS = {"lineage", "population", "option shares"}
WITHOUT_ARCHITECTURE = {"hypervolume", "hypervolume of groups", "attainment"}
"""Their lines are of many networks."""

SHADES = ("colorscale", "rgb(")


def test_every_figure_is_under_the_contract() -> None:
    plots = {name for name in v.__all__ if name.startswith("plot_")} - NOT_OF_A_STUDY
    covered = {f"plot_{name.replace(' of groups', '').replace(' ', '_')}" for name in FIGURES}
    assert covered == plots


PUBLIC = [
    name for name in v.__all__ if name.startswith(("plot_", "pred", "hypervolume", "shared_"))
]
"""Every public function of the package."""


def test_every_public_function_is_asked() -> None:
    assert v.__all__ == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "got None."),
        ("study.db", "got 'study.db'."),
        ([optuna.create_trial(value=1.0)], "got a list of FrozenTrial."),
        (7, "got 7."),
        (object(), "got an object."),
        ({"ours": None}, ""),
        ({"ours": [optuna.create_trial(value=1.0)]}, ""),
    ],
    ids=["nothing", "a path", "trials", "a number", "an object", "a name of nothing", "of trials"],
)
def test_what_no_figure_can_be_made_of_is_a_type_error(name: str, given: Any, said: str) -> None:
    reference = [[0.0, 0.0]] if name == "hypervolume_history" else []
    with pytest.raises(TypeError, match=r"^This takes .*; got ") as error:
        getattr(v, name)(given, *reference)
    assert str(error.value).endswith(said)


def architecture(trial: Trial) -> int:
    depth = trial.suggest_int("depth", 1, 3)
    kernels = [trial.suggest_categorical(f"kernel_{i}", [3, 5]) for i in range(depth)]
    trial.suggest_categorical("activation", ["relu", "gelu"])
    trial.suggest_float("width", 0.5, 2.0)
    return sum(kernels)


def study_of(m: int, n_trials: int = 24, **settings: Any) -> Study:
    def objective(trial: Trial) -> Any:
        size = architecture(trial)
        trial.set_user_attr("latency_ms", float(size))
        trial.set_constraint("small", size - 14.0)
        return [1 - 1 / size, size + trial.params["width"], size * 2.0][:m]

    study = optuna.create_study(
        study_name="digits",
        directions=["maximize", "minimize", "minimize"][:m],
        sampler=LINASSampler(seed=0, n_startup_trials=8, predictor="ridge", **settings),
    )
    study.optimize(objective, n_trials=n_trials)
    return study


@pytest.fixture(scope="module")
def studies() -> dict[str, Study]:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    attributes = study_of(1, objectives=[0, Attr("latency_ms")])
    loaded = optuna.load_study(study_name="digits", storage=attributes._storage)
    return {
        "one objective": study_of(1),
        "two objectives": study_of(2),
        "three objectives": study_of(3),
        "an attribute": attributes,
        "an attribute, loaded": loaded,
        "one trial": study_of(2, n_trials=1),
    }


def explained(figure: go.Figure) -> str:
    """Why a figure is empty; nothing where it is not."""
    return "" if figure.data else str(figure.layout.annotations[0].text)


def empty_studies() -> dict[str, Study]:
    def fails(trial: Trial) -> Any:
        architecture(trial)
        raise RuntimeError

    def violates(trial: Trial) -> Any:
        architecture(trial)
        trial.set_constraint("never", 1.0)
        return 1.0, 2.0

    made = {
        name: optuna.create_study(directions=["maximize", "minimize"])
        for name in ("empty", "failed", "pruned", "running", "violated", "without parameters")
    }
    made["failed"].optimize(fails, n_trials=3, catch=RuntimeError)
    made["running"].ask()
    made["pruned"].tell(made["pruned"].ask(), state=TrialState.PRUNED)
    made["violated"].optimize(violates, n_trials=2)
    return made


@pytest.mark.parametrize("kind", ["empty", "failed", "pruned", "running"])
@pytest.mark.parametrize("name", FIGURES)
def test_a_study_without_results_gives_an_empty_figure_that_says_why(name: str, kind: str) -> None:
    figure = FIGURES[name](empty_studies()[kind])
    reason = explained(figure)
    words = {"empty": "No ", "failed": "3 failed", "pruned": "1 pruned", "running": "1 running"}
    several = name in {"hypervolume of groups", "platform transfer"}
    assert ("population" if name in OF_POPULATIONS else "No " if several else words[kind]) in reason
    assert figure.layout.title.text


@pytest.mark.parametrize("kind", ["violated", "without parameters", "one trial"])
@pytest.mark.parametrize("name", FIGURES)
def test_odd_studies_give_a_figure(name: str, kind: str, studies: dict[str, Study]) -> None:
    made = empty_studies()
    made["without parameters"].add_trial(optuna.create_trial(values=[0.5, 1.0]))
    figure = FIGURES[name]({**made, **studies}[kind])
    assert figure.data or explained(figure)
    json.loads(figure.to_json())


@pytest.mark.parametrize("name", sorted(FIGURES.keys() - OF_POPULATIONS))
@pytest.mark.parametrize(
    "kind",
    ["one objective", "two objectives", "three objectives", "an attribute", "an attribute, loaded"],
)
def test_any_number_of_objectives(name: str, kind: str, studies: dict[str, Study]) -> None:
    if (kind == "one objective" and name in OF_TWO_AND_MORE) or (
        kind == "three objectives" and name in OF_UP_TO_TWO
    ):
        with pytest.raises(ValueError, match="two"):
            FIGURES[name](studies[kind])
        return
    check(FIGURES[name](studies[kind]), name)


@pytest.mark.parametrize("name", sorted(FIGURES.keys() - OF_POPULATIONS - {"predictor quality"}))
def test_goals_may_be_named_and_misnamed(name: str, studies: dict[str, Study]) -> None:
    figure = FIGURES[name](studies["one objective"], objectives=[0, Attr("latency_ms")])
    check(figure, name)
    assert "latency (ms)" in figure.to_json()
    with pytest.raises(ValueError, match=r"'latency', which no trial has.*'latency_ms'"):
        FIGURES[name](studies["one objective"], objectives=[0, "latency"])


def check(figure: go.Figure, name: str) -> None:
    """Titles, named axes, colours that the colour-blind can tell apart, architectures."""
    assert figure.data, explained(figure)
    assert figure.layout.title.text
    for trace in figure.data:
        for axis, letter in ((trace.xaxis, "x"), (trace.yaxis, "y")):
            number = (axis or letter)[1:]
            shown = figure.layout[f"{letter}axis{number}"]
            is_named = bool(shown.title.text) or bool(shown.ticktext) or shown.visible is False
            # A heat map's and a bar's rows are the variables' names.
            assert is_named or trace.type in ("heatmap", "bar"), (name, letter)
    used = {
        color.upper()
        for trace in figure.data
        for color in (trace.marker.color if "marker" in trace else None, *line_colors(trace))
        if isinstance(color, str) and color.startswith("#")
    }
    assert used <= {*COLORS, "#BBBBBB", "#888888"}, used
    text = figure.to_json()
    if name not in WITHOUT_ARCHITECTURE:
        assert "kernel" in text
        assert "activation" in text
        assert "trial " in text


def line_colors(trace: Any) -> list[Any]:
    return [trace.line.color] if "line" in trace else []


def test_all_strings_say_the_users_direction(studies: dict[str, Study]) -> None:
    figure = v.plot_search_progress(studies["two objectives"])
    front = next(trace for trace in figure.data if trace.name == "Pareto front")
    assert figure.layout.yaxis.title.text == "objective 0, higher is better"
    assert figure.layout.xaxis.title.text == "objective 1, lower is better"
    assert all(0 < y < 1 for y in front.y)
    assert list(front.x) == sorted(front.x)


def test_populations_are_named_too() -> None:
    sampler = PBTNASSampler(4, 3, 1, layer_replace_prob=1.0, hyperparameters=["lr"], seed=0)
    study = optuna.create_study(direction="maximize", sampler=sampler)

    def objective(trial: Trial) -> float:
        trial.suggest_float("lr", 0.1, 1.0)
        trial.suggest_categorical("kernel", [3, 5])
        trial.suggest_categorical("activation", ["relu", "gelu"])
        trial.set_user_attr("latency_ms", float(trial.number))
        return float(trial.user_attrs["pbt_slot"])

    study.optimize(objective)
    for plot in (v.plot_lineage, v.plot_population):
        check(plot(study), "population")
        assert "latency_ms = " in plot(study, objective="latency_ms").to_json()
    shares = v.plot_option_shares(study)
    assert shares.layout.title.text
    assert all(trace.line.color in COLORS for trace in shares.data)
