"""Who liked what: the data of a recommender, read from MovieLens' files or generated.

The protocol of He et al. 2017, section 4.1: every rating is a liking; each user's last one is held
out, and is to be found among 99 items that the user has not touched (HR@10).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from optuna_linas.arrays import IntArray
from optuna_linas.errors import EmptyDataError

__all__ = ["ImplicitBatches", "Interactions", "low_rank_interactions", "read_movielens"]

N_NEGATIVES = 99
"""Items that the held-out one is ranked among."""

_FORMATS = {"ratings.dat": "::", "u.data": "\t", "ratings.csv": ","}


@dataclass(frozen=True)
class Interactions:
    """Likings for training, and lists to rank.

    Attributes:
        n_users: How many users.
        n_items: How many items.
        train: Users and the items that they liked, `int[n, 2]`.
        candidates: For each user with at least two likings, the held-out item and then 99 others,
            as pairs, `int[n_ranked, 100, 2]`.

    Example:
        >>> data = low_rank_interactions(10, 150, np.random.default_rng(0))
        >>> lists, right = data.ranking_batches(batch_size=4)[0]
        >>> lists.shape
        torch.Size([4, 100, 2])
    """

    n_users: int
    n_items: int
    train: IntArray
    candidates: IntArray

    def ranking_batches(self, batch_size: int = 256) -> list[tuple[Tensor, Tensor]]:
        """Return batches of lists, `int[batch, 100, 2]`, and the place of the right item, 0."""
        starts = range(0, len(self.candidates), batch_size)
        lists = [torch.from_numpy(self.candidates[at : at + batch_size]) for at in starts]
        return [(x, torch.zeros(len(x), dtype=torch.int64)) for x in lists]


class ImplicitBatches:
    """Training batches: likings, and for each a few items that the user did not like.

    Each pass draws other items from `generator`, and shuffles.

    Args:
        data: The likings.
        batch_size: Likings in a batch; with the others there are `1 + n_negatives` times as many.
        generator: Where the random numbers come from. A training's checkpoint keeps its state.
        n_negatives: Items per liking.

    Raises:
        EmptyDataError: There is no liking.

    Example:
        >>> data = low_rank_interactions(30, 120, np.random.default_rng(0))
        >>> x, liked = next(iter(ImplicitBatches(data, 8, torch.Generator())))
        >>> x.shape, liked.sum()
        (torch.Size([40, 2]), tensor(8.))
    """

    def __init__(
        self,
        data: Interactions,
        batch_size: int,
        generator: torch.Generator,
        *,
        n_negatives: int = 4,
    ) -> None:
        if len(data.train) == 0:
            raise EmptyDataError("There is no liking to train on.")
        self.data = data
        self.batch_size = batch_size
        self.generator = generator
        self.n_negatives = n_negatives
        self._likings = torch.from_numpy(data.train)
        self._liked = torch.zeros(data.n_users, data.n_items, dtype=torch.bool)
        self._liked[self._likings[:, 0], self._likings[:, 1]] = True

    def __len__(self) -> int:
        return -(-len(self._likings) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        order = torch.randperm(len(self._likings), generator=self.generator)
        for at in range(0, len(order), self.batch_size):
            positive = self._likings[order[at : at + self.batch_size]]
            users = positive[:, 0].repeat_interleave(self.n_negatives)
            negative = torch.stack([users, self._draw(users)], dim=1)
            liked = torch.cat([torch.ones(len(positive)), torch.zeros(len(negative))])
            yield torch.cat([positive, negative]), liked

    def _draw(self, users: Tensor) -> Tensor:
        """Draw items that the users did not like; a user who likes nearly all may get a liked one.

        Bounded: eight draws find one for all but the greediest.
        """
        items = torch.randint(self.data.n_items, users.shape, generator=self.generator)
        for _ in range(8):
            wrong = self._liked[users, items]
            if not wrong.any():
                break
            again = torch.randint(self.data.n_items, users.shape, generator=self.generator)
            items = torch.where(wrong, again, items)
        return items


def read_movielens(folder: str | Path, *, seed: int = 0) -> Interactions:
    """Return MovieLens from a folder of yours, as it is unpacked from its archive.

    Args:
        folder: Holds `ratings.dat` (MovieLens 1M, 10M), `u.data` (100K) or `ratings.csv` (20M and
            later).
        seed: Draws the items that the held-out ones are ranked among.

    Raises:
        EmptyDataError: The file has no rating.
        FileNotFoundError: The folder has none of the files.
        ValueError: A line is not in the file's format.

    Example:
        >>> read_movielens("no_such_folder")
        Traceback (most recent call last):
        FileNotFoundError: ...
    """
    folder = Path(folder)
    for name, separator in _FORMATS.items():
        path = folder / name
        if path.is_file():
            return _hold_out(_read(path, separator), np.random.default_rng(seed))
    raise FileNotFoundError(
        f"{folder} has none of {', '.join(_FORMATS)}. Unpack a MovieLens archive (grouplens.org) "
        "and name the folder that holds its ratings."
    )


def low_rank_interactions(
    n_users: int,
    n_items: int,
    rng: np.random.Generator,
    *,
    rank: int = 4,
    n_per_user: int = 12,
) -> Interactions:
    """Return generated likings: users and items have `rank` traits, and like meets like.

    Args:
        n_users: How many users.
        n_items: How many items, more than 99 + `n_per_user`.
        rng: Draws everything.
        rank: Traits of a user and of an item.
        n_per_user: Likings of each user, one of which is held out.

    Raises:
        ValueError: Too few items.

    Example:
        >>> low_rank_interactions(10, 150, np.random.default_rng(0)).candidates.shape
        (10, 100, 2)
    """
    if n_items < N_NEGATIVES + n_per_user:
        raise ValueError(
            f"{n_items} items do not leave {N_NEGATIVES} that a user with {n_per_user} likings "
            "has not touched."
        )
    taste = rng.normal(size=(n_users, rank)) @ rng.normal(size=(rank, n_items))
    # A draw without replacement with probabilities that grow with the taste (Gumbel's trick).
    liked = np.argsort(-(2 * taste + rng.gumbel(size=taste.shape)), axis=1)[:, :n_per_user]
    times = rng.permuted(np.tile(np.arange(n_per_user), (n_users, 1)), axis=1)
    rows = [
        (u, int(item), int(t))
        for u in range(n_users)
        for item, t in zip(liked[u], times[u], strict=True)
    ]
    return _hold_out(np.array(rows, dtype=np.int64), rng, (n_users, n_items))


def _read(path: Path, separator: str) -> IntArray:
    """User, item and time of every rating, `int[n, 3]`, with the file's own numbers."""
    rows = []
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            fields = line.rstrip("\n").split(separator)
            if number == 1 and fields[0] == "userId":
                continue
            try:
                user, item, _, time = fields
                rows.append((int(user), int(item), int(time)))
            except ValueError:
                raise ValueError(
                    f"{path}, line {number}: expected user, item, rating and time between "
                    f"{separator!r}, got {line.strip()!r}."
                ) from None
    return np.array(rows, dtype=np.int64).reshape(-1, 3)


def _hold_out(
    ratings: IntArray, rng: np.random.Generator, sizes: tuple[int, int] | None = None
) -> Interactions:
    """Split off each user's last liking and draw the items that it is ranked among."""
    if len(ratings) == 0:
        raise EmptyDataError("There is no rating.")
    users, items = ratings[:, 0], ratings[:, 1]
    if sizes is None:  # numbered with gaps
        users = np.unique(users, return_inverse=True)[1]
        items = np.unique(items, return_inverse=True)[1]
        sizes = (int(users.max()) + 1, int(items.max()) + 1)
    order = np.lexsort((items, ratings[:, 2], users))
    users, items = users[order], items[order]
    is_last = np.append(users[1:] != users[:-1], True)
    has_more = np.bincount(users, minlength=sizes[0])[users] > 1
    held_out = is_last & has_more
    everything = np.arange(sizes[1])
    lists = []
    for user, item in zip(users[held_out], items[held_out], strict=True):
        untouched = np.setdiff1d(everything, items[users == user], assume_unique=False)
        if len(untouched) < N_NEGATIVES:
            raise ValueError(
                f"A user has touched all but {len(untouched)} of {sizes[1]} items; "
                f"{N_NEGATIVES} others are needed to rank the held-out one among."
            )
        drawn = rng.choice(untouched, N_NEGATIVES, replace=False)
        row = np.concatenate([[item], drawn])
        lists.append(np.stack([np.full(len(row), user), row], axis=1))
    train = np.stack([users[~held_out], items[~held_out]], axis=1)
    candidates = np.array(lists, dtype=np.int64).reshape(-1, N_NEGATIVES + 1, 2)
    return Interactions(*sizes, train, candidates)
