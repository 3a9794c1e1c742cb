from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from optuna_linas.errors import EmptyDataError
from optuna_linas.supernets import (
    ElasticNCF,
    ImplicitBatches,
    Ranking,
    evaluate,
    largest_arch,
    low_rank_interactions,
    read_movielens,
    train_supernet,
)


def test_the_space_is_that_of_the_paper() -> None:
    space = ElasticNCF(6040, 3706).space
    assert len(space) == 10
    assert space["gmf_embed"].options == (8, 16, 32, 64, 128)
    assert space["depth"].options == (1, 2, 3, 4, 5, 6)
    assert space["hidden_5"].options == tuple(2**k for k in range(3, 11))
    assert space.size(effective=True) == 5**3 * sum(8**depth for depth in range(1, 7))
    assert f"{space.size(effective=True):.1e}" == "3.7e+07"


def test_hit_rate_counts_the_right_items_among_the_first_ten() -> None:
    # The right item's number, of which the others are 1 to 99: as many are above it as 99 - it.
    rights = [200.5, 89.5, 90.5, 0.5]
    scores = torch.tensor([[right, *range(1, 100)] for right in rights])
    places = torch.zeros(4, dtype=torch.int64)
    identity = nn.Identity()
    hits = [
        evaluate(identity, [(row[None], places[:1])], ["hit_rate_at_10"])["hit_rate_at_10"]
        for row in scores
    ]
    assert hits == [1.0, 0.0, 1.0, 0.0]
    batches = [(scores[:3], places[:3]), (scores[3:], places[3:])]
    assert evaluate(identity, batches, ["hit_rate_at_10"])["hit_rate_at_10"] == 0.5
    with pytest.raises(ValueError, match=r"scores of a list for each user.*got \(3,\)"):
        evaluate(identity, [(torch.zeros(3), places[:3])], ["hit_rate_at_10"])


def test_equal_scores_hit_nothing() -> None:
    class Same(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.zeros(x.shape[:-1])

    data = low_rank_interactions(5, 130, np.random.default_rng(0))
    assert evaluate(Same(), data.ranking_batches(), ["hit_rate_at_10"])["hit_rate_at_10"] == 0.0


def test_it_learns_what_users_like() -> None:
    data = low_rank_interactions(120, 150, np.random.default_rng(0), rank=2, n_per_user=24)
    torch.manual_seed(0)
    net = ElasticNCF(120, 150, embeds=(4, 8), depths=(1, 2), hiddens=(8, 16))
    loader = ImplicitBatches(data, 128, torch.Generator().manual_seed(0))
    ranking = data.ranking_batches()
    arch = largest_arch(net.space)
    before = evaluate(net.extract(arch), ranking, ["hit_rate_at_10"])["hit_rate_at_10"]
    log = train_supernet(net, loader, epochs=8, seed=0, lr=1e-2, task=Ranking(), progress=False)
    after = evaluate(net.extract(arch), ranking, ["hit_rate_at_10"])["hit_rate_at_10"]
    assert log.losses[-1] < log.losses[0]
    assert before < 0.25 < 0.4 < after


def test_the_batches_hold_what_is_liked_and_what_is_not() -> None:
    data = low_rank_interactions(20, 130, np.random.default_rng(0))
    loader = ImplicitBatches(data, 16, torch.Generator().manual_seed(0), n_negatives=3)
    assert len(loader) == -(-len(data.train) // 16)
    liked = {tuple(row) for row in data.train.tolist()}
    seen = []
    for x, labels in loader:
        assert [tuple(r) in liked for r in x.tolist()] == labels.bool().tolist()
        seen += [tuple(row) for row in x[labels.bool()].tolist()]
    assert sorted(seen) == sorted(liked)
    first, second = (torch.cat([x for x, _ in loader]) for _ in range(2))
    assert not torch.equal(first, second)
    again = ImplicitBatches(data, 16, torch.Generator().manual_seed(0), n_negatives=3)
    list(again)
    assert torch.equal(torch.cat([x for x, _ in again]), first)


def test_held_out_likings_are_not_trained_on() -> None:
    data = low_rank_interactions(20, 130, np.random.default_rng(0))
    liked = {tuple(row) for row in data.train.tolist()}
    for rows in data.candidates.tolist():
        assert len({item for _, item in rows}) == 100
        assert not any(tuple(row) in liked for row in rows)
    assert len(data.train) == 20 * 11


RNG = np.random.default_rng(0)
RATINGS = [(7, 50, 5, 100), (7, 60, 1, 300), (7, 70, 3, 200), (9, 50, 4, 10)]


@pytest.mark.parametrize(
    ("name", "separator", "header"),
    [
        ("ratings.dat", "::", ""),
        ("u.data", "\t", ""),
        ("ratings.csv", ",", "userId,movieId,rating,timestamp\n"),
    ],
)
def test_movielens_is_read_in_its_own_formats(
    tmp_path: Path, name: str, separator: str, header: str
) -> None:
    # More films than anyone has touched: 99 untouched ones are needed.
    rest = [(20 + k, 1000 + k, 3, k) for k in range(110)]
    lines = [separator.join(map(str, row)) for row in [*RATINGS, *rest]]
    (tmp_path / name).write_text(header + "\n".join(lines) + "\n", encoding="utf-8")
    data = read_movielens(tmp_path, seed=1)
    assert (data.n_users, data.n_items) == (112, 113)
    # User 7 is 0; its last liking, film 60 (item 1), is held out; nobody else has two.
    assert data.train.tolist() == [[0, 0], [0, 2], [1, 0]] + [[2 + k, 3 + k] for k in range(110)]
    assert data.candidates.shape == (1, 100, 2)
    assert data.candidates[0, 0].tolist() == [0, 1]
    assert not {0, 2} & set(data.candidates[0, :, 1].tolist())


def test_the_last_liking_is_held_out_and_ranked_among_99_untouched_ones(tmp_path: Path) -> None:
    rows = [(u, i, 4, t) for u in range(2) for t, i in enumerate(range(u * 60, u * 60 + 60))]
    lines = "\n".join("\t".join(map(str, row)) for row in rows)
    (tmp_path / "u.data").write_text(lines, encoding="utf-8")
    with pytest.raises(ValueError, match="all but 60 of 120 items; 99 others"):
        read_movielens(tmp_path)
    rows += [(2, 500 + i, 4, i) for i in range(50)]
    lines = "\n".join("\t".join(map(str, row)) for row in rows)
    (tmp_path / "u.data").write_text(lines, encoding="utf-8")
    data = read_movielens(tmp_path)
    assert data.candidates[:, 0].tolist() == [[0, 59], [1, 119], [2, 169]]
    assert data.candidates.shape == (3, 100, 2)


def test_a_folder_or_line_that_is_not_movielens_is_explained(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none of ratings.dat, u.data, ratings.csv"):
        read_movielens(tmp_path)
    (tmp_path / "u.data").write_text("1 2 3 4\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"line 1: expected user, item, rating and time"):
        read_movielens(tmp_path)
    (tmp_path / "u.data").write_text("", encoding="utf-8")
    with pytest.raises(EmptyDataError, match="no rating"):
        read_movielens(tmp_path)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: low_rank_interactions(3, 100, np.random.default_rng(0)),
            "100 items do not leave 99",
        ),
        (lambda: ElasticNCF(0, 3), "n_users must be at least 1"),
        (lambda: ElasticNCF(3, 3, hiddens=()), "hiddens is empty"),
        (lambda: Ranking().check(torch.zeros(3, 2), torch.zeros(4)), "of shape \\(3,\\)"),
    ],
)
def test_what_cannot_be_is_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
