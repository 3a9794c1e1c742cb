"""Optuna's own contract suites, inherited for every sampler."""

from collections.abc import Callable

import pytest
from optuna.samplers import BaseSampler
from optuna.testing.pytest_samplers import (
    BasicSamplerTestCase,
    MultiObjectiveSamplerTestCase,
    RelativeSamplerTestCase,
)

from optuna_linas import LINASSampler, PBTNASSampler


def quick(n_startup_trials: int) -> Callable[[], BaseSampler]:
    return lambda: LINASSampler(
        n_startup_trials=n_startup_trials, batch_size=3, n_inner_evaluations=200, seed=0
    )


class TestLINASBasic(BasicSamplerTestCase, MultiObjectiveSamplerTestCase):
    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        return quick(n_startup_trials=4)


class TestLINASRelative(RelativeSamplerTestCase):
    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        return quick(n_startup_trials=0)


class TestPBTNAS(BasicSamplerTestCase, MultiObjectiveSamplerTestCase):
    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        return lambda: PBTNASSampler(4, 30, 1, seed=0)


class TestPBTNASRelative(RelativeSamplerTestCase):
    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        # Each of the trials that are asked for at once holds a slot.
        return lambda: PBTNASSampler(30, 30, 1, seed=0)
