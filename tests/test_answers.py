import optuna
import pytest
from optuna.study import Study

from optuna_linas import Attr, best_under, knee_point


def study_of(*rows: tuple[float, float, float], **settings: object) -> Study:
    """Trials of accuracy, latency and, as an attribute, a throughput."""
    study = optuna.create_study(directions=["maximize", "minimize"], study_name="s")
    for accuracy, latency, throughput in rows:
        attributes = {"throughput": throughput, "latency_ms": latency, "note": "text"}
        study.add_trial(optuna.create_trial(values=[accuracy, latency], user_attrs=attributes))
    return study


ROWS = ((0.70, 10.0, 9.0), (0.80, 20.0, 7.0), (0.95, 60.0, 2.0), (0.80, 15.0, 5.0))


def test_the_best_value_within_the_budget_and_of_equals_the_cheapest() -> None:
    study = study_of(*ROWS)
    assert best_under(study, latency_ms=37).number == 3
    assert best_under(study, {1: 37}).number == 3
    assert best_under(study, {1: 60.0}).number == 2
    assert best_under(study, latency_ms=12, throughput=100.0).number == 0


def test_of_what_is_maximised_a_budget_is_the_least() -> None:
    study = study_of(*ROWS)
    assert best_under(study, {Attr("throughput", "maximize"): 6.0}).number == 1
    assert best_under(study, {0: 0.8}).number == 3  # the other objective's best: the quickest


def test_any_goal_may_be_the_value() -> None:
    study = study_of(*ROWS)
    assert best_under(study, latency_ms=37, value=Attr("throughput", "maximize")).number == 0
    assert best_under(study, {0: 0.75, 1: 37}, value=Attr("throughput", "maximize")).number == 1
    with pytest.raises(ValueError, match="Every objective of the study has a budget"):
        best_under(study, {0: 0.75, 1: 37})


def test_a_metric_name_is_a_keyword_too() -> None:
    study = optuna.create_study(directions=["maximize", "minimize"])
    study.add_trial(optuna.create_trial(values=[0.5, 3.0]))
    with pytest.warns(optuna.exceptions.ExperimentalWarning):
        study.set_metric_names(["accuracy", "size"])
    assert best_under(study, size=3).number == 0
    assert best_under(study, accuracy=0.5).number == 0
    with pytest.raises(ValueError, match=r"accuracy at least 0.6 \(the best is 0.5, trial 0\)"):
        best_under(study, accuracy=0.6)


def test_one_objective_and_an_attribute() -> None:
    study = optuna.create_study(direction="minimize")
    for loss, latency in ((3.0, 1.0), (2.0, 5.0), (1.0, 9.0)):
        study.add_trial(optuna.create_trial(value=loss, user_attrs={"latency_ms": latency}))
    assert best_under(study, latency_ms=5).number == 1
    assert knee_point(study).number == 2
    assert knee_point(study, objectives=[0, "latency_ms"]).number == 1


def test_what_is_out_of_reach_says_how_close_the_study_comes() -> None:
    study = study_of(*ROWS)
    with pytest.raises(ValueError, match=r"latency_ms at most 9 \(the best is 10, trial 0\)"):
        best_under(study, latency_ms=9)
    with pytest.raises(ValueError, match="none meets all"):
        best_under(study, {"latency_ms": 10, Attr("throughput", "maximize"): 9.0, 0: 0.8}, value=1)


def test_errors_list_what_there_is() -> None:
    study = study_of(*ROWS)
    with pytest.raises(ValueError, match=r"No trial has 'latency'.*'latency_ms', 'note', 'thr"):
        best_under(study, latency=37)
    with pytest.raises(ValueError, match="Give a budget"):
        best_under(study)
    with pytest.raises(ValueError, match="no objective 2"):
        best_under(study, {2: 1.0})
    with pytest.raises(TypeError, match="is a number, got '37'"):
        best_under(study, latency_ms="37")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="nothing to choose from"):
        best_under(study, note=3)  # never a number


@pytest.mark.parametrize("choose", [lambda s: best_under(s, {1: 9.0}), knee_point])
def test_an_empty_study_and_an_infeasible_one_are_explained(choose: object) -> None:
    study = optuna.create_study(directions=["maximize", "minimize"])
    with pytest.raises(ValueError, match="No complete trial yet"):
        choose(study)  # type: ignore[operator]
    study.add_trial(optuna.create_trial(values=[0.5, 1.0], constraints={"size": 1.0}))
    with pytest.raises(ValueError, match="violates a constraint"):
        choose(study)  # type: ignore[operator]
    study.add_trial(optuna.create_trial(values=[0.1, 2.0], constraints={"size": -1.0}))
    assert choose(study).number == 1  # type: ignore[operator]


def test_the_knee_bulges_most() -> None:
    assert knee_point(study_of(*ROWS)).number == 3


def test_without_a_bulge_the_knee_is_the_balanced_one() -> None:
    hollow = study_of((0.0, 0.0, 1.0), (0.30, 0.6, 1.0), (0.25, 0.9, 1.0), (1.0, 1.0, 1.0))
    assert knee_point(hollow).number == 1
    assert knee_point(study_of(ROWS[0])).number == 0
    two = study_of((0.9, 9.0, 1.0), (0.5, 1.0, 1.0))
    assert knee_point(two).number == 0  # of two ends, the better of the first objective


def test_what_is_returned_is_a_copy() -> None:
    study = study_of(*ROWS)
    best_under(study, latency_ms=37).params["depth"] = 3
    knee_point(study).user_attrs.clear()
    assert study.trials[3].params == {}
    assert study.trials[3].user_attrs


def test_a_keyword_is_the_objective_that_figures_call_so() -> None:
    """A super-network's study has no metric names; its attributes repeat the objectives."""
    study = optuna.create_study(directions=["maximize", "minimize"])
    for accuracy, latency_ms in [(0.1, 1.0), (0.8, 2.0), (0.9, 3.0)]:
        study.add_trial(
            optuna.create_trial(
                values=[accuracy, latency_ms],
                user_attrs={"accuracy": accuracy, "latency_ms": latency_ms},
            )
        )
    assert best_under(study, accuracy=0.7, value=1).values == [0.8, 2.0]
    assert best_under(study, latency_ms=2.5).values == [0.8, 2.0]


def test_what_is_no_study_and_no_budget_is_explained() -> None:
    study = study_of(*ROWS)
    with pytest.raises(TypeError, match=r"This takes a study, .*; got a list of FrozenTrial"):
        best_under(study.trials, latency_ms=37)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"This takes budgets .*latency_ms=37.*\{1: 37\}; got 37"):
        best_under(study, 37)  # type: ignore[arg-type]
