"""Words and their indices, and batches of sentence pairs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from optuna_linas.errors import EmptyDataError

__all__ = ["BEGIN", "END", "PADDING", "UNKNOWN", "Vocabulary", "pad", "translation_batches"]

PADDING, BEGIN, END, UNKNOWN = range(4)
"""The indices of the words that every vocabulary has."""

_SPECIAL = ("<pad>", "<s>", "</s>", "<unk>")


class Vocabulary:
    """The words of tokenised sentences (words between blanks) and their indices.

    Args:
        words: The words without the special ones, in the order of their indices from 4 on.

    Raises:
        ValueError: A word is there twice, or is a special one.

    Example:
        >>> vocabulary = Vocabulary.of(["a dog runs .", "a cat runs ."])
        >>> vocabulary.encode("a bird runs .")
        [5, 3, 6, 4]
        >>> vocabulary.decode([5, 3, 6, 4])
        'a <unk> runs .'
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.words = (*_SPECIAL, *words)
        self._index = {word: i for i, word in enumerate(self.words)}
        if len(self._index) != len(self.words):
            raise ValueError("A vocabulary lists each word once, and none of the special ones.")

    @staticmethod
    def of(sentences: Iterable[str], *, min_count: int = 1, max_size: int = 50_000) -> Vocabulary:
        """Return the vocabulary of the frequent words, the most frequent first.

        Args:
            sentences: Tokenised sentences.
            min_count: Rarer words are unknown ones.
            max_size: Words at most, special ones not counted.
        """
        counts = Counter(word for sentence in sentences for word in sentence.split())
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        words = [word for word, n in ranked if n >= min_count and word not in _SPECIAL]
        return Vocabulary(words[:max_size])

    def __len__(self) -> int:
        return len(self.words)

    def encode(self, sentence: str) -> list[int]:
        """Return the indices of a tokenised sentence's words."""
        return [self._index.get(word, UNKNOWN) for word in sentence.split()]

    def decode(self, indices: Iterable[int]) -> str:
        """Return the sentence of these indices."""
        return " ".join(self.words[i] for i in indices)


def pad(rows: Sequence[Sequence[int]]) -> Tensor:
    """Return rows of different lengths as `int[n, longest]`, padded at the end.

    Example:
        >>> pad([[5, 6], [7]]).tolist()
        [[5, 6], [7, 0]]
    """
    longest = max(len(row) for row in rows)
    return torch.tensor([[*row, *[PADDING] * (longest - len(row))] for row in rows])


def translation_batches(
    sentences: Sequence[tuple[str, str]],
    source: Vocabulary,
    target: Vocabulary,
    *,
    batch_size: int,
    max_length: int = 64,
) -> list[tuple[tuple[Tensor, Tensor], Tensor]]:
    """Return batches `((source words, target words before each place), target words)`.

    Sentences of like length share a batch, so that little is padding. A `DataLoader` with
    `batch_size=None` and a seeded generator shuffles the batches.

    Args:
        sentences: Pairs of tokenised sentences.
        source: The vocabulary of the first of each pair.
        target: That of the second.
        batch_size: Sentences in a batch.
        max_length: Words at most; longer sentences are cut.

    Raises:
        EmptyDataError: There is no sentence.

    Example:
        >>> pairs = [("a dog runs", "ein Hund rennt"), ("a cat", "eine Katze")]
        >>> source, target = (Vocabulary.of(side) for side in zip(*pairs, strict=True))
        >>> (words, before), right = translation_batches(pairs, source, target, batch_size=2)[0]
        >>> words.shape, before.shape, right.shape
        (torch.Size([2, 3]), torch.Size([2, 4]), torch.Size([2, 4]))
    """
    if len(sentences) == 0:
        raise EmptyDataError("There is no sentence pair to make batches of.")
    encoded = [
        (source.encode(a)[:max_length] or [UNKNOWN], target.encode(b)[:max_length])
        for a, b in sentences
    ]
    encoded.sort(key=lambda pair: (len(pair[1]), len(pair[0])))
    batches = []
    for at in range(0, len(encoded), batch_size):
        rows = encoded[at : at + batch_size]
        batches.append(
            (
                (pad([a for a, _ in rows]), pad([[BEGIN, *b] for _, b in rows])),
                pad([[*b, END] for _, b in rows]),
            )
        )
    return batches
