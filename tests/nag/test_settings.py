"""What settings may be, and what is said of others."""

from dataclasses import replace
from typing import Any

import pytest

from optuna_linas.nag import PAPER, REWARDS, EvaluatorSettings, Settings


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"n_budgets": 1}, ValueError, "n_budgets must be at least 2, got 1"),
        ({"n_budgets": 2.5}, TypeError, "n_budgets is a whole number"),
        ({"n_samples": 0}, ValueError, "n_samples must be at least 1"),
        ({"n_steps": -1}, ValueError, "n_steps must be at least 0"),
        ({"max_bins": 0}, ValueError, "max_bins must be at least 1"),
        ({"n_candidates": 0}, ValueError, "n_candidates must be at least 1"),
        ({"n_rounds": 0, "n_elites": 0}, ValueError, "nothing to choose from.*Give n_rounds=1"),
        ({"learning_rate": 0.0}, ValueError, r"learning_rate must be in \(0, inf\)"),
        ({"entropy": float("nan")}, ValueError, "entropy must be in"),
        ({"imitation": -1.0}, ValueError, "imitation must be in"),
        ({"caution": "a little"}, TypeError, "caution is a number"),
        ({"coverage": 95}, ValueError, r"\(0, 1\], got 95. It is the share .* give 0.95, say"),
        ({"coverage": -1}, ValueError, "give 0.975, say, or None"),
        ({"coverage": 0.0}, ValueError, "coverage must be in"),
        ({"coverage": "all"}, TypeError, "coverage is a number"),
        ({"reward": "tunas"}, TypeError, r"REWARDS: \['dominance'"),
        ({"evaluator": 3}, TypeError, "evaluator's settings; got 3"),
    ],
)
def test_settings_that_cannot_work_are_explained_before_anything_is_fitted(
    changes: dict[str, Any], error: type[Exception], says: str
) -> None:
    for settings in (Settings(), replace(PAPER, n_elites=4)):
        with pytest.raises(error, match=says):
            replace(settings, **changes)


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"hidden_size": 0}, ValueError, "hidden_size must be at least 1"),
        ({"n_steps": -1}, ValueError, "n_steps must be at least 0"),
        ({"batch_size": 1}, ValueError, "batch_size must be at least 2"),
        ({"learning_rate": -1.0}, ValueError, "learning_rate must be in"),
        ({"n_imagined": 0.5}, TypeError, "n_imagined is a whole number"),
    ],
)
def test_settings_of_the_evaluator_are_explained_too(
    changes: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        EvaluatorSettings(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"coverage": None},
        {"coverage": 1.0},
        {"caution": -0.5},
        {"n_steps": 0},
        {"n_elites": 0, "n_refinements": 0},
        {"n_rounds": 0},
        {"evaluator": EvaluatorSettings(n_steps=0, n_imagined=0)},
        *({"reward": reward} for reward in REWARDS.values()),
    ],
)
def test_whatever_works_is_allowed(changes: dict[str, Any]) -> None:
    replace(Settings(), **changes)
