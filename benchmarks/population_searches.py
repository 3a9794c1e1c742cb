"""One population's search, from its start to the test accuracy of its winner and its soup."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import optuna
import torch
from optuna.artifacts import FileSystemArtifactStore
from optuna.trial import FrozenTrial, Trial
from torch import nn

from benchmarks.image_population import CellNetwork, Images, evaluate, layers_of, suggest, train
from optuna_linas import PBTMember, PBTNASSampler, best_member, make_soup
from optuna_linas.checkpoints import load_checkpoint
from optuna_linas.pbt.weights import Buffers

__all__ = ["METHODS", "Setting", "search"]

METHODS = {
    "pbt-nas": "mix",
    "copy": "copy",
    "reinitialise": "reinitialise",
    "no mixing (PBT)": "none",
    "mutation (SEARL-like)": "mutate",
    "random search": "random",
    "random + shrink-perturb": "random_perturb",
}
"""Name of a method to its sampler's `variation`; all train for the same number of epochs."""


@dataclass(frozen=True)
class Setting:
    """How large a search is: all methods train `population_size * n_generations * epochs` epochs.

    Attributes:
        task: "digits" or "cifar10".
        population_size: Members.
        n_generations: Steps.
        epochs: Epochs of a step.
        learning_rate: Of AdamW.
        buffers: The policy for buffers of donated layers, see `PBTMember`.
    """

    task: str
    population_size: int
    n_generations: int
    epochs: int
    learning_rate: float = 3e-3
    buffers: Buffers = "perturb"

    def key(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


def search(
    images: Images,
    setting: Setting,
    method: str,
    seed: int,
    *,
    on_trial: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Run one search and return what is reported of it, in plain values.

    Args:
        images: The data.
        setting: How large it is.
        method: One of `METHODS`.
        seed: Of the search.
        on_trial: Called after each trial.
    """
    sampler = PBTNASSampler(
        setting.population_size,
        setting.n_generations,
        setting.epochs,
        variation=METHODS[method],
        seed=seed,
    )
    study = optuna.create_study(direction="minimize", sampler=sampler)
    device = images.train[0].device
    started = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        store = FileSystemArtifactStore(folder)

        def objective(trial: Trial) -> float:
            member = PBTMember(trial, store, layers_of(images), buffers=setting.buffers)
            params = suggest(trial, images)
            with member.seeded():
                network = CellNetwork(params, images).to(device)
            optimizer = torch.optim.AdamW(network.parameters(), lr=setting.learning_rate)
            member.restore(network, optimizer)
            train(network, optimizer, images, epochs=member.n_epochs, seed=member.seed)
            loss, accuracy = evaluate(network, images.validation)
            trial.set_user_attr("accuracy", accuracy)
            member.save(network, optimizer)
            return loss

        def build(params: dict[str, Any]) -> nn.Module:
            return CellNetwork(params, images).to(device)

        study.optimize(objective, callbacks=[lambda study, trial: on_trial()])
        winner = best_member(study)
        network = build(winner.params)
        network.load_state_dict(load_checkpoint(store, winner.trial).model)
        test_loss, test_accuracy = evaluate(network, images.test)
        soup = make_soup(study, store, build, lambda net: evaluate(net, images.validation)[0])
        soup_loss, soup_accuracy = evaluate(soup.model, images.test)
    return {
        "validation_loss": winner.trial.value,
        "validation_accuracy": winner.trial.user_attrs["accuracy"],
        "test_loss": test_loss,
        "test_accuracy": test_accuracy,
        "soup_test_loss": soup_loss,
        "soup_test_accuracy": soup_accuracy,
        "soup_members": len(soup.members),
        "soup_candidates": len(soup.candidates),
        "best_by_generation": _best_by_generation(study.trials, setting),
        "winner": winner.params,
        "seconds": time.process_time() - started,
    }


def _best_by_generation(trials: list[FrozenTrial], setting: Setting) -> list[float]:
    n = setting.population_size
    losses = [trial.value for trial in trials if trial.value is not None]
    return [min(losses[i : i + n]) for i in range(0, len(losses), n)]
