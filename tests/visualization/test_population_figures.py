import optuna
import pytest
from optuna.study import Study
from optuna.trial import Trial

from optuna_linas import PBTNASSampler
from optuna_linas.visualization import plot_lineage, plot_option_shares, plot_population


def objective(trial: Trial) -> float:
    trial.suggest_float("lr", 0.1, 1.0)
    trial.suggest_categorical("op", ["a", "b"])
    return float(trial.user_attrs["pbt_slot"])


@pytest.fixture(scope="module")
def study() -> Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = PBTNASSampler(4, 3, [1, 2, 3], layer_replace_prob=1.0, hyperparameters=["lr"], seed=0)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.optimize(objective)
    return study


def test_the_tree_has_every_member_and_its_parents(study: Study) -> None:
    goes_on, bases, donors, members = plot_lineage(study).data
    assert len(members.x) == 12
    assert list(zip(members.x, members.y, strict=True))[5] == (1, 1)
    # Slot 0 is the worst in every generation, and becomes a child of slots 3 and 2.
    assert list(zip(bases.x[:2], bases.y[:2], strict=True)) == [(0, 3), (1, 0)]
    assert list(zip(donors.x[:2], donors.y[:2], strict=True)) == [(0, 2), (1, 0)]
    assert goes_on.x.count(None) == 6
    assert "donated: op" in members.text[4]


def test_the_population_is_shown_over_epochs(study: Study) -> None:
    members, best, median = plot_population(study).data
    assert list(best.x) == [1, 3, 6]
    assert list(best.y) == [max(members.y[i : i + 4]) for i in (0, 4, 8)]
    assert all(low <= high for low, high in zip(median.y, best.y, strict=True))


def test_the_shares_of_the_options_add_up(study: Study) -> None:
    figure = plot_option_shares(study)
    assert [trace.name for trace in figure.data] == ["op = a", "op = b"]
    first, second = (trace.y for trace in figure.data)
    assert [a + b for a, b in zip(first, second, strict=True)] == [1.0] * 3
    assert first[0] == 0.5
    with pytest.raises(ValueError, match="No member has"):
        plot_option_shares(study, ["kernel"])


def test_what_is_empty_or_no_population_is_explained(study: Study) -> None:
    begun = optuna.create_study(sampler=PBTNASSampler(4, 2, 1, seed=0))
    begun.ask()
    for plot in (plot_lineage, plot_population, plot_option_shares):
        assert "No complete" in plot(begun).layout.annotations[0].text
        assert "no population" in plot(optuna.create_study()).layout.annotations[0].text
