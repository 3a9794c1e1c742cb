from typing import Any

import numpy as np
import pytest

from optuna_linas.history import History

NAN = float("nan")


def history(values_of_constraints: list[list[float]], **changes: Any) -> History:
    n = len(values_of_constraints)
    values: dict[str, Any] = {
        "codes": np.zeros((n, 2), dtype=np.int64),
        "losses": np.zeros((n, 1)),
        "constraints": np.array(values_of_constraints).reshape(n, -1 if n else 0),
        "numbers": np.arange(n),
    }
    return History(**(values | changes))


def test_violations_add_up_what_is_above_zero() -> None:
    found = history([[-1.0, 0.0], [2.0, 0.5], [-5.0, 1.0], [0.0, 0.0]])
    assert found.violations.tolist() == [0.0, 2.5, 1.0, 0.0]
    assert found.feasible.tolist() == [True, False, False, True]


def test_a_missing_constraint_is_satisfied() -> None:
    found = history([[NAN, NAN], [NAN, 3.0], [NAN, -3.0]])
    assert found.violations.tolist() == [0.0, 3.0, 0.0]


def test_an_infinite_violation_is_infeasible() -> None:
    assert history([[np.inf], [-np.inf]]).feasible.tolist() == [False, True]


@pytest.mark.parametrize("n", [0, 3])
def test_without_constraints_all_is_feasible(n: int) -> None:
    found = history([[]] * n, constraints=np.zeros((n, 0)))
    assert len(found) == n
    assert found.feasible.tolist() == [True] * n


@pytest.mark.parametrize(
    "changes",
    [
        {"losses": np.zeros((2, 1))},
        {"losses": np.zeros(3)},
        {"constraints": np.zeros((2, 1))},
        {"constraints": np.zeros(3)},
        {"numbers": np.arange(4)},
        {"codes": np.zeros((2, 2), dtype=np.int64)},
        {"codes": np.zeros(3, dtype=np.int64)},
    ],
)
def test_arrays_that_do_not_belong_together(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Expected"):
        history([[0.0]] * 3, **changes)


@pytest.mark.parametrize("loss", [NAN, np.inf, -np.inf])
def test_losses_are_finite(loss: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        history([[0.0]], losses=np.array([[loss]]))


def test_a_history_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        history([[0.0]]).numbers = np.arange(1)  # type: ignore[misc]
