"""Variations, schedules, hyper-parameters, objectives, asynchronous populations, weights."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch
from optuna.artifacts import FileSystemArtifactStore
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial
from torch import nn

from optuna_linas import Attr, PBTMember, PBTNASSampler, best_member
from optuna_linas.checkpoints import load_checkpoint
from optuna_linas.lineage import read_lineage

OPS = ("op_0", "op_1")


def run(objective: Callable[[Trial], Any], n: int | None = None, **settings: Any) -> Study:
    directions = settings.pop("directions", ["maximize"])
    defaults: dict[str, Any] = {
        "population_size": 4,
        "n_generations": 3,
        "epochs_per_generation": 1,
        "seed": 0,
    }
    sampler = PBTNASSampler(**{**defaults, **settings})
    study = optuna.create_study(directions=directions, sampler=sampler)
    study.optimize(objective, n_trials=n)
    return study


def ops(trial: Trial) -> dict[str, int]:
    return {name: trial.suggest_categorical(name, [0, 1, 2, 3]) for name in OPS}


def total(trial: Trial) -> float:
    return float(sum(ops(trial).values()))


def of_generation(study: Study, generation: int) -> list[FrozenTrial]:
    return [t for t in study.trials if t.user_attrs["pbt_generation"] == generation]


def weights_of(study: Study, number: int, folder: Path) -> dict[str, torch.Tensor]:
    return load_checkpoint(FileSystemArtifactStore(folder), study.trials[number]).model


class Keep(FileSystemArtifactStore):
    """Removes nothing, so that all generations can be looked at."""

    def remove(self, artifact_id: str) -> None: ...


def with_weights(folder: Path, fresh: dict[int, Any]) -> Callable[[Trial], float]:
    store = Keep(folder)

    def objective(trial: Trial) -> float:
        params = ops(trial)
        member = PBTMember(trial, store, {"op_0": "0", "op_1": "1"})
        with member.seeded():
            model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
        fresh[trial.number] = {k: v.clone() for k, v in model.state_dict().items()}
        member.restore(model)
        member.save(model)
        return float(sum(params.values()))

    return objective


@pytest.mark.parametrize(
    ("variation", "shrink", "perturb"), [("mix", 0.4, 0.1), ("copy", 1, 0), ("reinitialise", 0, 1)]
)
@pytest.mark.parametrize("prob", [0.0, 0.5, 1.0])
def test_children_have_the_weights_that_the_paper_says(
    variation: str, shrink: float, perturb: float, prob: float, tmp_path: Path
) -> None:
    fresh: dict[int, Any] = {}
    study = run(with_weights(tmp_path, fresh), variation=variation, layer_replace_prob=prob)
    children = [t for t in study.trials if len(t.user_attrs["pbt_parents"]) == 2]
    assert len(children) == 2
    for child in children:
        base, donor = (study.trials[n] for n in child.user_attrs["pbt_parents"])
        donated = child.user_attrs["pbt_donated"]
        if prob != 0.5:
            assert donated == (list(OPS) if prob == 1 else [])
        for i, name in enumerate(OPS):
            assert child.params[name] == (donor if name in donated else base).params[name]
            for kind in (f"{i}.weight", f"{i}.bias"):
                own = weights_of(study, child.number, tmp_path)[kind]
                theirs = weights_of(study, donor.number, tmp_path)[kind]
                expected = weights_of(study, base.number, tmp_path)[kind]
                if name in donated:
                    expected = shrink * theirs + perturb * fresh[child.number][kind]
                assert torch.equal(own, expected)
    survivors = [t for t in study.trials if len(t.user_attrs["pbt_parents"]) == 1]
    for trial in survivors:
        before = weights_of(study, trial.user_attrs["pbt_parents"][0], tmp_path)
        own = weights_of(study, trial.number, tmp_path)
        assert all(torch.equal(own[k], before[k]) for k in own)


def test_children_of_the_same_parents_differ(tmp_path: Path) -> None:
    fresh: dict[int, Any] = {}
    study = run(
        with_weights(tmp_path, fresh), population_size=8, quantile=0.5, layer_replace_prob=1.0
    )
    pairs: dict[tuple[int, ...], list[int]] = {}
    for trial in study.trials:
        if len(trial.user_attrs["pbt_parents"]) == 2:
            pairs.setdefault(tuple(trial.user_attrs["pbt_parents"]), []).append(trial.number)
    siblings = next(numbers for numbers in pairs.values() if len(numbers) > 1)
    first, second = (weights_of(study, number, tmp_path)["0.weight"] for number in siblings[:2])
    assert not torch.equal(first, second)


def test_without_mixing_a_loser_is_a_copy_of_a_winner(tmp_path: Path) -> None:
    study = run(with_weights(tmp_path, {}), variation="none", quantile=0.5)
    losers = [t for t in of_generation(study, 1) if t.user_attrs["pbt_parents"] != [t.number - 4]]
    assert len(losers) == 2
    for trial in losers:
        (parent,) = trial.user_attrs["pbt_parents"]
        assert trial.params == study.trials[parent].params
        own, theirs = (weights_of(study, n, tmp_path) for n in (trial.number, parent))
        assert all(torch.equal(own[k], theirs[k]) for k in own)


def test_mutation_redraws_variables_and_starts_their_layers_fresh(tmp_path: Path) -> None:
    fresh: dict[int, Any] = {}
    study = run(with_weights(tmp_path, fresh), variation="mutate", layer_replace_prob=0.5)
    n_mutated = 0
    for trial in study.trials[4:]:
        (number,) = trial.user_attrs["pbt_parents"]
        parent = study.trials[number]
        own, theirs = (weights_of(study, n, tmp_path) for n in (trial.number, number))
        for i, name in enumerate(OPS):
            is_mutated = trial.params[name] != parent.params[name]
            n_mutated += is_mutated
            expected = fresh[trial.number] if is_mutated else theirs
            assert torch.equal(own[f"{i}.weight"], expected[f"{i}.weight"])
    assert n_mutated > 0


def test_random_search_trains_everybody_to_the_end(tmp_path: Path) -> None:
    fresh: dict[int, Any] = {}
    study = run(with_weights(tmp_path, fresh), variation="random")
    for trial in study.trials[4:]:
        assert trial.user_attrs["pbt_parents"] == [trial.number - 4]
        assert trial.params == study.trials[trial.number - 4].params
    study = run(
        with_weights(tmp_path, fresh := {}), variation="random_perturb", layer_replace_prob=1.0
    )
    for trial in study.trials[4:]:
        assert trial.params == study.trials[trial.number - 4].params
        assert trial.user_attrs["pbt_donated"] == list(OPS)
        own, before = (weights_of(study, n, tmp_path) for n in (trial.number, trial.number - 4))
        expected = 0.4 * before["0.weight"] + 0.1 * fresh[trial.number]["0.weight"]
        assert torch.equal(own["0.weight"], expected)


@pytest.mark.parametrize(
    ("epochs", "seen"), [(3, [3, 3, 3]), ([4, 2, 1], [4, 2, 1]), (lambda g: g + 1, [1, 2, 3])]
)
def test_steps_may_lengthen_or_shorten(epochs: Any, seen: list[int], tmp_path: Path) -> None:
    store, told = FileSystemArtifactStore(tmp_path), []

    def objective(trial: Trial) -> float:
        told.append(PBTMember(trial, store).n_epochs)
        return total(trial)

    run(objective, epochs_per_generation=epochs)
    assert told == [n for n in seen for _ in range(4)]


@pytest.mark.parametrize(
    ("epochs", "says"), [([1, 2], "2 entries for 3"), ([1, 0, 1], "at least 1"), (0, "at least 1")]
)
def test_steps_that_make_no_sense_are_explained(epochs: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        run(total, epochs_per_generation=epochs)
    with pytest.raises(ValueError, match="gave 0 for generation 0"):
        run(total, epochs_per_generation=lambda generation: 0)


def test_hyperparameters_are_the_bases_perturbed_and_survivors_keep_theirs() -> None:
    def objective(trial: Trial) -> float:
        trial.suggest_float("lr", 1e-4, 1e-1, log=True)
        return total(trial)

    study = run(objective, hyperparameters=["lr"], resample_prob=0.0, layer_replace_prob=1.0)
    for trial in study.trials[4:]:
        base = study.trials[trial.user_attrs["pbt_parents"][0]]
        factor = trial.params["lr"] / base.params["lr"]
        if len(trial.user_attrs["pbt_parents"]) == 2:
            assert factor == pytest.approx(0.8) or factor == pytest.approx(1.2)
            assert trial.user_attrs["pbt_donated"] == list(OPS)
        else:
            assert factor == 1
    drawn = run(objective, hyperparameters=["lr"], resample_prob=1.0)
    assert len({t.params["lr"] for t in drawn.trials}) == 4 + 2


def test_several_objectives_are_ranked_by_front() -> None:
    def objective(trial: Trial) -> tuple[float, float]:
        values = [(1.0, 0.0), (0.0, 1.0), (0.5, 2.0), (0.4, 2.5)][trial.user_attrs["pbt_slot"]]
        ops(trial)
        return values  # accuracy up, latency down: 0 is on the front alone

    study = run(objective, directions=["maximize", "minimize"])
    assert best_member(study).slot == 0
    assert len(study.trials[4 + 3].user_attrs["pbt_parents"]) == 2


def test_an_attribute_may_be_what_members_are_ranked_by() -> None:
    def objective(trial: Trial) -> float:
        ops(trial)
        trial.set_user_attr("latency_ms", float(trial.user_attrs["pbt_slot"]))
        return 0.0

    study = run(objective, objectives=[Attr("latency_ms", "maximize")])
    assert best_member(study).slot == 3
    assert len(study.trials[4].user_attrs["pbt_parents"]) == 2


def test_constraints_come_before_objectives() -> None:
    def objective(trial: Trial) -> float:
        slot = trial.user_attrs["pbt_slot"]
        trial.set_constraint("size", 1.0 if slot == 2 else -1.0)
        ops(trial)
        return float(slot == 2)

    study = run(objective)
    assert len(study.trials[4 + 2].user_attrs["pbt_parents"]) == 2


def test_directions_are_symmetric() -> None:
    up = run(total)
    down = run(lambda trial: -total(trial), directions=["minimize"])
    assert [t.params for t in up.trials] == [t.params for t in down.trials]


def test_a_random_first_population_is_not_stratified() -> None:
    def objective(trial: Trial) -> float:
        return float(trial.suggest_categorical("op", list(range(24))))

    even = run(objective, 24, population_size=24, n_generations=1)
    assert sorted(t.params["op"] for t in even.trials) == list(range(24))
    drawn = run(objective, 24, population_size=24, n_generations=1, stratified=False)
    assert len({t.params["op"] for t in drawn.trials}) < 24


def test_a_conditional_variable_comes_with_its_condition() -> None:
    def objective(trial: Trial) -> float:
        depth = trial.suggest_int("depth", 1, 3)
        return float(sum(trial.suggest_int(f"width_{i}", 1, 9) for i in range(depth)))

    study = run(objective, population_size=12, n_generations=5, quantile=0.4)
    for trial in study.trials:
        active = {"depth", *(f"width_{i}" for i in range(trial.params["depth"]))}
        assert trial.params.keys() == active
        assert set(trial.user_attrs["pbt_donated"]) <= active
        parents = [study.trials[n].params for n in trial.user_attrs["pbt_parents"]]
        for name, value in trial.params.items():
            known = [params[name] for params in parents if name in params]
            assert not known or value in known


@pytest.mark.parametrize("variation", ["mix", "mutate"])
def test_asynchronous_slots_go_on_by_themselves(variation: str, tmp_path: Path) -> None:
    fresh: dict[int, Any] = {}
    study = run(with_weights(tmp_path, fresh), asynchronous=True, variation=variation)
    assert len(study.trials) == 12
    lineage = read_lineage(study)
    assert [lineage.n_steps(slot) for slot in range(4)] == [3] * 4
    # One worker may be far behind: three slots end without it.
    sampler = PBTNASSampler(4, 3, 1, asynchronous=True, seed=0)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    behind = study.ask()
    for _ in range(9):
        trial = study.ask()
        study.tell(trial, total(trial))
    steps = [read_lineage(study).n_steps(slot) for slot in range(4)]
    assert steps == [0, 3, 3, 3]
    study.tell(behind, total(behind))
    study.optimize(total)
    assert read_lineage(study).n_steps(0) == 3


def test_an_asynchronous_search_resumes_too() -> None:
    whole = run(total, asynchronous=True, population_size=6)
    sampler = PBTNASSampler(6, 3, 1, asynchronous=True, seed=0)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for n in (3, 5, None):
        study.sampler = PBTNASSampler(6, 3, 1, asynchronous=True, seed=0)
        study.optimize(total, n_trials=n)
    assert [t.params for t in study.trials] == [t.params for t in whole.trials]


def test_asynchronous_threads_train_every_step_once_and_lose_no_checkpoint(tmp_path: Path) -> None:
    store = FileSystemArtifactStore(tmp_path)

    def objective(trial: Trial) -> float:
        member = PBTMember(trial, store)
        model = nn.Linear(1, 1)
        member.restore(model)
        member.save(model)
        return total(trial)

    sampler = PBTNASSampler(6, 4, 1, quantile=0.5, asynchronous=True, seed=0)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.optimize(objective, n_trials=24, n_jobs=4)
    places = {(t.user_attrs["pbt_generation"], t.user_attrs["pbt_slot"]) for t in study.trials}
    assert len(places) == len(study.trials) == 24
    assert all(trial.state.name == "COMPLETE" for trial in study.trials)


def test_asynchronous_disk_use_is_bounded(tmp_path: Path) -> None:
    store, counts = FileSystemArtifactStore(tmp_path), []

    def objective(trial: Trial) -> float:
        member = PBTMember(trial, store)
        model = nn.Linear(1, 1)
        member.restore(model)
        member.save(model)
        counts.append(len(list(tmp_path.iterdir())))
        return total(trial)

    run(objective, asynchronous=True, n_generations=6)
    assert len(counts) == 24
    assert max(counts) <= 4 + 2


def test_copies_optimisers_and_extras_go_on(tmp_path: Path) -> None:
    store = FileSystemArtifactStore(tmp_path)

    def objective(trial: Trial) -> float:
        params = ops(trial)
        member = PBTMember(trial, store, {"op_0": "actor", "op_1": "critic"}, buffers="copy")
        with member.seeded():
            model = nn.ModuleDict({name: nn.Linear(2, 2) for name in ("actor", "critic")})
            target = nn.Linear(2, 2)
        optimizers = {
            name: torch.optim.Adam(module.parameters(), lr=0.1) for name, module in model.items()
        }
        average = torch.optim.swa_utils.AveragedModel(model)
        extra = member.restore(model, optimizers)
        assert bool(extra) != member.is_new
        if extra:
            target.load_state_dict(extra["critic"])
            average.load_state_dict(extra["average"])
            assert extra["seen"] == member.generation
            assert len(optimizers["actor"].state) == (
                0 if "op_0" in trial.user_attrs["pbt_donated"] else 2
            )
        for name, module in model.items():
            module(torch.ones(1, 2)).sum().backward()
            optimizers[name].step()
        average.update_parameters(model)
        target.load_state_dict(model["critic"].state_dict())
        parts = {"average": average, "critic": target, "seen": member.generation + 1}
        member.save(model, optimizers, extra=parts)
        return float(sum(params.values()))

    study = run(objective, layer_replace_prob=0.5, n_generations=4)
    assert len(study.trials) == 16


def test_workers_may_differ_in_how_many_generations_they_want() -> None:
    study = run(total, 9)
    study.sampler = PBTNASSampler(4, 1, 1, seed=0)
    study.optimize(total, n_trials=2)  # nothing is left for this one
    assert [trial.state.name for trial in study.trials[9:]] == ["PRUNED"]
    study.sampler = PBTNASSampler(4, 3, 1, seed=0)
    study.optimize(total)
    kept = [t.params for t in study.trials if t.state.name == "COMPLETE"]
    assert kept == [t.params for t in run(total).trials]


def test_a_pruner_with_studies_of_its_own_and_a_wrapped_sampler() -> None:
    def objective(trial: Trial) -> float:
        value = total(trial)
        trial.report(value, 1)
        return value

    sampler = PBTNASSampler(4, 2, 1, seed=0)
    pruner = optuna.pruners.HyperbandPruner()
    study = optuna.create_study(direction="maximize", sampler=sampler, pruner=pruner)
    study.optimize(objective)
    assert [t.state.name for t in study.trials] == ["COMPLETE"] * 8
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        fixed = optuna.samplers.PartialFixedSampler({"op_0": 2}, PBTNASSampler(4, 2, 1, seed=0))
    study = optuna.create_study(direction="maximize", sampler=fixed)
    study.optimize(total)
    assert {t.params["op_0"] for t in study.trials} == {2}
    assert len(study.trials) == 8


def test_threads_share_a_sampler() -> None:
    sampler = PBTNASSampler(6, 3, 1, seed=0)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.optimize(total, n_trials=18, n_jobs=4)
    places = {(t.user_attrs["pbt_generation"], t.user_attrs["pbt_slot"]) for t in study.trials}
    assert len(places) == len(study.trials) == 18
    whole = run(total, population_size=6)
    by_place = {(t.user_attrs["pbt_generation"], t.user_attrs["pbt_slot"]): t for t in study.trials}
    for trial in whole.trials:
        place = trial.user_attrs["pbt_generation"], trial.user_attrs["pbt_slot"]
        assert by_place[place].params == trial.params
