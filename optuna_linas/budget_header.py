"""What a generator's file says of itself, checked before it is used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from optuna_linas.errors import SpaceMismatchError
from optuna_linas.nag.files import read_header
from optuna_linas.space import SearchSpace
from optuna_linas.space_json import space_to_json
from optuna_linas.stored_json import explained, string, whole_number

__all__ = ["check_same_space", "checked_header"]


def checked_header(path: Path) -> dict[str, Any]:
    """Return the header of a file that `BudgetGenerator.save` has written.

    Raises:
        FileNotFoundError: No such file.
        ValueError: Something else, or damaged.
    """
    header = read_header(path)
    with explained(str(path)):
        for name in ("seed", "n_used"):
            whole_number(header[name])
        for name in ("value_name", "cost_name"):
            string(header[name])
        if len(header["signs"]) != 2 or any(sign not in (-1.0, 1.0) for sign in header["signs"]):
            raise ValueError(f"signs are {str(header['signs'])[:40]}")
        header["n_left_out"] = {
            string(reason): whole_number(n) for reason, n in header["n_left_out"].items()
        }
        if not isinstance(header["space"], list):
            raise TypeError("it has no space")
        if not isinstance(header["known"], dict):
            raise TypeError("it does not say what is known of the space")
    return header


def check_same_space(path: Path, saved: SearchSpace, wanted: SearchSpace) -> None:
    """Raise if a file's space is another than that it will be used in; in any order of variables.

    Raises:
        SpaceMismatchError: It is.
    """
    only_saved = [name for name in saved.names if name not in wanted]
    only_wanted = [name for name in wanted.names if name not in saved]
    told, given = (
        # As JSON has them: a database makes lists of tuples.
        {each["name"]: json.dumps(each) for each in space_to_json(space)}
        for space in (saved, wanted)
    )
    differ = [name for name in told if name in given and told[name] != given[name]]
    parts = [
        f"{what} {names[:5]}{' and others' if len(names) > 5 else ''}"
        for what, names in (
            ("only the file has", only_saved),
            ("only the given space has", only_wanted),
            ("they differ in", differ),
        )
        if names
    ]
    if parts:
        raise SpaceMismatchError(
            f"{path} was saved by a generator of another space: {'; '.join(parts)}. Load it with "
            "the space of its study, or fit a generator on a study of this space."
        )
