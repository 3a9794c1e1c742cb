from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import optuna
import pytest
import torch

from optuna_linas import LINASSampler
from optuna_linas.errors import EmptyDataError
from optuna_linas.suggest import suggest
from optuna_linas.supernets import (
    Bleu,
    HATTransformer,
    Sandwich,
    Translation,
    Vocabulary,
    beam_search,
    evaluate,
    greedy_decode,
    largest_arch,
    train_supernet,
    translation_batches,
)
from optuna_linas.supernets.vocabulary import BEGIN, END

NUMBERS = ["one", "two", "three", "four", "five", "six"]
ZAHLEN = ["eins", "zwei", "drei", "vier", "fünf", "sechs"]


def tiny(source: int = 10, target: int = 10, **changes: Any) -> HATTransformer:
    torch.manual_seed(0)
    sizes: dict[str, Any] = {
        "encoder_embeds": (16, 24),
        "decoder_embeds": (16, 24),
        "encoder_ffns": (24, 32),
        "decoder_ffns": (24, 32),
        "encoder_depths": (2,),
        "decoder_depths": (1, 2),
        "heads": (1, 2),
        "cross_spans": (1, 2),
        "qkv_features": 16,
        "norm_first": True,
        "dropout": 0.0,
    }
    return HATTransformer(source, target, **{**sizes, **changes}).eval()


def counting(n: int, seed: int) -> list[tuple[str, str]]:
    rng = np.random.default_rng(seed)
    rows = [rng.integers(6, size=rng.integers(3, 6)) for _ in range(n)]
    return [(" ".join(NUMBERS[i] for i in r), " ".join(ZAHLEN[i] for i in r)) for r in rows]


def test_the_space_is_that_of_the_paper() -> None:
    with torch.device("meta"):
        space = HATTransformer(32_000, 32_000).space
    assert len(space) == 39 + 1
    assert [v.name for v in space.variables if v.n_options == 1] == ["encoder_depth"]
    assert space["encoder_depth"].options == (6,)
    assert space["encoder_embed"].options == (512, 640)
    assert space["decoder_ffn_5"].options == (1024, 2048, 3072)
    assert space["cross_span_0"].options == (1, 2, 3)
    assert f"{space.size():.1e}" == "2.4e+15"
    per_layer = 3 * 2 * 2 * 3
    decoders = sum(per_layer**depth for depth in range(1, 7))
    assert space.size(effective=True) == 2 * 2 * 3**6 * 2**6 * decoders
    assert f"{space.size(effective=True):.1e}" == "4.2e+14"
    active = space.decode(space.encode({**{v.name: v.options[0] for v in space.variables}}))
    assert "decoder_ffn_1" not in active
    assert "encoder_ffn_5" in active


def test_a_search_passes_over_the_constant() -> None:
    space = tiny().space
    study = optuna.create_study(sampler=LINASSampler(space=space, seed=0))
    study.optimize(lambda t: float(suggest(t, space)["encoder_embed"]), n_trials=12)
    assert study.best_value == 16.0
    assert study.trials[0].params["encoder_depth"] == 2


def test_padding_changes_nothing() -> None:
    net = tiny().extract(largest_arch(tiny().space))
    previous = torch.tensor([[1, 5, 6]])
    short = net((torch.tensor([[5, 6, 7]]), previous))
    padded = net((torch.tensor([[5, 6, 7, 0, 0]]), previous))
    torch.testing.assert_close(short, padded)


def test_a_word_does_not_see_those_after_it() -> None:
    net = tiny().extract(largest_arch(tiny().space))
    source = torch.tensor([[5, 6, 7]])
    a = net((source, torch.tensor([[1, 5, 6]])))
    b = net((source, torch.tensor([[1, 5, 9]])))
    torch.testing.assert_close(a[:, :2], b[:, :2])
    assert not torch.allclose(a[:, 2], b[:, 2])


def test_decoding_step_by_step_is_decoding_at_once() -> None:
    supernet = tiny()
    source = torch.tensor([[5, 6, 7, 8], [9, 4, 0, 0]])
    words = torch.tensor([[1, 4, 5, 6], [1, 7, 7, 4]])
    for arch in supernet.space.sample(5, np.random.default_rng(0)):
        net = supernet.extract(arch)
        state = net.encode(source)
        steps = [net.decode(words[:, t : t + 1], state) for t in range(4)]
        torch.testing.assert_close(torch.cat(steps, dim=1), net((source, words)))


def log_probability(net: Any, source: torch.Tensor, words: list[int]) -> float:
    previous = torch.tensor([[BEGIN, *words]])
    logits = net((source, previous))[0].log_softmax(dim=-1)
    return float(logits.detach()[range(len(words) + 1), [*words, END]].sum())


def test_a_wide_beam_finds_the_best_translation_of_all() -> None:
    v, longest = 5, 3
    for seed in range(3):
        net = tiny(6, v).extract(largest_arch(tiny(6, v).space))
        torch.manual_seed(seed)
        for p in net.parameters():
            torch.nn.init.normal_(p, std=0.5)
        source = torch.tensor([[3, 4, 5]])
        others = [w for w in range(v) if w != END]
        everything = [
            list(words) for n in range(longest + 1) for words in itertools.product(others, repeat=n)
        ]
        scores = [log_probability(net, source, w) / (len(w) + 1) ** 0.6 for w in everything]
        best = everything[int(np.argmax(scores))]
        found = beam_search(
            net, source, begin=BEGIN, end=END, n_beams=v**longest, max_length=longest
        )
        assert found == [best]


def test_a_beam_of_one_is_greedy_and_batches_do_not_matter() -> None:
    net = tiny().extract(largest_arch(tiny().space))
    torch.manual_seed(3)
    for p in net.parameters():
        torch.nn.init.normal_(p, std=0.3)
    source = torch.tensor([[5, 6, 7, 8], [9, 4, 0, 0], [6, 6, 6, 0]])
    common = {"begin": BEGIN, "end": END, "max_length": 7}
    greedy = greedy_decode(net, source, **common)
    assert beam_search(net, source, n_beams=1, **common) == greedy
    assert len({tuple(words) for words in greedy}) > 1
    for n_beams in (1, 3):
        together = beam_search(net, source, n_beams=n_beams, **common)
        alone = [beam_search(net, row[None], n_beams=n_beams, **common)[0] for row in source]
        assert together == alone
    with pytest.raises(ValueError, match="n_beams counts translations"):
        beam_search(net, source, n_beams=0, **common)


def test_a_length_penalty_favours_longer_translations() -> None:
    net = tiny().extract(largest_arch(tiny().space))
    source = torch.tensor([[5, 6, 7, 8]])
    common: dict[str, Any] = {"begin": BEGIN, "end": END, "max_length": 9, "n_beams": 4}
    lengths = []
    for seed in range(12):
        torch.manual_seed(seed)
        for p in net.parameters():
            torch.nn.init.normal_(p, std=0.1)
        lengths.append(
            [len(beam_search(net, source, length_penalty=a, **common)[0]) for a in (0.0, 2.0)]
        )
    assert all(short <= long for short, long in lengths)
    assert any(short < long for short, long in lengths)


def test_it_learns_to_translate_and_bleu_says_so() -> None:
    pytest.importorskip("sacrebleu", reason="pip install 'optuna-linas[translation]'")
    pairs, test = counting(160, 0), counting(20, 1)
    source = Vocabulary.of(a for a, _ in pairs)
    target = Vocabulary.of(b for _, b in pairs)
    supernet = tiny(len(source), len(target))
    batches = translation_batches(pairs, source, target, batch_size=32)
    task = Translation(label_smoothing=0.0)
    bleu = Bleu(test, source, target, max_length=8)
    arch = largest_arch(supernet.space)
    before = bleu(supernet.extract(arch))
    train_supernet(
        supernet,
        batches,
        epochs=60,
        seed=0,
        lr=5e-3,
        task=task,
        strategy=Sandwich(0),
        progress=False,
    )
    network = supernet.extract(arch)
    after = bleu(network)
    assert before < 10 < 50 < after
    assert bleu.translate(network)[0].split()[0] in ZAHLEN
    beam = Bleu(test, source, target, n_beams=3, max_length=8)
    assert beam(network) > 50
    held_out = translation_batches(test, source, target, batch_size=8)
    assert evaluate(network, held_out, ["word_accuracy"])["word_accuracy"] > 0.7


def test_bleu_is_the_reference_implementation_of_literal_sentences() -> None:
    sacrebleu = pytest.importorskip("sacrebleu")
    words = Vocabulary.of(["a b c d e f"])
    bleu = Bleu([("a b", "a b c d e"), ("c", "f e d c b")], words, words)
    bleu.translate = lambda network: ["a b c d f", "f e d c b"]  # type: ignore[method-assign]
    expected = sacrebleu.corpus_bleu(
        ["a b c d f", "f e d c b"], [["a b c d e", "f e d c b"]], tokenize="none", force=True
    )
    assert bleu(torch.nn.Identity()) == expected.score
    assert 0 < expected.score < 100


def test_what_cannot_be_translated_is_explained() -> None:
    words = Vocabulary.of(["a b"])
    with pytest.raises(EmptyDataError, match="no sentence"):
        Bleu([], words, words)
    with pytest.raises(EmptyDataError, match="no sentence pair"):
        translation_batches([], words, words, batch_size=4)
    with pytest.raises(TypeError, match=r"extracted HATTransformer, got Linear.*extract\(arch\)"):
        Bleu([("a", "b")], words, words)(torch.nn.Linear(2, 2))
    with pytest.raises(ValueError, match="lists each word once"):
        Vocabulary(["a", "a"])
    with pytest.raises(ValueError, match="word indices"):
        Translation().check(None, torch.zeros(3))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"heads": (1, 3)}, r"heads \[3\] do not divide qkv_features=16"),
        ({"cross_spans": (1, 3)}, "cross_spans go up to 3 encoder layers, but .* may have 2"),
        ({"dropout": 1.0}, "dropout must lie in"),
        ({"decoder_depths": ()}, "decoder_depths is empty"),
    ],
)
def test_impossible_networks_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tiny(**changes)


def test_batches_share_lengths_and_shift_the_target() -> None:
    vocabulary = Vocabulary.of(["a b c d"])
    (x, previous), words = translation_batches(
        [("a b c", "a b"), ("d", "c")], vocabulary, vocabulary, batch_size=2
    )[0]
    assert x.tolist() == [[7, 0, 0], [4, 5, 6]]
    assert previous.tolist() == [[1, 6, 0], [1, 4, 5]]
    assert words.tolist() == [[6, 2, 0], [4, 5, 2]]
    assert math.isclose(float(Translation(0.0).score(torch.eye(8)[words], words)), 1.0)
