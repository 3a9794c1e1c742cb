"""The recommender of the papers as a super-network: neural collaborative filtering.

He, Liao, Zhang, Nie, Hu, Chua: "Neural Collaborative Filtering", WWW 2017, section 3.4 (NeuMF): a
generalised matrix factorisation and a multi-layer perceptron whose last layers are joined. The
space is that of Cummings et al. 2022.

A layer on two joined inputs is kept as two layers whose outputs are added, which is the same; so
each input's weights keep their place at every size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from optuna_linas.space import SearchSpace
from optuna_linas.supernets.example_batch import example_batch
from optuna_linas.supernets.options import ascending, check_positive_integer
from optuna_linas.supernets.shared_weights import SharedWeights

__all__ = ["ElasticNCF"]


class ElasticNCF(SharedWeights):
    """NeuMF with 10 variables and 3.7 x 10^7 different networks.

    - `gmf_embed`, `user_embed`, `item_embed`: features of the factorisation, and of the
      perceptron's users and items;
    - `depth`: the perceptron's hidden layers;
    - `hidden_i`: features of its layer `i`, where it exists.

    Its input is `int[..., 2]`, a user and an item each; its output the logits `float[...]` that
    they belong together.

    Args:
        n_users: How many users.
        n_items: How many items.
        embeds: The options of the three embeddings.
        depths: The options of `depth`.
        hiddens: The options of every `hidden_i`.

    Raises:
        TypeError: A size or an option is not an integer.
        ValueError: A size below 1, or an empty or repeated list of options.

    Example:
        >>> supernet = ElasticNCF(20, 30)
        >>> len(supernet.space), f"{supernet.space.size(effective=True):.1e}"
        (10, '3.7e+07')
        >>> supernet(torch.tensor([[0, 5], [19, 29]]), supernet.space.n_options - 1).shape
        torch.Size([2])
    """

    def __init__(
        self,
        n_users: int,
        n_items: int,
        *,
        embeds: Sequence[int] = (8, 16, 32, 64, 128),
        depths: Sequence[int] = (1, 2, 3, 4, 5, 6),
        hiddens: Sequence[int] = (8, 16, 32, 64, 128, 256, 512, 1024),
    ) -> None:
        check_positive_integer("n_users", n_users)
        check_positive_integer("n_items", n_items)
        embeds, depths = ascending("embeds", embeds), ascending("depths", depths)
        hiddens = ascending("hiddens", hiddens)
        self.n_users = n_users
        self.n_items = n_items
        choices: dict[str, Sequence[int]] = dict.fromkeys(
            ("gmf_embed", "user_embed", "item_embed"), embeds
        )
        choices |= {"depth": depths} | {f"hidden_{i}": hiddens for i in range(depths[-1])}
        conditions = {
            f"hidden_{i}": {"depth": [depth for depth in depths if depth > i]}
            for i in range(depths[0], depths[-1])
        }
        space = SearchSpace.from_choices(choices, conditions)
        super().__init__(space, self.build({v.name: v.options[-1] for v in space.variables}))

    def build(self, params: Mapping[str, Any]) -> nn.Module:
        """Return the plain network of an architecture; see `SharedWeights.build`."""
        return _NeuMF(
            (self.n_users, self.n_items),
            params["gmf_embed"],
            (params["user_embed"], params["item_embed"]),
            [params[f"hidden_{i}"] for i in range(params["depth"])],
        )

    def example_input(self, batch_size: int = 1) -> Tensor:
        """Return the first user and the first item, `int[batch_size, 2]`, on its device.

        Raises:
            TypeError: `batch_size` is not an integer.
            ValueError: `batch_size` below 1.
        """
        return example_batch(self, batch_size, 2, dtype=torch.int64)


class _NeuMF(nn.Module):
    def __init__(
        self,
        sizes: tuple[int, int],
        gmf_embed: int,
        embeds: tuple[int, int],
        hiddens: Sequence[int],
    ) -> None:
        super().__init__()
        self.gmf_user, self.gmf_item = (_embedding(n, gmf_embed) for n in sizes)
        self.user, self.item = (_embedding(n, k) for n, k in zip(sizes, embeds, strict=True))
        self.user_in = nn.Linear(embeds[0], hiddens[0])
        self.item_in = nn.Linear(embeds[1], hiddens[0], bias=False)
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(hiddens))
        self.gmf_out = nn.Linear(gmf_embed, 1)
        self.hidden_out = nn.Linear(hiddens[-1], 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits `float[...]` of the pairs `x`, `int[..., 2]`."""
        user, item = x[..., 0], x[..., 1]
        h = functional.relu(self.user_in(self.user(user)) + self.item_in(self.item(item)))
        for layer in self.hidden:
            h = functional.relu(layer(h))
        factors = self.gmf_user(user) * self.gmf_item(item)
        logits: Tensor = (self.gmf_out(factors) + self.hidden_out(h)).squeeze(-1)
        return logits


def _embedding(n: int, k: int) -> nn.Embedding:
    embedding = nn.Embedding(n, k)
    # As the authors': torch's own standard deviation of 1 drowns the small gradients.
    nn.init.normal_(embedding.weight, std=0.01)
    return embedding
