"""The weights of PBT-NAS in an objective: restored before training, saved after it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import optuna
import torch
from optuna import logging as optuna_logging
from optuna.trial import Trial
from torch import nn
from torch.optim import Optimizer

from optuna_linas.assignment import FAILURE_KEY, REFUSAL_KEY, Assignment
from optuna_linas.checkpoints import collect_checkpoints, load_checkpoint, store_checkpoint
from optuna_linas.errors import CheckpointError
from optuna_linas.pbt.checkpoint import Checkpoint
from optuna_linas.pbt.optimizer_state import load_by_name, state_by_name
from optuna_linas.pbt.weights import (
    BUFFER_POLICIES,
    MISMATCH_POLICIES,
    Buffers,
    Mismatch,
    Mixture,
    Origin,
    mix_copy,
    mix_weights,
    origin_of,
)

if TYPE_CHECKING:
    from optuna.artifacts._protocol import ArtifactStore

__all__ = ["PBTMember"]

_logger = optuna_logging.get_logger("optuna.linas")

Optimizers = Optimizer | Mapping[str, Optimizer] | None
Layers = Mapping[str, str | Sequence[str]]


class LostMember(CheckpointError, optuna.TrialPruned):
    """A checkpoint cannot be read: costs this member its step, and `study.optimize` goes on."""


class PBTMember:
    """The member of the population that a trial trains, in an objective with `PBTNASSampler`.

    A member that is new starts with the weights that the model has. One that survived goes on with
    its own. A child has the weights of the better parent, and of the worse one in the layers of the
    variables that it took from there (`trial.user_attrs["pbt_donated"]`), shrunk and with the newly
    built model's weights, scaled down, as noise.

    Args:
        trial: The trial, as the objective gets it.
        store: Where checkpoints go: any of Optuna's artifact stores, the same for all workers.
        layers: For each variable the exact path of its module in the model (as in
            `model.named_modules()`), or several. A variable that is not named is architecture only:
            a child takes its value and no weights. Of nested paths the longest that fits decides.
        buffers: What becomes of floating-point buffers (batch-norm statistics, spectral-norm
            vectors) of donated layers: "perturb" them as the weights, as published, "copy" the
            donor's, or "reset" them to the new model's.
        mismatch: What to do where a tensor's shape differs from the parent's, or the parent has no
            such tensor: raise an "error", "crop" it to the common part and pad with the new model's
            values, or leave it "fresh".

    Attributes:
        n_epochs: Epochs of this step.
        seed: Fixed by the sampler's seed, the generation and the slot: everything that the
            objective draws should come from it, the new model's weights included (see `seeded`).
        generation, slot: The step and the member's place.
        is_new: Whether it starts without a parent.

    Raises:
        optuna.TrialPruned: The trial has no slot.
        ValueError: The trial's study has no `PBTNASSampler`, or a policy is unknown.

    Example:
        >>> import tempfile, torch
        >>> from optuna.artifacts import FileSystemArtifactStore
        >>> from optuna_linas import PBTNASSampler, best_member
        >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
        >>> folder = tempfile.TemporaryDirectory()
        >>> store = FileSystemArtifactStore(folder.name)
        >>> def objective(trial):
        ...     member = PBTMember(trial, store, layers={"bias": "0"})
        ...     with member.seeded():
        ...         bias = trial.suggest_categorical("bias", [True, False])
        ...         model = torch.nn.Sequential(torch.nn.Linear(2, 1, bias=bias))
        ...     optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        ...     _ = member.restore(model, optimizer)
        ...     loss = model(torch.ones(1, 2)).square().sum()
        ...     loss.backward(), optimizer.step(), member.save(model, optimizer)
        ...     return loss.item()
        >>> study = optuna.create_study(sampler=PBTNASSampler(4, 3, 1, seed=0))
        >>> study.optimize(objective)
        >>> best_member(study).generation
        2
        >>> folder.cleanup()
    """

    def __init__(
        self,
        trial: Trial,
        store: ArtifactStore,
        layers: Layers | None = None,
        *,
        buffers: Buffers = "perturb",
        mismatch: Mismatch = "error",
    ) -> None:
        if buffers not in BUFFER_POLICIES:
            raise ValueError(f"buffers is one of {BUFFER_POLICIES}, got {buffers!r}.")
        if mismatch not in MISMATCH_POLICIES:
            raise ValueError(f"mismatch is one of {MISMATCH_POLICIES}, got {mismatch!r}.")
        if not isinstance(trial, Trial):
            raise TypeError(
                "PBTMember needs the trial that the objective gets from a study with a "
                f"PBTNASSampler, got {type(trial).__name__}."
            )
        self._trial, self._store = trial, store
        self._layers = {
            name: [paths] if isinstance(paths, str) else list(paths)
            for name, paths in (layers or {}).items()
        }
        self._buffers, self._mismatch = buffers, mismatch
        frozen = trial.study._storage.get_trial(trial._trial_id)
        own = Assignment.of(frozen)
        if own is None and REFUSAL_KEY in frozen.system_attrs:
            raise optuna.TrialPruned(frozen.system_attrs[REFUSAL_KEY])
        if own is None:
            raise ValueError(
                f"Trial {trial.number} has no place in a population. Create the study with "
                "sampler=PBTNASSampler(...), or pass it to load_study: samplers are not stored."
            )
        self._own = own
        self._known: set[str] | None = None

    @property
    def generation(self) -> int:
        """The step, counted from 0."""
        return self._own.generation

    @property
    def slot(self) -> int:
        """The member's place in the population."""
        return self._own.slot

    @property
    def n_epochs(self) -> int:
        """Epochs of this step."""
        return self._own.n_epochs

    @property
    def seed(self) -> int:
        """A seed that no other step of no other member has."""
        return self._own.seed

    @property
    def is_new(self) -> bool:
        """Whether it starts without a parent."""
        return self._own.base is None

    @contextmanager
    def seeded(self) -> Iterator[None]:
        """Return a context in which `seed` seeds torch's generators; they are put back after it.

        Build the model inside: its weights are a new member's start and a child's noise.
        """
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            yield

    def restore(self, model: nn.Module, optimizer: Optimizers = None) -> dict[str, Any]:
        """Load the weights that the member starts with, and return the `extra` saved with them.

        Call it after everything has been suggested. Optimiser moments go by parameter name: what
        comes from the base keeps them, donated and new layers start without. The optimiser's
        options (learning rate, ...) stay as they are.

        Args:
            model: The newly built model; several networks go into one `nn.ModuleDict`.
            optimizer: Its optimiser, new, or several by name.

        Returns:
            What `save` got as `extra`, from the base; state dicts for modules, in which donated
            layers are copied from the donor. Empty for a new member.

        Raises:
            CheckpointError: A parent's checkpoint is missing or damaged. Within `study.optimize`
                this prunes the trial and the search goes on.
            ValueError: A path in `layers` is no module of the model, or a tensor does not fit.
        """
        self._known = set(self._trial.params)
        self._check_paths(model)
        if self._own.base is None:
            return {}
        base, donor = self._parents()
        mixture = self._mixture()
        weights = mix_weights(
            model.state_dict(),
            base.model,
            None if donor is None else donor.model,
            mixture,
            buffers={name for name, _ in model.named_buffers()},
        )
        model.load_state_dict(weights)
        for name, each in _by_name(optimizer).items():
            load_by_name(
                each,
                model,
                base.optimizers.get(name, {}),
                keep=lambda parameter: origin_of(parameter, mixture) == "base",
            )
        extra = dict(base.extra)
        for name, copied in base.copies.items():
            other = copied if donor is None else donor.copies.get(name, copied)
            is_part = name in dict(model.named_modules())
            extra[name] = mix_copy(weights, copied, other, mixture, part=name if is_part else "")
        return extra

    def save(
        self,
        model: nn.Module,
        optimizer: Optimizers = None,
        extra: Mapping[str, Any] | None = None,
    ) -> str:
        """Store what the member is now, and return the checkpoint's artifact id.

        Call it once the score is known, before the objective returns: a member without a checkpoint
        cannot be a parent. Checkpoints that nobody needs any more are removed.

        Args:
            model: The trained model.
            optimizer: Its optimiser, or several by name, as in `restore`.
            extra: Anything else that goes on with the member: tensors, plain values, nested lists
                and dicts of them, and modules. A module stands for a copy of the model (an average
                of its weights), or, if its name is the path of a module of the model, of that one
                (a target network): a child's is put together as its weights are, unperturbed.

        Raises:
            TypeError: `extra` holds something that cannot be read back without running code.
            ValueError: A variable with layers was suggested only after `restore`, which could not
                load its weights.
        """
        late = self._layers.keys() & self._trial.params.keys() - (self._known or set())
        if self._known is not None and late:
            raise ValueError(
                f"{sorted(late)} was suggested after restore(), so its layers did not get the "
                "weights that belong to it. Suggest everything first."
            )
        extra = extra or {}
        copies = {
            name: dict(value.state_dict())
            for name, value in extra.items()
            if isinstance(value, nn.Module)
        }
        checkpoint = Checkpoint(
            model=dict(model.state_dict()),
            optimizers={
                name: state_by_name(each, model) for name, each in _by_name(optimizer).items()
            },
            copies=copies,
            extra={name: value for name, value in extra.items() if name not in copies},
            layers=self._layers,
        )
        artifact_id = store_checkpoint(self._trial, self._store, checkpoint)
        # What is older has been removed by those who trained the last two generations.
        since = self.generation - 2
        collect_checkpoints(self._trial.study, self._store, since=since)
        return artifact_id

    def _parents(self) -> tuple[Checkpoint, Checkpoint | None]:
        trials = self._trial.study._storage.get_all_trials(
            self._trial.study._study_id, deepcopy=False
        )
        try:
            assert self._own.base is not None
            base = load_checkpoint(self._store, trials[self._own.base])
            if self._own.donor is None or self._own.donor == self._own.base:
                return base, None if self._own.donor is None else base
            return base, load_checkpoint(self._store, trials[self._own.donor])
        except CheckpointError as error:
            self._trial.study._storage.set_trial_system_attr(
                self._trial._trial_id, FAILURE_KEY, "lost"
            )
            message = (
                f"Slot {self.slot} of generation {self.generation} (trial {self._trial.number}) "
                f"cannot go on: {error}"
            )
            _logger.error(message)
            raise LostMember(message) from error

    def _mixture(self) -> Mixture:
        own, params = self._own, self._trial.params
        origins: dict[str, Origin] = {}
        for name, paths in self._layers.items():
            if name not in params:
                continue
            if name in own.params and own.params[name] != params[name]:
                raise ValueError(
                    f"The member's {name!r} is {own.params[name]!r}, but the trial has "
                    f"{params[name]!r}: another range than before, or a fixed value? The weights "
                    "of one cannot be those of the other."
                )
            origin: Origin = "base"
            if name in own.donated:
                origin = "donor"
            elif name in own.fresh or name not in own.params:
                origin = "fresh"
            for path in paths:
                # Of two variables with the same module, the one that brings something decides.
                if origin != "base" or path not in origins:
                    origins[path] = origin
        return Mixture(
            origins,
            shrink=own.shrink,
            perturb=own.perturb,
            buffers=self._buffers,
            mismatch=self._mismatch,
        )

    def _check_paths(self, model: nn.Module) -> None:
        known = {name for name, _ in model.named_modules()}
        known |= {name for name, _ in model.named_parameters()}
        for name, paths in self._layers.items():
            if name not in self._trial.params:
                continue  # inactive here
            for path in paths:
                if path not in known:
                    near = difflib.get_close_matches(path, known, n=3)
                    hint = f"; near it are {near}" if near else ""
                    raise ValueError(
                        f"layers[{name!r}] is {path!r}, which is no module of the model{hint}. "
                        "Paths are those of model.named_modules()."
                    )


def _by_name(optimizer: Optimizers) -> dict[str, Optimizer]:
    if optimizer is None:
        return {}
    return dict(optimizer) if isinstance(optimizer, Mapping) else {"": optimizer}
