import pytest
import torch

from optuna_linas.space import SearchSpace


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def conditional() -> SearchSpace:
    """A child before its parents, and a grandchild."""
    return SearchSpace.from_choices(
        {
            "kernel_1": [3, 5],
            "depth": [1, 2, 3],
            "kernel_2": [3, 5, 7],
            "norm": ["a", "b"],
        },
        conditions={
            "kernel_1": {"depth": [2, 3]},
            "kernel_2": {"depth": [3], "kernel_1": [5]},
        },
    )
