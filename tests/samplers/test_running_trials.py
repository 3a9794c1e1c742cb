"""What is being measured is not handed out again, whoever proposed it."""

from typing import Any

import optuna
import pytest
from optuna.distributions import BaseDistribution, IntDistribution
from optuna.samplers import BaseSampler

from optuna_linas import LINASSampler, PymooSampler
from optuna_linas.samplers.plan import Claim
from optuna_linas.samplers.rows import names_key

SPACE: dict[str, BaseDistribution] = {name: IntDistribution(0, 2) for name in ("w_0", "w_1")}
SAMPLERS = [
    LINASSampler(n_startup_trials=5, batch_size=2, seed=0),
    PymooSampler("nsga2", population_size=4, seed=0),
]


def values(params: dict[str, Any]) -> tuple[float, float]:
    return params["w_0"] + 0.5 * params["w_1"], params["w_0"] * params["w_1"]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_an_enqueued_trial_that_runs_is_not_proposed(sampler: BaseSampler) -> None:
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    study.enqueue_trial({"w_0": 1, "w_1": 1})
    first = study.ask(SPACE)
    study.tell(first, values(first.params))
    # Corners, which a start proposes too: they go on running.
    for params in ({"w_0": 0, "w_1": 0}, {"w_0": 2, "w_1": 2}):
        study.enqueue_trial(params)
        study.ask(SPACE)
    for _ in range(6):
        trial = study.ask(SPACE)
        study.tell(trial, values(trial.params))
    assert len({tuple(trial.params.items()) for trial in study.trials}) == 9


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_trials_that_began_before_the_space_was_known_are_not_repeated(
    sampler: BaseSampler,
) -> None:
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    began = [study.ask(SPACE) for _ in range(3)]
    study.tell(began[0], values(began[0].params))
    different = {tuple(trial.params.items()) for trial in began}
    for _ in range(9 - len(different)):
        trial = study.ask(SPACE)
        study.tell(trial, values(trial.params))
        different.add(tuple(trial.params.items()))
    assert len(different) == 9


def test_before_the_space_is_known_no_place_is_claimed_twice() -> None:
    study = optuna.create_study(sampler=LINASSampler(seed=0))
    other = study.ask()
    # It gave up the first place, as another worker had claimed that too, who then died.
    claim = Claim(0, 1, (), names_key(()))
    study._storage.set_trial_system_attr(other._trial_id, "linas:claim", claim.dumps())
    for trial in (study.ask(), study.ask()):
        trial.suggest_float("rate", 0.0, 1.0)
    claims = [Claim.loads(trial.system_attrs["linas:claim"]) for trial in study.trials]
    assert [claim.slot for claim in claims] == [1, 0, 2]


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.filterwarnings("ignore:Fixed parameter")
def test_what_was_enqueued_outside_its_range_is_left_out(
    sampler: BaseSampler, caplog: pytest.LogCaptureFixture
) -> None:
    def objective(trial: optuna.Trial) -> tuple[float, float]:
        return values({name: trial.suggest_int(name, 0, 2) for name in SPACE})

    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    study.enqueue_trial({"w_0": 9})
    optuna.logging.enable_propagation()
    study.optimize(objective, n_trials=10)
    optuna.logging.disable_propagation()
    assert study.trials[0].params["w_0"] == 9
    assert len({tuple(trial.params.items()) for trial in study.trials[1:]}) == 9
    (said,) = {r.getMessage() for r in caplog.records if "cannot be learned from" in r.message}
    assert "Trial 0 cannot be learned from: w_0=9 lies outside" in said
