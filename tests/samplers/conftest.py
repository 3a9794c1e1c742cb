"""What tests of how studies are read share."""

import pytest

from optuna_linas.samplers.space_learner import SpaceLearner
from optuna_linas.space import SearchSpace


@pytest.fixture
def inferred(monkeypatch: pytest.MonkeyPatch) -> list[SpaceLearner]:
    """Who has inferred a space during the test, once for each time."""
    noted: list[SpaceLearner] = []
    infer = SpaceLearner._infer

    def noting(learner: SpaceLearner) -> SearchSpace | None:
        noted.append(learner)
        return infer(learner)

    monkeypatch.setattr(SpaceLearner, "_infer", noting)
    return noted
