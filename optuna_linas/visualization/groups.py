"""Studies that are compared: one, several by name, or groups that differ only in the seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from optuna.study import Study

from optuna_linas.given import check_given

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
    check_given(
        studies, Mapping, "a study, or a dict from label to a study or to studies (one per seed)"
    )
    groups = {}
    for label, members in studies.items():
        where = f"under {label!r} a study or a list of studies"
        check_given(members, (Study, Sequence), where)
        groups[label] = [members] if isinstance(members, Study) else list(members)
        for member in groups[label]:
            check_given(member, Study, where)
        if not groups[label]:
            raise ValueError(f"There is no study under {label!r}.")
    return groups
