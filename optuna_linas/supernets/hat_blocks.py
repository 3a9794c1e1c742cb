"""The plain Transformer that `HATTransformer` builds, with cached decoding step by step.

Vaswani et al.: "Attention Is All You Need", NeurIPS 2017; Wang et al.: "HAT: Hardware-Aware
Transformers for Efficient Natural Language Processing", ACL 2020, figure 3 (a decoder layer may
attend to several of the last encoder layers).

Shapes: `b` sentences, `s` source tokens, `t` target tokens, `h` heads.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["DecoderSizes", "DecoderState", "EncoderSizes", "TransformerNetwork"]

_KeyValue = tuple[Tensor, Tensor]


class EncoderSizes(NamedTuple):
    """The sizes of an encoder layer: hidden features and heads."""

    ffn: int
    heads: int


class DecoderSizes(NamedTuple):
    """The sizes of a decoder layer: hidden features, heads, and encoder layers it attends to."""

    ffn: int
    heads: int
    cross_heads: int
    cross_span: int


@dataclass
class DecoderState:
    """What decoding remembers between steps.

    Attributes:
        memory: Each decoder layer's keys and values of the source, `float[b, h, span * s, width]`.
        mask: Which of them are no padding, per layer, `bool[b, 1, 1, span * s]`.
        past: Each decoder layer's keys and values of the tokens so far; empty at first.
    """

    memory: list[_KeyValue]
    mask: list[Tensor]
    past: list[_KeyValue]

    @property
    def length(self) -> int:
        """How many tokens were decoded."""
        return self.past[0][0].shape[2] if self.past else 0

    def reorder(self, rows: Tensor) -> DecoderState:
        """Return the state whose sentence `i` is this one's `rows[i]`, `int[n]`."""

        def pick(pairs: list[_KeyValue]) -> list[_KeyValue]:
            return [(key[rows], value[rows]) for key, value in pairs]

        return DecoderState(pick(self.memory), [mask[rows] for mask in self.mask], pick(self.past))


class TransformerNetwork(nn.Module):
    """An encoder and a decoder; logits by the decoder's embedding.

    Args:
        vocabulary_sizes: Source and target words.
        embeddings: Features of encoder and decoder.
        position_features: Features of the position code, of which each side takes the first.
        qkv_features: Features of queries, keys and values, over all heads.
        encoder: The sizes of each encoder layer.
        decoder: The sizes of each decoder layer.
        dropout: The rate of dropout.
        norm_first: Layer norm before each part instead of after it.
        padding: The index of the padding word.
    """

    def __init__(
        self,
        vocabulary_sizes: tuple[int, int],
        embeddings: tuple[int, int],
        *,
        position_features: int,
        qkv_features: int,
        encoder: Sequence[EncoderSizes],
        decoder: Sequence[DecoderSizes],
        dropout: float,
        norm_first: bool,
        padding: int,
    ) -> None:
        super().__init__()
        source, target = embeddings
        self.padding = padding
        self.position_features = position_features
        self.source_embedding = _embedding(vocabulary_sizes[0], source)
        self.target_embedding = _embedding(vocabulary_sizes[1], target)
        self.dropout = nn.Dropout(dropout)
        self.encoder = nn.ModuleList(
            _EncoderLayer(source, sizes, qkv_features, dropout, norm_first) for sizes in encoder
        )
        self.decoder = nn.ModuleList(
            _DecoderLayer(target, source, sizes, qkv_features, dropout, norm_first)
            for sizes in decoder
        )
        # With the norms first, nothing else would normalise what leaves the last layer.
        self.encoder_norm = nn.LayerNorm(source) if norm_first else nn.Identity()
        self.decoder_norm = nn.LayerNorm(target) if norm_first else nn.Identity()

    def forward(self, x: tuple[Tensor, Tensor]) -> Tensor:
        """Return logits `float[b, t, n_target_words]` of the word after each target prefix.

        Args:
            x: The source words `int[b, s]` and the target words up to each place, `int[b, t]`:
                both padded at the end.
        """
        source, previous = x
        return self.decode(previous, self.encode(source))

    def encode(self, source: Tensor) -> DecoderState:
        """Return the state to decode `source`, `int[b, s]`, from."""
        seen = (source != self.padding)[:, None, None, :]
        h = self.dropout(self._embed(self.source_embedding, source, 0))
        outputs: list[Tensor] = []
        for layer in self.encoder:
            h = layer(h, seen)
            outputs.append(h)
        memory, masks = [], []
        for layer in self.decoder:
            assert isinstance(layer, _DecoderLayer)
            attended = [self.encoder_norm(output) for output in outputs[-layer.cross_span :]]
            memory.append(layer.cross.project(torch.cat(attended, dim=1)))
            masks.append(seen.repeat(1, 1, 1, len(attended)))
        return DecoderState(memory, masks, [])

    def decode(self, previous: Tensor, state: DecoderState) -> Tensor:
        """Return logits `float[b, t, n_target_words]` of the words after `previous`, `int[b, t]`.

        With a state that holds a past, `previous` continues it, by one word at a time; the state
        then remembers these words too.
        """
        at = state.length
        h = self.dropout(self._embed(self.target_embedding, previous, at))
        is_step = bool(state.past)
        past: list[_KeyValue] = []
        for i, layer in enumerate(self.decoder):
            assert isinstance(layer, _DecoderLayer)
            before = state.past[i] if is_step else None
            h, now = layer(h, before, state.memory[i], state.mask[i])
            past.append(now)
        state.past = past
        return functional.linear(self.decoder_norm(h), self.target_embedding.weight)

    def _embed(self, embedding: nn.Embedding, words: Tensor, at: int) -> Tensor:
        n = embedding.embedding_dim
        code = _position_code(at, words.shape[1], self.position_features, embedding.weight)
        embedded: Tensor = embedding(words) * math.sqrt(n) + code[:, :n]
        return embedded


class _Attention(nn.Module):
    """Multi-head attention whose number of features does not depend on that of its heads."""

    def __init__(self, n: int, n_memory: int, qkv_features: int, heads: int, dropout: float):
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.query = nn.Linear(n, qkv_features)
        self.key = nn.Linear(n_memory, qkv_features)
        self.value = nn.Linear(n_memory, qkv_features)
        self.out = nn.Linear(qkv_features, n)

    def extra_repr(self) -> str:
        return f"heads={self.heads}"

    def project(self, memory: Tensor) -> _KeyValue:
        """Return keys and values `float[b, h, s, width]` of `memory`, `float[b, s, n_memory]`."""
        return self._split(self.key(memory)), self._split(self.value(memory))

    def forward(self, x: Tensor, memory: _KeyValue, mask: Tensor | None, causal: bool) -> Tensor:
        """Return `float[b, t, n]`."""
        attended = functional.scaled_dot_product_attention(
            self._split(self.query(x)),
            *memory,
            attn_mask=mask,
            dropout_p=self.dropout if self.training else 0.0,
            is_causal=causal,
        )
        mixed: Tensor = self.out(attended.transpose(1, 2).flatten(2))
        return mixed

    def _split(self, x: Tensor) -> Tensor:
        width = x.shape[-1] // self.heads
        return x.reshape(*x.shape[:-1], self.heads, width).transpose(1, 2)


class _Residual(nn.Module):
    """Adds a part's output to its input, with layer norm before or after."""

    def __init__(self, n: int, dropout: float, norm_first: bool) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(n)
        self.dropout = nn.Dropout(dropout)
        self.norm_first = norm_first

    def before(self, x: Tensor) -> Tensor:
        normed: Tensor = self.norm(x) if self.norm_first else x
        return normed

    def after(self, x: Tensor, y: Tensor) -> Tensor:
        total = x + self.dropout(y)
        normed: Tensor = total if self.norm_first else self.norm(total)
        return normed


class _FeedForward(nn.Module):
    def __init__(self, n: int, hidden: int, dropout: float, norm_first: bool) -> None:
        super().__init__()
        self.widen = nn.Linear(n, hidden)
        self.narrow = nn.Linear(hidden, n)
        self.residual = _Residual(n, dropout, norm_first)

    def forward(self, x: Tensor) -> Tensor:
        y = self.narrow(functional.relu(self.widen(self.residual.before(x))))
        return self.residual.after(x, y)


class _EncoderLayer(nn.Module):
    def __init__(
        self, n: int, sizes: EncoderSizes, qkv_features: int, dropout: float, norm_first: bool
    ) -> None:
        super().__init__()
        self.attention = _Attention(n, n, qkv_features, sizes.heads, dropout)
        self.attention_residual = _Residual(n, dropout, norm_first)
        self.feed_forward = _FeedForward(n, sizes.ffn, dropout, norm_first)

    def forward(self, x: Tensor, seen: Tensor) -> Tensor:
        y = self.attention_residual.before(x)
        y = self.attention(y, self.attention.project(y), seen, False)
        out: Tensor = self.feed_forward(self.attention_residual.after(x, y))
        return out


class _DecoderLayer(nn.Module):
    def __init__(
        self,
        n: int,
        n_source: int,
        sizes: DecoderSizes,
        qkv_features: int,
        dropout: float,
        norm_first: bool,
    ) -> None:
        super().__init__()
        self.cross_span = sizes.cross_span
        self.attention = _Attention(n, n, qkv_features, sizes.heads, dropout)
        self.attention_residual = _Residual(n, dropout, norm_first)
        self.cross = _Attention(n, n_source, qkv_features, sizes.cross_heads, dropout)
        self.cross_residual = _Residual(n, dropout, norm_first)
        self.feed_forward = _FeedForward(n, sizes.ffn, dropout, norm_first)

    def forward(
        self, x: Tensor, past: _KeyValue | None, memory: _KeyValue, mask: Tensor
    ) -> tuple[Tensor, _KeyValue]:
        y = self.attention_residual.before(x)
        key, value = self.attention.project(y)
        if past is not None:
            key, value = torch.cat([past[0], key], dim=2), torch.cat([past[1], value], dim=2)
        # A step's single word sees the whole past: nothing to mask.
        y = self.attention(y, (key, value), None, past is None)
        x = self.attention_residual.after(x, y)
        y = self.cross(self.cross_residual.before(x), memory, mask, False)
        x = self.cross_residual.after(x, y)
        return self.feed_forward(x), (key, value)


def _embedding(n_words: int, n: int) -> nn.Embedding:
    embedding = nn.Embedding(n_words, n)
    nn.init.normal_(embedding.weight, std=n**-0.5)
    return embedding


def _position_code(at: int, length: int, n: int, like: Tensor) -> Tensor:
    """Sines and cosines in turns, `float[length, n]`: its first features are a code too."""
    positions = torch.arange(at, at + length, device=like.device, dtype=like.dtype)
    half = (n + 1) // 2
    frequencies = torch.exp(
        torch.arange(half, device=like.device, dtype=like.dtype) * (-math.log(10_000.0) / half)
    )
    angles = positions[:, None] * frequencies[None]
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)[:, :n]
