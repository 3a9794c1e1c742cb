"""What options become in a range: the quick way is that of asking for each."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution

from optuna_linas.distributions import nearest, variable_of
from optuna_linas.samplers.into_range import into_range
from optuna_linas.variable import Variable


def one_by_one(variable: Variable, seen: BaseDistribution) -> list[int]:
    values = [nearest(seen, option) for option in variable.options]
    pairs = zip(variable.options, values, strict=True)
    return [variable.index(option if value is None else value) for option, value in pairs]


@given(st.data())
def test_integers(data: st.DataObject) -> None:
    low = data.draw(st.sampled_from([-7, 0, 1, 2**60]))
    step = data.draw(st.sampled_from([1, 1, 2, 3]))
    width = step * data.draw(st.integers(1, 3000))
    log = low == 1 and step == 1 and data.draw(st.booleans())
    whole = IntDistribution(low, low + width, step=step, log=log)
    first = data.draw(st.integers(low, low + width))
    each = data.draw(st.sampled_from([1, step]))
    last = first + each * data.draw(st.integers(0, (low + width - first) // each))
    seen = IntDistribution(first, last, step=each, log=log)
    variable = variable_of("n", whole)
    assert into_range(variable, seen).tolist() == one_by_one(variable, seen)


@given(st.data())
def test_floats(data: st.DataObject) -> None:
    step = data.draw(st.sampled_from([None, 0.1, 0.25]))
    log = step is None and data.draw(st.booleans())
    whole = FloatDistribution(0.5, 9.5, step=step, log=log)
    ends = sorted(data.draw(st.lists(st.floats(0.5, 9.5), min_size=2, max_size=2)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Optuna's, of ranges that are not divisible
        seen = FloatDistribution(*ends, step=step, log=log)
    variable = variable_of("x", whole)
    assert into_range(variable, seen).tolist() == one_by_one(variable, seen)


@pytest.mark.parametrize("seen", [IntDistribution(3, 3), IntDistribution(2, 8, step=3)])
def test_what_lies_beyond_becomes_the_nearest(seen: IntDistribution) -> None:
    found = into_range(Variable.integer("n", 1, 10), seen)
    options = np.arange(1, 11)[found]
    assert options.tolist() == [nearest(seen, value) for value in range(1, 11)]
