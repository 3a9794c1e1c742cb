import optuna
import pytest
from optuna.study import Study
from optuna.trial import Trial, TrialState

from optuna_linas import Attr, HypervolumeStagnation, LINASSampler


def add(study: Study, *rows: tuple[float, ...], **settings: object) -> None:
    for row in rows:
        study.add_trial(optuna.create_trial(values=list(row), **settings))  # type: ignore[arg-type]


def two() -> Study:
    return optuna.create_study(directions=["maximize", "minimize"])


def test_it_waits_for_patience_and_then_judges_what_they_brought() -> None:
    stagnation = HypervolumeStagnation(patience=3)
    study = two()
    add(study, (0.5, 1.0), (0.7, 2.0), (0.4, 3.0))
    assert not stagnation.has_stagnated(study)  # no trial before the last three
    add(study, (0.9, 1.5))
    assert not stagnation.has_stagnated(study)
    add(study, (0.1, 4.0), (0.2, 4.0))
    assert not stagnation.has_stagnated(study)  # the improvement is among the last three
    add(study, (0.3, 4.0))
    assert stagnation.has_stagnated(study)
    add(study, (0.95, 1.5))
    assert not stagnation.has_stagnated(study)


def test_what_failed_or_was_pruned_does_not_count() -> None:
    stagnation = HypervolumeStagnation(patience=2)
    study = two()
    add(study, (0.5, 1.0), (0.7, 2.0))
    for _ in range(5):
        study.tell(study.ask(), state=TrialState.FAIL)
    assert not stagnation.has_stagnated(study)
    add(study, (0.1, 4.0))
    assert not stagnation.has_stagnated(study)
    add(study, (0.1, 4.0))
    assert stagnation.has_stagnated(study)


def test_nothing_feasible_is_no_reason_to_stop() -> None:
    stagnation = HypervolumeStagnation(patience=2)
    study = two()
    add(study, *[(0.5, 1.0)] * 5, constraints={"size": 1.0})
    assert not stagnation.has_stagnated(study)
    add(study, *[(0.5, 1.0)] * 3, constraints={"size": 0.0})
    assert stagnation.has_stagnated(study)


def test_a_penalty_does_not_hide_what_the_search_gains() -> None:
    study = two()
    add(study, (0.0, 1e9), *[(0.5, 10.0 - i / 10) for i in range(20)])
    assert not HypervolumeStagnation(patience=5).has_stagnated(study)


def test_an_objective_that_never_differs_hides_nothing() -> None:
    study = two()
    add(study, *[(i / 10, 3.0) for i in range(8)])
    assert not HypervolumeStagnation(patience=2).has_stagnated(study)
    add(study, *[(0.7, 3.0)] * 2)
    assert HypervolumeStagnation(patience=2).has_stagnated(study)


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_one_objective_and_an_attribute(direction: str) -> None:
    study = optuna.create_study(direction=direction)
    sign = 1.0 if direction == "minimize" else -1.0
    for i, value in enumerate((5.0, 4.0, 3.0, 3.5, 4.5)):
        study.add_trial(optuna.create_trial(value=sign * value, user_attrs={"ms": 9.0 - i}))
    assert HypervolumeStagnation(patience=2).has_stagnated(study)
    assert not HypervolumeStagnation(patience=3).has_stagnated(study)
    trade_off = HypervolumeStagnation(patience=2, objectives=[0, Attr("ms")])
    assert not trade_off.has_stagnated(study)


def test_the_share_and_the_point_are_the_users() -> None:
    study = two()
    add(study, (0.5, 1.0), (0.51, 1.0))
    assert not HypervolumeStagnation(1, reference=[0.0, 2.0]).has_stagnated(study)
    assert HypervolumeStagnation(1, reference=[0.0, 2.0], min_improvement=0.05).has_stagnated(study)
    with pytest.raises(ValueError, match="a value for each"):
        HypervolumeStagnation(1, reference=[0.0]).has_stagnated(study)
    with pytest.raises(ValueError, match="patience"):
        HypervolumeStagnation(0)
    with pytest.raises(ValueError, match="min_improvement"):
        HypervolumeStagnation(1, min_improvement=-1.0)
    with pytest.raises(TypeError, match="patience"):
        HypervolumeStagnation(2.5)  # type: ignore[arg-type]


def test_a_resumed_study_stops_where_an_uninterrupted_one_does() -> None:
    def objective(trial: Trial) -> tuple[float, float]:
        widths = [trial.suggest_int(f"width_{i}", 1, 4) for i in range(3)]
        return sum(w**0.5 for w in widths), float(sum(widths))

    def run(*parts: int) -> int:
        storage = optuna.storages.InMemoryStorage()
        for n in parts:
            study = optuna.create_study(
                study_name="s",
                storage=storage,
                load_if_exists=True,
                directions=["maximize", "minimize"],
                sampler=LINASSampler(seed=0, n_startup_trials=6, predictor="ridge"),
            )
            study.optimize(objective, n_trials=n, callbacks=[HypervolumeStagnation(patience=15)])
        return len(study.trials)

    whole = run(60)
    assert 15 < whole < 60
    assert run(7, 53) == whole
    assert run(16, 44) == whole


def test_a_reference_that_nothing_has_reached_yet_stops_nothing() -> None:
    study = optuna.create_study(directions=["maximize", "minimize"])
    for number in range(40):
        study.add_trial(optuna.create_trial(values=[0.01 * number, 100.0 - number]))
    assert not HypervolumeStagnation(patience=10, reference=[1.5, 50.0]).has_stagnated(study)
