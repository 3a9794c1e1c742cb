"""Studies that are compared: one, several by name, or groups that differ only in the seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from optuna.study import Study

from optuna_linas.given import check_given

__all__ = ["Groups", "groups_of"]

Groups = Study | Mapping[str, Study | Sequence[Study]]
"""A study, or label to a study or to several that differ only in the seed."""

_DRAWN = "no-name-"
_DRAWN_LENGTH = len(_DRAWN) + 8


def groups_of(studies: Groups) -> dict[str, list[Study]]:
    """Return the studies of each label; a single study has its name as the label.

    A name that Optuna has drawn is cut: it is long, and says nothing.

    Raises:
        TypeError: Something else than studies.
        ValueError: Nothing under a label.
    """
    if isinstance(studies, Study):
        name = studies.study_name
        return {name[:_DRAWN_LENGTH] if name.startswith(_DRAWN) else name: [studies]}
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
