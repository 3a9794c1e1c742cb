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


def test_importing_the_sampler_loads_no_torch() -> None:
    names = "LINASSampler, PBTNASSampler, best_member"
    program = f"import sys; from optuna_linas import {names}; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
