"""What a search in a super-network was made of, kept with its study for `export`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optuna_linas.cli.failures import WrongUse

if TYPE_CHECKING:
    from optuna.study import Study

__all__ = ["Recipe"]

_ATTRIBUTE = "recipe"


@dataclass(frozen=True)
class Recipe:
    """A super-network, its data, its weights.

    Attributes:
        supernet: A name, or FILE.py:NAME.
        sizes: The super-network's arguments.
        data: A name, or FILE.py:NAME.
        weights: The file of its weights.
        epochs: How long it was trained.
        seed: With which seed.
    """

    supernet: str
    sizes: Mapping[str, Any] = field(default_factory=dict)
    data: str | None = None
    weights: str | None = None
    epochs: int | None = None
    seed: int = 0

    def keep_with(self, study: Study) -> None:
        """Write it to the study.

        Raises:
            WrongUse: The study searched another super-network.
        """
        before = Recipe.of(study)
        if before is None:
            study.set_user_attr(_ATTRIBUTE, asdict(self))
            return
        for name in ("supernet", "sizes", "data"):
            if getattr(before, name) != getattr(self, name):
                raise WrongUse(
                    f"The study {study.study_name!r} is a search with {name} "
                    f"{getattr(before, name)!r}, this one has {getattr(self, name)!r}. Name "
                    "another --study."
                )

    @staticmethod
    def of(study: Study) -> Recipe | None:
        """Read a study's; `None` if it is no search of this program in a super-network."""
        found = study.user_attrs.get(_ATTRIBUTE)
        # Somebody else may call an attribute so.
        return Recipe(**found) if isinstance(found, Mapping) and "supernet" in found else None

    def weights_path(self) -> Path:
        """Return the file of the weights.

        Raises:
            WrongUse: The study does not say.
        """
        if self.weights is None:
            raise WrongUse("The study does not say where the weights are: give --weights FILE.")
        return Path(self.weights)
