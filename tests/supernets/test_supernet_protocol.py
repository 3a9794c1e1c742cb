from __future__ import annotations

import numpy as np
import optuna
import pytest
from torch import nn

from optuna_linas.budget_answers import Generated
from optuna_linas.errors import SpaceMismatchError
from optuna_linas.space import SearchSpace
from optuna_linas.supernets import ElasticCNN, Supernet, as_row, largest_arch, smallest_arch

SPACE = SearchSpace.from_choices(
    {"depth": [1, 2], "kernel_0": [3, 5], "kernel_1": [3, 5], "shallow": ["a", "b"]},
    conditions={"kernel_1": {"depth": [2]}, "shallow": {"depth": [1]}},
)


def test_both_forms_give_the_canonical_row() -> None:
    assert as_row(SPACE, {"depth": 1, "kernel_0": 5, "shallow": "b"}).tolist() == [0, 1, 0, 1]
    assert as_row(SPACE, np.array([0, 1, 1, 1])).tolist() == [0, 1, 0, 1]
    assert as_row(SPACE, [1, 0, 1, 1]).tolist() == [1, 0, 1, 0]


def test_names_that_the_space_does_not_have_are_ignored() -> None:
    params = {"depth": 2, "kernel_0": 3, "kernel_1": 5, "lr": 0.1}
    assert as_row(SPACE, params).tolist() == [1, 0, 1, 0]


def test_smallest_and_largest_are_canonical_rows() -> None:
    assert smallest_arch(SPACE).tolist() == [0, 0, 0, 0]
    assert largest_arch(SPACE).tolist() == [1, 1, 1, 0]


@pytest.mark.parametrize(
    ("arch", "message"),
    [
        (np.zeros((2, 4), dtype=int), r"array of shape \(2, 4\).*one at a time"),
        ([0, 0], r"shape \(n, 4\), got \(1, 2\)"),
        ([0.0, 0.0, 0.0, 0.0], "integers, got float64"),
        ([0, 2, 0, 0], "index 2 for 'kernel_0', which has 2 options"),
        ({"depth": 2, "kernel_0": 3}, "lack 'kernel_1'"),
        ({"depth": 9, "kernel_0": 3}, "depth=9 is not an option"),
        (optuna.create_trial(value=0.5), r"got a FrozenTrial\. Pass the `\.params`"),
        ([Generated({"depth": 1}, 0.5, 1.0, True)], r"got a list of Generated\. Pass the `"),
    ],
)
def test_what_is_no_architecture_is_refused(arch: object, message: str) -> None:
    with pytest.raises(SpaceMismatchError, match=message):
        as_row(SPACE, arch)  # type: ignore[arg-type]


def test_the_protocol_tells_supernets_from_networks() -> None:
    assert isinstance(ElasticCNN(n_classes=2), Supernet)
    assert not isinstance(nn.Linear(2, 2), Supernet)
