"""Translating with a trained network: greedy decoding and beam search.

Scores are those of the HAT experiments (fairseq): the sum of the words' log-probabilities, the end
word included, divided by the number of words to the power of the length penalty (Wu et al. 2016
has another formula under the same name). A search ends when each sentence has as many finished
translations as the beam is wide.

Shapes: `b` sentences, `k` beams, `v` target words.
"""

from __future__ import annotations

import torch
from torch import Tensor

from optuna_linas.supernets.hat_blocks import TransformerNetwork

__all__ = ["beam_search", "greedy_decode"]


@torch.inference_mode()
def greedy_decode(
    network: TransformerNetwork, source: Tensor, *, begin: int, end: int, max_length: int = 64
) -> list[list[int]]:
    """Return the words that are each the likeliest next one, without begin and end.

    Args:
        network: An extracted `HATTransformer`, in eval mode.
        source: The sentences, `int[b, s]`, padded at the end.
        begin: The word that starts a translation.
        end: The word that ends it.
        max_length: Words of a translation at most.

    Example:
        >>> from optuna_linas.supernets import HATTransformer, smallest_arch
        >>> supernet = HATTransformer(
        ...     9, 9, encoder_embeds=(8, 16), decoder_embeds=(8, 16), encoder_ffns=(16, 32),
        ...     decoder_ffns=(16, 32), encoder_depths=(2,), decoder_depths=(1, 2), heads=(1, 2),
        ...     cross_spans=(1, 2), qkv_features=16
        ... )
        >>> network = supernet.extract(smallest_arch(supernet.space))
        >>> source = torch.tensor([[4, 5, 6], [7, 8, 0]])
        >>> len(greedy_decode(network, source, begin=1, end=2, max_length=5))  # translations
        2
    """
    state = network.encode(source)
    words = source.new_full((len(source), 1), begin)
    out = [words]
    ended = torch.zeros(len(source), dtype=torch.bool, device=source.device)
    for _ in range(max_length):
        words = network.decode(words, state)[:, -1].argmax(dim=-1, keepdim=True)
        words = torch.where(ended[:, None], end, words)
        out.append(words)
        ended |= words[:, 0] == end
        if ended.all():
            break
    return [_until(row, end) for row in torch.cat(out, dim=1)[:, 1:].tolist()]


@torch.inference_mode()
def beam_search(
    network: TransformerNetwork,
    source: Tensor,
    *,
    begin: int,
    end: int,
    n_beams: int = 5,
    length_penalty: float = 0.6,
    max_length: int = 64,
) -> list[list[int]]:
    """Return the best translation that a beam search finds, without begin and end.

    Args:
        network: An extracted `HATTransformer`, in eval mode.
        source: The sentences, `int[b, s]`, padded at the end.
        begin: The word that starts a translation.
        end: The word that ends it.
        n_beams: Translations that are followed at a time.
        length_penalty: The power of the length that scores are divided by: more favours long ones.
        max_length: Words of a translation at most, without the end.

    Raises:
        ValueError: `n_beams` below 1.

    Example:
        >>> from optuna_linas.supernets import HATTransformer, smallest_arch
        >>> supernet = HATTransformer(
        ...     9, 9, encoder_embeds=(8, 16), decoder_embeds=(8, 16), encoder_ffns=(16, 32),
        ...     decoder_ffns=(16, 32), encoder_depths=(2,), decoder_depths=(1, 2), heads=(1, 2),
        ...     cross_spans=(1, 2), qkv_features=16
        ... )
        >>> network = supernet.extract(smallest_arch(supernet.space))
        >>> source = torch.tensor([[4, 5, 6], [7, 8, 0]])
        >>> len(beam_search(network, source, begin=1, end=2, max_length=5))  # translations
        2
    """
    if n_beams < 1:
        raise ValueError(f"n_beams counts translations, at least 1, got {n_beams}.")
    b, k = len(source), n_beams
    first = torch.arange(b, device=source.device).repeat_interleave(k)
    state = network.encode(source).reorder(first)
    words = source.new_full((b * k, 1), begin)
    prefixes = words[:, :0].reshape(b, k, 0)
    # All beams of a sentence start alike: only one of them counts.
    scores = torch.full((b, k), -torch.inf, device=source.device)
    scores[:, 0] = 0.0
    best: list[tuple[float, list[int]]] = [(-torch.inf, []) for _ in range(b)]
    n_finished = [0] * b
    for length in range(1, max_length + 2):
        log_probs = network.decode(words, state)[:, -1].log_softmax(dim=-1)
        v = log_probs.shape[-1]
        if length == max_length + 1:  # nothing but the end is left
            ends = log_probs[:, end].reshape(b, k)
            log_probs = torch.full_like(log_probs, -torch.inf)
            log_probs[:, end] = ends.flatten()
        totals = (scores[..., None] + log_probs.reshape(b, k, v)).flatten(1)
        # Of 2 k candidates at most k end, so k are left to go on.
        top, at = totals.topk(min(2 * k, totals.shape[1]), dim=1)
        beams, new = at // v, at % v
        is_end = new == end
        for i, j in is_end[:, :k].nonzero().tolist():
            if n_finished[i] < k and top[i, j] > -torch.inf:
                n_finished[i] += 1
                score = float(top[i, j]) / length**length_penalty
                if score > best[i][0]:
                    best[i] = (score, prefixes[i, beams[i, j]].tolist())
        if min(n_finished) >= k or length == max_length + 1:
            break
        # The best k that go on, in their order.
        order = (is_end.to(torch.int8) * 2 * k + torch.arange(top.shape[1], device=at.device)).topk(
            k, dim=1, largest=False, sorted=True
        )[1]
        scores = top.gather(1, order).masked_fill(is_end.gather(1, order), -torch.inf)
        beams, new = beams.gather(1, order), new.gather(1, order)
        prefixes = torch.cat(
            [prefixes.gather(1, beams[..., None].expand(b, k, length - 1)), new[..., None]], dim=2
        )
        rows = (torch.arange(b, device=source.device)[:, None] * k + beams).flatten()
        state = state.reorder(rows)
        words = new.reshape(b * k, 1)
    return [words for _, words in best]


def _until(words: list[int], end: int) -> list[int]:
    return words[: words.index(end)] if end in words else words
