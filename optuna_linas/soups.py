"""Model soups of a population's members, see `optuna_linas.pbt.soup`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from optuna import logging as optuna_logging
from optuna.study import Study, StudyDirection
from torch import Tensor, nn

from optuna_linas.checkpoints import load_checkpoint
from optuna_linas.errors import CheckpointError
from optuna_linas.goals import Goals
from optuna_linas.lineage import Member, rank, read_lineage
from optuna_linas.pbt.checkpoint import Checkpoint
from optuna_linas.pbt.soup import greedy_soup

if TYPE_CHECKING:
    from optuna.artifacts._protocol import ArtifactStore

__all__ = ["Soup", "make_soup"]

_logger = optuna_logging.get_logger("optuna.linas")


@dataclass(frozen=True)
class Soup:
    """An average of members.

    Attributes:
        model: The network, with the averaged weights.
        score: Its score.
        members: Whose weights are in it, the best member first.
        candidates: The members that share the architecture, the best first.
        best_score: What `evaluate` says of the best member alone.
    """

    model: nn.Module
    score: float
    members: tuple[Member, ...]
    candidates: tuple[Member, ...]
    best_score: float


def make_soup(
    study: Study,
    store: ArtifactStore,
    build: Callable[[dict[str, Any]], nn.Module],
    evaluate: Callable[[nn.Module], float],
    *,
    module: str = "",
) -> Soup:
    """Average the members that share the best member's architecture, greedily.

    Starts with the best member and adds the others, best first, wherever the average's score does
    not become worse.

    Args:
        study: The population's study; its first objective says whether the score is maximised.
        store: Where the checkpoints are.
        build: Returns a network with a member's parameters, as in the objective.
        evaluate: Returns a network's score; it may change the network, for instance re-calibrate
            its batch norms.
        module: Average this sub-module alone, among the members that agree on the variables whose
            layers lie in it; the rest is the best member's.

    Returns:
        The network with the averaged weights, its score, and whose weights are in it.

    Raises:
        CheckpointError: The best member's checkpoint is missing or damaged. Another's is left out,
            with a warning.
        ValueError: The study has no population, no member has a score, or the network has no such
            module.

    Example:
        >>> import optuna, tempfile, torch
        >>> from optuna.artifacts import FileSystemArtifactStore
        >>> from optuna_linas import PBTMember, PBTNASSampler
        >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
        >>> folder = tempfile.TemporaryDirectory()
        >>> store = FileSystemArtifactStore(folder.name)
        >>> def build(params):
        ...     return nn.Linear(2, 1, bias=params["bias"])
        >>> def loss(network):
        ...     return network(torch.ones(1, 2)).square().sum().item()
        >>> def objective(trial):
        ...     member = PBTMember(trial, store, layers={"bias": ""})
        ...     bias = trial.suggest_categorical("bias", [True, False])
        ...     with member.seeded():
        ...         network = build({"bias": bias})
        ...     _ = member.restore(network)
        ...     member.save(network)
        ...     return loss(network)
        >>> study = optuna.create_study(sampler=PBTNASSampler(4, 1, 1, seed=0))
        >>> study.optimize(objective)
        >>> soup = make_soup(study, store, build, loss)
        >>> soup.score <= soup.best_score
        True
        >>> folder.cleanup()
    """
    lineage = read_lineage(study)
    living = lineage.living()
    order = rank([m.trial for m in living], Goals(study.directions, lineage.plan.objectives))
    if len(order) == 0:
        raise ValueError("No member of the population has a score yet.")
    ranked = [living[i] for i in order]
    best = load_checkpoint(store, ranked[0].trial)
    if module and not any(name.startswith(f"{module}.") for name in best.model):
        raise ValueError(f"The best member's network has no weights under {module!r}.")
    shared = _shared(ranked[0], best, module, set(lineage.plan.hyperparameters))
    candidates, states = [ranked[0]], [best.model]
    for member in ranked[1:]:
        if any(member.params.get(name, _ABSENT) != value for name, value in shared.items()):
            continue
        if not module and member.params.keys() - lineage.plan.hyperparameters != shared.keys():
            continue
        try:
            state = load_checkpoint(store, member.trial).model
        except CheckpointError as error:
            _logger.warning(f"Left out of the soup: {error}")
            continue
        if _is_like(state, best.model, module):
            candidates.append(member)
            states.append(_with_rest(state, best.model, module))
    sign = -1.0 if study.directions[0] == StudyDirection.MAXIMIZE else 1.0

    def loss(state: Mapping[str, Any]) -> float:
        return sign * float(evaluate(_loaded(build, ranked[0], state)))

    soup, used, found = greedy_soup(states, loss, module)
    return Soup(
        model=_loaded(build, ranked[0], soup),
        score=sign * found,
        members=tuple(candidates[i] for i in used),
        candidates=tuple(candidates),
        best_score=sign * loss(states[0]) if len(used) > 1 else sign * found,
    )


_ABSENT = object()


def _shared(
    best: Member, checkpoint: Checkpoint, module: str, hyperparameters: set[str]
) -> dict[str, Any]:
    """The parameters that a member must share with the best one."""
    names = best.params.keys() - hyperparameters
    if module:
        paths = checkpoint.layers
        names = {
            name
            for name in names
            if any(f"{path}.".startswith(f"{module}.") for path in paths.get(name, ()))
        }
    return {name: best.params[name] for name in names}


def _is_like(state: Mapping[str, Any], best: Mapping[str, Any], module: str) -> bool:
    """Whether the tensors (under the module) have the same names and shapes."""
    return _shapes(state, module) == _shapes(best, module)


def _shapes(state: Mapping[str, Any], module: str) -> dict[str, Any]:
    return {
        name: tuple(tensor.shape)
        for name, tensor in state.items()
        if isinstance(tensor, Tensor) and (not module or name.startswith(f"{module}."))
    }


def _with_rest(state: Mapping[str, Any], best: Mapping[str, Any], module: str) -> dict[str, Any]:
    return {
        name: state[name] if not module or name.startswith(f"{module}.") else value
        for name, value in best.items()
    }


def _loaded(
    build: Callable[[dict[str, Any]], nn.Module], member: Member, state: Mapping[str, Any]
) -> nn.Module:
    model = build(member.params)
    model.load_state_dict(dict(state))
    return model.eval()
