"""What importing the package costs and offers."""

import subprocess
import sys

import pytest

import optuna_linas


def test_the_public_names_are_there() -> None:
    assert set(optuna_linas.__all__) <= set(dir(optuna_linas))
    for name in optuna_linas.__all__:
        assert getattr(optuna_linas, name).__name__ == name
    assert optuna_linas.__version__.count(".") == 2


def test_a_wrong_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'LINASampler'"):
        _ = optuna_linas.LINASampler


# What trains networks, or takes them apart, needs torch.
OF_TORCH = {"BudgetGenerator", "SupernetObjective", "PBTMember", "make_soup"}
LARGE = ("torch", "sklearn", "pandas", "pymoo", "plotly", "scipy.stats", "scipy.optimize")
"""Libraries that take long to import, and that no user pays for before they are used."""


@pytest.mark.parametrize(
    "names",
    [
        f"optuna_linas import {', '.join(sorted(set(optuna_linas.__all__) - OF_TORCH))}",
        "optuna_linas.visualization import plot_search_progress",
        "optuna_linas.dashboard import publish",
        "optuna_linas.cli import main",
    ],
    ids=["the package", "the figures", "the dashboard", "the command line"],
)
def test_importing_loads_no_large_library(names: str) -> None:
    program = (
        f"import sys, optuna; before = set(sys.modules); from {names}; "
        f"print(*(set({LARGE}) & (set(sys.modules) - before)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr
