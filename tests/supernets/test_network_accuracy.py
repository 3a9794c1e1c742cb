from __future__ import annotations

import pytest
import torch
from torch import nn

from optuna_linas.errors import EmptyDataError
from optuna_linas.supernets import ElasticCNN, accuracy

LOGITS = torch.tensor([[3.0, 1.0], [0.0, 1.0], [0.0, 1.0], [2.0, 1.0]])
LABELS = torch.tensor([0, 1, 0, 0])


def test_it_is_the_share_over_images_not_over_batches() -> None:
    assert accuracy(nn.Identity(), [(LOGITS, LABELS)]) == 0.75
    uneven = [(LOGITS[:1], LABELS[:1]), (LOGITS[1:], LABELS[1:])]
    assert accuracy(nn.Identity(), uneven) == 0.75


def test_it_evaluates_in_eval_mode_and_restores_the_modes() -> None:
    network = nn.Sequential(nn.Dropout(1.0), nn.Identity()).train()
    network[1].eval()
    assert accuracy(network, [(LOGITS, LABELS)]) == 0.75
    assert [m.training for m in network] == [True, False]


def test_no_image_teaches() -> None:
    with pytest.raises(EmptyDataError, match="no image"):
        accuracy(nn.Identity(), [])
    with pytest.raises(EmptyDataError, match="no image"):
        accuracy(nn.Identity(), [(LOGITS[:0], LABELS[:0])])


def test_what_it_cannot_evaluate_is_refused() -> None:
    with pytest.raises(TypeError, match=r"super-network.*accuracy\(supernet.extract\(arch\)"):
        accuracy(ElasticCNN(n_classes=2), [(LOGITS, LABELS)])
    with pytest.raises(TypeError, match="pairs of tensors, got Tensor"):
        accuracy(nn.Identity(), [LOGITS])
    with pytest.raises(ValueError, match="Labels must be class indices"):
        accuracy(nn.Identity(), [(LOGITS, LOGITS)])
    with pytest.raises(ValueError, match=r"logits of shape \(4, n_classes\), got \(4, 2, 1\)"):
        accuracy(nn.Identity(), [(LOGITS[:, :, None], LABELS)])
