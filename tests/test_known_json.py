"""What a space knows of ranges and absences survives as JSON, and nonsense is refused."""

import json
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.trial import Trial

from optuna_linas.arrays import IntArray
from optuna_linas.goals import Goals
from optuna_linas.known_json import known_to_json, space_with_known
from optuna_linas.samplers.trials import TrialTable
from optuna_linas.space import SearchSpace


def one_decides(trial: Trial) -> float:
    n = trial.suggest_int("n", 1, 6)
    m = trial.suggest_int("m", 1, n)
    return float(n + m + trial.suggest_int("k", 0, m))  # a range that a range decides


def two_decide(trial: Trial) -> float:
    a, b = trial.suggest_int("a", 1, 3), trial.suggest_int("b", 1, 3)
    m = trial.suggest_int("m", 0, 2 * a * b, step=2 if a * b > 4 else 1)
    return float(a + b + m)


def some_lack(trial: Trial) -> float:
    first, second = (trial.suggest_categorical(name, [False, True]) for name in "ab")
    return float(trial.suggest_int("c", 1, 4) if first or second else 0)


def observed(objective: Any) -> SearchSpace:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(objective, n_trials=60)
    table = TrialTable(Goals(study.directions), None, lambda message: None)
    table.update(study.trials)
    assert table.space is not None
    return table.space


def sampled(space: SearchSpace) -> IntArray:
    return space.sample(500, np.random.default_rng(0))


@pytest.mark.parametrize("objective", [one_decides, two_decide, some_lack])
def test_rows_are_folded_alike(objective: Any) -> None:
    space = observed(objective)
    plain = SearchSpace(space.variables)
    known = json.loads(json.dumps(known_to_json(space)))
    again = space_with_known(plain, known)
    rows = sampled(space)
    assert np.array_equal(again.canonical(rows), space.canonical(rows))
    assert not np.array_equal(again.canonical(rows), plain.canonical(rows))
    # Once more, it is the same: what a file has is all that there is.
    assert known_to_json(again) == known
    assert space_with_known(plain, known) == again


def test_of_a_declared_space_nothing_is_known() -> None:
    plain = SearchSpace.from_choices({"a": [1, 2], "b": [1, 2]})
    assert known_to_json(plain) == {"absences": [], "ranges": []}
    assert space_with_known(plain, known_to_json(plain)) == plain


def test_a_range_is_told_by_its_ends() -> None:
    (m, _) = known_to_json(observed(one_decides))["ranges"]
    assert (m["variable"], m["names"]) == ("m", ["n"])
    told = dict(zip((n for (n,) in m["options"]), m["become"], strict=True))
    assert told == {n: [0, n] for n in range(5)}  # with the largest n all is as it is


SPACE = SearchSpace.from_choices({"a": [1, 2, 3], "b": [1, 2]})
RANGE = {"variable": "a", "names": ["b"], "options": [[0]], "become": [[0, 1]]}


@pytest.mark.parametrize(
    "changed",
    [
        {"variable": "c"},
        {"names": ["c"]},
        {"names": ["b", "b"], "options": [[0, 0]]},
        {"names": []},
        {"options": [[2]]},
        {"options": [[-1]]},
        {"options": [[0.0]]},
        {"options": [[0, 0]]},
        {"options": []},
        {"options": [[0], [1]]},
        {"become": [[0, 3]]},
        {"become": [[0]]},
        {"become": [[0, 1, 2, 2]]},
        {"become": [[True, 1]]},
        {"become": 3},
        {"become": []},
    ],
)
def test_what_is_no_range_is_refused(changed: dict[str, Any]) -> None:
    assert space_with_known(SPACE, {"absences": [], "ranges": [RANGE]}) != SPACE
    with pytest.raises(ValueError, match="What is known of the search space cannot be read"):
        space_with_known(SPACE, {"absences": [], "ranges": [{**RANGE, **changed}]})


@pytest.mark.parametrize(
    "known",
    [
        None,
        {"absences": []},
        {"ranges": []},
        {"absences": [{"names": ["a"], "options": [[3]]}], "ranges": []},
        {"absences": [{"names": ["a"]}], "ranges": []},
        {"absences": 3, "ranges": []},
    ],
)
def test_what_is_no_knowledge_is_refused(known: Any) -> None:
    with pytest.raises(ValueError, match="What is known of the search space cannot be read"):
        space_with_known(SPACE, known)


def test_more_ranges_than_fit_into_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"absences": [], "ranges": [RANGE, {**RANGE, "options": [[1]], "become": [[1, 2]]}]}
    space_with_known(SPACE, known)
    monkeypatch.setattr("optuna_linas.known_json._MOST", 5)
    with pytest.raises(ValueError, match="too many ranges"):
        space_with_known(SPACE, known)
