"""Super-networks: the weights of every architecture of a space, trained once and shared."""

from optuna_linas.supernets.bleu import Bleu
from optuna_linas.supernets.calibration import recalibrate_batch_norm
from optuna_linas.supernets.checkpoints import load_weights, save_weights
from optuna_linas.supernets.decoding import beam_search, greedy_decode
from optuna_linas.supernets.elastic_audio_cnn import ElasticAudioCNN
from optuna_linas.supernets.elastic_cnn import ElasticCNN
from optuna_linas.supernets.elastic_layers import (
    ElasticBatchNorm2d,
    ElasticConv2d,
    ElasticLinear,
)
from optuna_linas.supernets.elastic_ncf import ElasticNCF
from optuna_linas.supernets.evaluation import SCORES, Score, accuracy, evaluate
from optuna_linas.supernets.hat_transformer import HATTransformer
from optuna_linas.supernets.interactions import (
    ImplicitBatches,
    Interactions,
    low_rank_interactions,
    read_movielens,
)
from optuna_linas.supernets.make_elastic import make_elastic
from optuna_linas.supernets.ofa_mobilenet import OFA_UNITS, MobileUnit, OFAMobileNetV3
from optuna_linas.supernets.ofa_resnet import OFAResNet50
from optuna_linas.supernets.protocol import Arch, Supernet, as_row, largest_arch, smallest_arch
from optuna_linas.supernets.quantization import Int8, quantize_int8
from optuna_linas.supernets.schedules import Cosine
from optuna_linas.supernets.shared_weights import SharedWeights
from optuna_linas.supernets.shipping import export_program, fine_tune
from optuna_linas.supernets.strategies import ProgressiveShrinking, Sandwich, Strategy, Uniform
from optuna_linas.supernets.tasks import Classification, Ranking, Task, Translation
from optuna_linas.supernets.training import TrainingLog, train_supernet
from optuna_linas.supernets.vocabulary import Vocabulary, translation_batches

__all__ = [
    "OFA_UNITS",
    "SCORES",
    "Arch",
    "Bleu",
    "Classification",
    "Cosine",
    "ElasticAudioCNN",
    "ElasticBatchNorm2d",
    "ElasticCNN",
    "ElasticConv2d",
    "ElasticLinear",
    "ElasticNCF",
    "HATTransformer",
    "ImplicitBatches",
    "Int8",
    "Interactions",
    "MobileUnit",
    "OFAMobileNetV3",
    "OFAResNet50",
    "ProgressiveShrinking",
    "Ranking",
    "Sandwich",
    "Score",
    "SharedWeights",
    "Strategy",
    "Supernet",
    "Task",
    "TrainingLog",
    "Translation",
    "Uniform",
    "Vocabulary",
    "accuracy",
    "as_row",
    "beam_search",
    "evaluate",
    "export_program",
    "fine_tune",
    "greedy_decode",
    "largest_arch",
    "load_weights",
    "low_rank_interactions",
    "make_elastic",
    "quantize_int8",
    "read_movielens",
    "recalibrate_batch_norm",
    "save_weights",
    "smallest_arch",
    "train_supernet",
    "translation_batches",
]
