"""HAT's Transformer super-network for translation.

Wang, Wu, Liu, Cai, Zhu, Gan, Han: "HAT: Hardware-Aware Transformers for Efficient Natural Language
Processing", ACL 2020. The defaults are its space for WMT'14 En-De.

As in the authors' code, the features of queries, keys and values are fixed: the number of heads
decides how they are split and adds no parameter. Where we knowingly depart from it: source and
target have embeddings of their own unless their vocabularies are one; layer norm may come first
(`norm_first`), which trains without a warm-up; positions are coded by sines and cosines in turns,
so that the code of a smaller embedding is the start of the larger one's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from optuna_linas.space import SearchSpace
from optuna_linas.supernets.hat_blocks import DecoderSizes, EncoderSizes, TransformerNetwork
from optuna_linas.supernets.options import ascending, check_positive_integer, check_share
from optuna_linas.supernets.shared_weights import SharedWeights

__all__ = ["HATTransformer"]


class HATTransformer(SharedWeights):
    """A Transformer with 39 variables and a constant: 4.2 x 10^14 different networks.

    - `encoder_embed`, `decoder_embed`: features of the two sides;
    - `encoder_depth` (6, the constant), `decoder_depth`: how many layers;
    - `encoder_ffn_i`, `decoder_ffn_i`: hidden features of layer `i`;
    - `encoder_heads_i`, `decoder_heads_i`, `cross_heads_i`: heads of its attentions to its own
      side, and to the encoder;
    - `cross_span_i`: how many of the last encoder layers decoder layer `i` attends to.

    Its input is a pair: source words `int[b, s]` and the target words before each place,
    `int[b, t]`, padded at the end; its output the logits `float[b, t, n_target_words]`. See
    `greedy_decode` and `beam_search` to translate with an extracted network.

    Args:
        source_words, target_words: Sizes of the vocabularies.
        encoder_embeds, decoder_embeds: The options of the features.
        encoder_ffns, decoder_ffns: The options of the hidden features.
        encoder_depths, decoder_depths: The options of the numbers of layers.
        heads: The options of every number of heads.
        cross_spans: The options of every `cross_span_i`.
        qkv_features: Features of queries, keys and values; a multiple of each of `heads`.
        dropout: The rate of dropout.
        norm_first: Layer norm before each part instead of after it.
        padding: The index of the padding word in both vocabularies.
        example_length: The number of words of `example_input`, source and target.

    Raises:
        TypeError: A size or an option is not an integer.
        ValueError: A size below 1, an empty or repeated list of options, or heads that do not
            divide `qkv_features`.

    Example:
        >>> supernet = HATTransformer(
        ...     50, 60, encoder_embeds=(8, 16), decoder_embeds=(8, 16), encoder_ffns=(16, 32),
        ...     decoder_ffns=(16, 32), encoder_depths=(2,), decoder_depths=(1, 2), heads=(1, 2),
        ...     cross_spans=(1, 2), qkv_features=16
        ... ).eval()
        >>> supernet(supernet.example_input(3), supernet.space.n_options - 1).shape
        torch.Size([3, 16, 60])
    """

    def __init__(
        self,
        source_words: int,
        target_words: int,
        *,
        encoder_embeds: Sequence[int] = (512, 640),
        decoder_embeds: Sequence[int] = (512, 640),
        encoder_ffns: Sequence[int] = (1024, 2048, 3072),
        decoder_ffns: Sequence[int] = (1024, 2048, 3072),
        encoder_depths: Sequence[int] = (6,),
        decoder_depths: Sequence[int] = (1, 2, 3, 4, 5, 6),
        heads: Sequence[int] = (4, 8),
        cross_spans: Sequence[int] = (1, 2, 3),
        qkv_features: int = 512,
        dropout: float = 0.1,
        norm_first: bool = False,
        padding: int = 0,
        example_length: int = 16,
    ) -> None:
        for name, size in {
            "source_words": source_words,
            "target_words": target_words,
            "qkv_features": qkv_features,
            "example_length": example_length,
        }.items():
            check_positive_integer(name, size)
        check_share("dropout", dropout)
        options = {
            "encoder_embed": ascending("encoder_embeds", encoder_embeds),
            "decoder_embed": ascending("decoder_embeds", decoder_embeds),
            "encoder_depth": ascending("encoder_depths", encoder_depths),
            "decoder_depth": ascending("decoder_depths", decoder_depths),
            "encoder_ffn": ascending("encoder_ffns", encoder_ffns),
            "decoder_ffn": ascending("decoder_ffns", decoder_ffns),
            "heads": ascending("heads", heads),
            "cross_span": ascending("cross_spans", cross_spans),
        }
        if odd := [n for n in options["heads"] if qkv_features % n]:
            raise ValueError(f"heads {odd} do not divide qkv_features={qkv_features}.")
        if options["cross_span"][-1] > options["encoder_depth"][0]:
            raise ValueError(
                f"cross_spans go up to {options['cross_span'][-1]} encoder layers, but an encoder "
                f"may have {options['encoder_depth'][0]}. Leave the larger spans out."
            )
        self.vocabulary_sizes = (source_words, target_words)
        self.position_features = max(options["encoder_embed"][-1], options["decoder_embed"][-1])
        self.qkv_features = qkv_features
        self.dropout = dropout
        self.norm_first = norm_first
        self.padding = padding
        self.example_length = example_length
        space = _build_space(options)
        super().__init__(space, self.build({v.name: v.options[-1] for v in space.variables}))

    def build(self, params: Mapping[str, Any]) -> nn.Module:
        """Return the plain network of an architecture; see `SharedWeights.build`."""
        return TransformerNetwork(
            self.vocabulary_sizes,
            (params["encoder_embed"], params["decoder_embed"]),
            position_features=self.position_features,
            qkv_features=self.qkv_features,
            encoder=[
                EncoderSizes(params[f"encoder_ffn_{i}"], params[f"encoder_heads_{i}"])
                for i in range(params["encoder_depth"])
            ],
            decoder=[
                DecoderSizes(
                    params[f"decoder_ffn_{i}"],
                    params[f"decoder_heads_{i}"],
                    params[f"cross_heads_{i}"],
                    params[f"cross_span_{i}"],
                )
                for i in range(params["decoder_depth"])
            ],
            dropout=self.dropout,
            norm_first=self.norm_first,
            padding=self.padding,
        )

    def example_input(self, batch_size: int = 1) -> tuple[Tensor, Tensor]:
        """Return source and target words `int[batch_size, example_length]`, all the same word.

        Raises:
            TypeError: `batch_size` is not an integer.
            ValueError: `batch_size` below 1.
        """
        check_positive_integer("batch_size", batch_size)
        device = next(self.parameters()).device
        word = 1 if self.padding == 0 else 0
        words = torch.full((batch_size, self.example_length), word, device=device)
        return words, words.clone()


def _build_space(options: Mapping[str, Sequence[int]]) -> SearchSpace:
    sides = {"encoder": ["ffn", "heads"], "decoder": ["ffn", "heads"], "cross": ["heads", "span"]}
    choices = {
        name: options[name]
        for name in ("encoder_embed", "decoder_embed", "encoder_depth", "decoder_depth")
    }
    conditions = {}
    for side, parts in sides.items():
        depths = options["encoder_depth" if side == "encoder" else "decoder_depth"]
        parent = "encoder_depth" if side == "encoder" else "decoder_depth"
        for part in parts:
            for i in range(depths[-1]):
                name = f"{side}_{part}_{i}"
                choices[name] = options["heads" if part == "heads" else f"{side}_{part}"]
                if i >= depths[0]:
                    conditions[name] = {parent: [depth for depth in depths if depth > i]}
    return SearchSpace.from_choices(choices, conditions)
