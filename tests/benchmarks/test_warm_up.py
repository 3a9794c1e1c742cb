"""What a process imports for a sampler is imported before the sampler's time is measured."""

import subprocess
import sys

import pytest

_IMPORTED_LATER = """
import sys
import optuna
from benchmarks.contenders import CONTENDERS
from benchmarks.problems import make_problem
from benchmarks.searches import search
from benchmarks.warm_up import warm_up

optuna.logging.set_verbosity(optuna.logging.WARNING)
problem = make_problem("generated-ops-1", None)
warm_up(sys.argv[1])
before = set(sys.modules)
search(problem, CONTENDERS[sys.argv[1]].make(0), 110)
print(*sorted(set(sys.modules) - before))
"""


@pytest.mark.parametrize("name", ["linas", "nsga2"])
def test_nothing_is_left_to_import(name: str) -> None:
    command = [sys.executable, "-c", _IMPORTED_LATER, name]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
