"""The seed of a search: given, or drawn once and kept with the study."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
from optuna.storages import BaseStorage
from optuna.study import Study

__all__ = ["StudySeed"]


class StudySeed:
    """The seed that a sampler uses in a study.

    Args:
        key: Prefix of the study's attribute.
        seed: The seed, or `None` for one that is drawn once per study and stored with it.
    """

    def __init__(self, key: str, seed: int | None) -> None:
        self._key, self._seed = f"{key}:seed", seed
        self._known: weakref.WeakKeyDictionary[BaseStorage, dict[int, int]] = (
            weakref.WeakKeyDictionary()
        )

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what was read: it is read again."""
        return {"_key": self._key, "_seed": self._seed}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _known=weakref.WeakKeyDictionary())

    def of(self, study: Study) -> int:
        """Return the seed."""
        if self._seed is not None:
            return self._seed
        seeds = self._known.setdefault(study._storage, {})
        if study._study_id not in seeds:
            storage = study._storage
            if self._key not in storage.get_study_system_attrs(study._study_id):
                drawn = int(np.random.default_rng().integers(2**31))
                storage.set_study_system_attr(study._study_id, self._key, drawn)
            attrs = storage.get_study_system_attrs(study._study_id)
            seeds[study._study_id] = int(attrs[self._key])
        return seeds[study._study_id]
