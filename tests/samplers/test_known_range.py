from collections.abc import Iterable

import numpy as np

from optuna_linas.arrays import IntArray
from optuna_linas.samplers.known_range import KnownRange

Interval = tuple[int, int]
Trial = tuple[dict[int, int], Interval]


def within(first: int, last: int) -> IntArray:
    """What each of nine options becomes in a range."""
    return np.clip(np.arange(9), first, last)


def known(trials: Iterable[Trial]) -> KnownRange:
    found = KnownRange(9)
    for others, interval in trials:
        found = found.knowing(others, within(*interval), fixed={0, 1}, n_variables=3)
    return found


def clip(of: KnownRange, *rows: list[int]) -> list[int]:
    return of.moved(np.array(rows), 2).tolist()


def upper(first: int, second: int) -> Trial:
    """The second of two variables decides."""
    return {0: first, 1: second}, (0, second)


SEEN = [upper(0, 4), upper(1, 2), upper(0, 2), upper(1, 4), upper(0, 6)]


def test_one_variable_decides() -> None:
    found = known(SEEN)
    assert found.parent == 1
    # With values of the first that were never seen; with an option of the second that was not, all.
    rows = [[7, 4, 8], [7, 2, 8], [7, 6, 3], [7, 5, 8], [7, 8, 8]]
    assert clip(found, *rows) == [4, 2, 3, 8, 8]


def test_without_agreement_the_range_is_known_for_the_same_others() -> None:
    found = known(SEEN[:2])  # either of the two might decide, or none
    assert found.parent is None
    assert clip(found, [0, 4, 8], [1, 2, 8], [1, 4, 8]) == [4, 2, 8]


def test_two_variables_decide_together() -> None:
    trials: list[Trial] = [
        ({0: a, 1: b}, (0, a + b)) for a, b in ((0, 4), (1, 2), (0, 2), (1, 4), (0, 4), (2, 2))
    ]
    found = known(trials)
    assert found.parent is None
    assert clip(found, [1, 4, 8], [2, 2, 8], [2, 3, 8]) == [5, 4, 8]


def test_where_the_code_has_changed_what_it_was_is_forgotten() -> None:
    """Up to n, then up to 2 n: nothing explains that but another code."""
    before: list[Trial] = [({0: n}, (0, n)) for n in (1, 2, 1, 3, 2, 4)]
    found = known([*before, ({0: 2}, (0, 4))])
    assert clip(found, [1, 0, 8], [2, 0, 8], [3, 0, 8]) == [8, 4, 8]


def test_trials_that_do_not_agree_tell_nothing() -> None:
    """The second of two explains it, but varies itself."""
    found = KnownRange(9)
    for second in (3, 5, 3):
        found = found.knowing({0: 1, 1: second}, within(0, second), fixed={0}, n_variables=3)
    assert found.parent is None
    assert clip(found, [1, 0, 8]) == [8]


def test_steps_are_kept() -> None:
    found = KnownRange(9).knowing({0: 1}, np.arange(9) // 2 * 2, fixed={0}, n_variables=3)
    assert clip(found, [1, 0, 8], [1, 0, 5]) == [8, 4]


def test_others_whose_ranges_vary_are_no_part_of_what_is_the_same() -> None:
    found = KnownRange(9).knowing({0: 1, 1: 5}, within(0, 3), fixed={0}, n_variables=3)
    assert clip(found, [1, 5, 8], [1, 2, 8], [2, 5, 8]) == [3, 3, 8]


def test_a_variable_that_is_not_always_there_does_not_decide() -> None:
    trials = [*SEEN, ({0: 0}, (0, 1))]
    assert known(trials).parent is None


def test_the_same_range_everywhere_is_decided_by_nothing() -> None:
    assert known([({0: a, 1: 0}, (0, 3)) for a in (0, 1, 0, 1, 0)]).parent is None


def test_lower_ends_count_as_well() -> None:
    found = known([({0: a, 1: 0}, (a, a + 2)) for a in (0, 3, 0, 3, 5)])
    assert found.parent == 0
    assert clip(found, [3, 0, 0], [3, 0, 8], [5, 0, 6]) == [3, 5, 6]


def test_one_row_is_moved_as_many_are() -> None:
    found = known(SEEN)
    rows = [[7, second, option] for second in range(9) for option in range(9)]
    assert clip(found, *rows) == [moved for row in rows for moved in clip(found, row)]


def test_what_knows_of_one_more_of_the_same_trials_is_another() -> None:
    before, after = known([SEEN[0], *SEEN[:2]]), known([SEEN[0], *SEEN[:2], SEEN[1]])
    assert (before.parent, after.parent) == (None, 0)
    assert before != after
    assert before == known([SEEN[0], *SEEN[:2]])
