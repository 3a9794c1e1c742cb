"""Searches that could not differ: variants whose rows compare nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.searches import Search

__all__ = ["alike", "alike_in_words"]


def alike(
    searches: Mapping[str, Mapping[int, Search]], lengths: Mapping[str, int]
) -> list[list[str]]:
    """Return the names whose searches measured the same, in the same order, with every seed.

    Args:
        searches: Name to seed to search.
        lengths: Name to the evaluations that count.
    """
    groups: dict[tuple[tuple[int, bytes], ...], list[str]] = {}
    for name, runs in searches.items():
        measured = tuple((s, runs[s].values[: lengths[name]].tobytes()) for s in sorted(runs))
        groups.setdefault(measured, []).append(name)
    return [names for names in groups.values() if len(names) > 1]


def alike_in_words(problem: str, names: Sequence[str]) -> str:
    """Say that rows of a problem are the same search, and what that may come from."""
    return (
        f"{problem}: {'; '.join(names)} measured the same networks in the same order: these rows "
        "compare nothing. What a variant changes acts after its start only: 50 trials of LINAS as "
        "published (of the study 'population', as many as it says), 12 or 15 of ours. Give more "
        "--evaluations than that."
    )
