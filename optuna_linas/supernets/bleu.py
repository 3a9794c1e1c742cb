"""BLEU of a translating network, by the reference implementation.

Post: "A Call for Clarity in Reporting BLEU Scores", WMT 2018 (sacrebleu).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from optuna_linas.errors import EmptyDataError
from optuna_linas.extras import require_extra
from optuna_linas.supernets.batches import device_of
from optuna_linas.supernets.decoding import beam_search, greedy_decode
from optuna_linas.supernets.hat_blocks import TransformerNetwork
from optuna_linas.supernets.vocabulary import BEGIN, END, UNKNOWN, Vocabulary, pad

__all__ = ["Bleu"]


class Bleu:
    """Translates sentences and compares with references; a `Metric`'s `measure`.

    Greedy decoding suits a search; the papers report beam 5 and length penalty 0.6.

    Args:
        sentences: Pairs of a tokenised source sentence and its reference translation.
        source, target: The vocabularies.
        n_beams: Width of the beam search; 1 is greedy decoding.
        length_penalty: See `beam_search`.
        max_length: Words of a translation at most.
        batch_size: Sentences that are translated at a time.
        tokenize: sacrebleu's tokeniser; "none" for text whose tokens are set off by blanks.

    Raises:
        EmptyDataError: There is no sentence.
        ImportError: sacrebleu is not installed.

    Example:
        >>> from optuna_linas.supernets import HATTransformer, largest_arch
        >>> words = Vocabulary.of(["a dog runs ."])
        >>> supernet = HATTransformer(
        ...     len(words), len(words), encoder_embeds=(8,), decoder_embeds=(8,),
        ...     encoder_ffns=(8,), decoder_ffns=(8,), encoder_depths=(1,), decoder_depths=(1,),
        ...     heads=(1,), cross_spans=(1,), qkv_features=8)
        >>> bleu = Bleu([("a dog runs .", "a dog runs .")], words, words)
        >>> 0 <= bleu(supernet.extract(largest_arch(supernet.space))) <= 100
        True
    """

    def __init__(
        self,
        sentences: Sequence[tuple[str, str]],
        source: Vocabulary,
        target: Vocabulary,
        *,
        n_beams: int = 1,
        length_penalty: float = 0.6,
        max_length: int = 64,
        batch_size: int = 64,
        tokenize: str = "none",
    ) -> None:
        if len(sentences) == 0:
            raise EmptyDataError("There is no sentence to translate.")
        require_extra("sacrebleu", "translation")
        self.sentences = list(sentences)
        self.source = source
        self.target = target
        self.n_beams = n_beams
        self.length_penalty = length_penalty
        self.max_length = max_length
        self.batch_size = batch_size
        self.tokenize = tokenize

    def __call__(self, network: nn.Module, loader: Any = None) -> float:
        """Return the corpus BLEU in [0, 100]; `loader` is not used.

        Args:
            network: An extracted `HATTransformer`.
            loader: What a `Metric` is called with.
        """
        from sacrebleu.metrics.bleu import BLEU

        score = BLEU(tokenize=self.tokenize, force=True).corpus_score(
            self.translate(network), [[reference for _, reference in self.sentences]]
        )
        return float(score.score)

    def translate(self, network: nn.Module) -> list[str]:
        """Return the translations, in the order of the sentences.

        Raises:
            TypeError: `network` is no extracted `HATTransformer`.
        """
        if not isinstance(network, TransformerNetwork):
            raise TypeError(
                "BLEU is measured on an extracted HATTransformer, got "
                f"{type(network).__name__}. Call supernet.extract(arch) first."
            )
        encoded = [self.source.encode(a)[: self.max_length] or [UNKNOWN] for a, _ in self.sentences]
        # Sentences of like length together: little padding.
        order = sorted(range(len(encoded)), key=lambda i: len(encoded[i]))
        translations = [""] * len(encoded)
        for at in range(0, len(order), self.batch_size):
            rows = order[at : at + self.batch_size]
            words = pad([encoded[i] for i in rows]).to(device_of(network))
            for i, translation in zip(rows, self._decode(network, words), strict=True):
                translations[i] = self.target.decode(translation)
        return translations

    def _decode(self, network: TransformerNetwork, words: Any) -> list[list[int]]:
        common = {"begin": BEGIN, "end": END, "max_length": self.max_length}
        if self.n_beams == 1:
            return greedy_decode(network, words, **common)
        return beam_search(
            network,
            words,
            n_beams=self.n_beams,
            length_penalty=self.length_penalty,
            **common,
        )
