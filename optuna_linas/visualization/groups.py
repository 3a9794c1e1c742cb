"""Studies that are compared: one, several by name, or groups that differ only in the seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from optuna.study import Study

__all__ = ["Groups", "groups_of"]

Groups = Study | Mapping[str, Study | Sequence[Study]]
"""A study, or label to a study or to several that differ only in the seed."""


def groups_of(studies: Groups) -> dict[str, list[Study]]:
    """Return the studies of each label; a single study has its name as the label.

    Raises:
        TypeError: Something else than studies.
        ValueError: Nothing under a label.
    """
    if isinstance(studies, Study):
        return {studies.study_name: [studies]}
    if not isinstance(studies, Mapping):
        raise TypeError(
            "Give a study, or a dict from label to a study or to a list of studies (one per "
            f"seed); got {type(studies).__name__}."
        )
    groups = {
        label: [members] if isinstance(members, Study) else list(members)
        for label, members in studies.items()
    }
    for label, members in groups.items():
        if not members:
            raise ValueError(f"There is no study under {label!r}.")
        for member in members:
            if not isinstance(member, Study):
                raise TypeError(f"{member!r}, under {label!r}, is not a study.")
    return groups
