"""The options of a choice: what may be given as such, and which of them are the same.

Optuna's storages keep `None`, booleans, numbers and strings. It warns about anything else, but
takes it; a tuple comes back from a database as a list.
"""

from __future__ import annotations

import sys
from collections.abc import Hashable, Iterable, Sequence
from typing import TypeGuard

__all__ = ["Option", "choice_options", "given_options", "is_sequence", "option_key", "same_option"]

Option = None | bool | int | float | str


def given_options(options: Iterable[Option], what: str) -> tuple[Option, ...]:
    """Return what a caller gave as options.

    Args:
        options: A list, a tuple or the like.
        what: Whose they are, for the error.

    Raises:
        TypeError: It is one option by itself, of which a string would be read letter by letter.

    Example:
        >>> given_options("deep", "A condition on 'depth'")
        Traceback (most recent call last):
        ...
        TypeError: A condition on 'depth' takes a list of options, such as ['deep']; got 'deep'.
    """
    if isinstance(options, str | bytes) or not isinstance(options, Iterable):
        raise TypeError(f"{what} takes a list of options, such as [{options!r}]; got {options!r}.")
    return tuple(options)


def choice_options(name: str, options: Sequence[Option]) -> tuple[Option, ...]:
    """Return the options of a choice, in the order given.

    Args:
        name: The parameter's name, for the errors.
        options: At least one, all distinct.

    Raises:
        TypeError: `options` is one value by itself, or a set.
        ValueError: No options, or some that Optuna cannot tell apart or not compare.

    Example:
        >>> choice_options("kernel", [3, 5])
        (3, 5)
    """
    if isinstance(options, set | frozenset):
        raise TypeError(
            f"Variable {name!r} has a set of options, whose order may differ in the next process; "
            "give a list."
        )
    options = given_options(options, f"Variable {name!r}")
    if len(options) == 0:
        raise ValueError(f"Variable {name!r} needs at least one option, got none.")
    if any(isinstance(option, int) and abs(option) > sys.float_info.max for option in options):
        raise ValueError(
            f"Variable {name!r} has an option beyond the floats, which Optuna cannot compare; "
            "give its name or its exponent."
        )
    if not _all_different(options):
        raise ValueError(
            f"Variable {name!r} has options that compare equal: {list(options)}. "
            "Give each option once; Python counts True and 1 as the same value."
        )
    return options


def option_key(option: object) -> Hashable:
    """Return what stands for an option in a dict, where a list cannot be a key.

    Equal options have equal keys. So have a list and a tuple of the same: a search on a database
    is to do as one in memory.

    Example:
        >>> option_key(["conv", [3, 3]]), option_key("conv")
        (('conv', (3, 3)), 'conv')
    """
    if is_sequence(option):
        return tuple(map(option_key, option))
    return option if isinstance(option, Hashable) else repr(option)


def is_sequence(option: object) -> TypeGuard[list[object] | tuple[object, ...]]:
    """Return whether an option is a list or a tuple, which a database does not tell apart."""
    return isinstance(option, list | tuple)


def same_option(option: object, value: object) -> bool:
    """Return whether `value` means this option.

    Example:
        >>> same_option(1, 1.0), same_option(1, True), same_option(float("nan"), float("nan"))
        (True, False, True)
        >>> same_option((3, 3), [3, 3])  # what a database makes of a tuple
        True
    """
    if is_sequence(option) and is_sequence(value):
        return len(option) == len(value) and all(map(same_option, option, value))
    if isinstance(option, bool) != isinstance(value, bool):
        return False  # 1 == True and 1 == 1.0: the second is meant, the first is not.
    # NaN is the one value that does not equal itself; as an option it is itself.
    return bool(option == value) or (option != option and value != value)


def _all_different(options: Sequence[Option]) -> bool:
    if sum(option != option for option in options) > 1:
        return False
    try:
        return len(set(options)) == len(options)
    except TypeError:  # a list among them
        return not any(a == b for i, a in enumerate(options) for b in options[:i])
