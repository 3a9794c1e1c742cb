"""Super-networks: the weights of every architecture of a space, trained once and shared."""

from optuna_linas.supernets.calibration import recalibrate_batch_norm
from optuna_linas.supernets.elastic_cnn import ElasticCNN
from optuna_linas.supernets.elastic_layers import (
    ElasticBatchNorm2d,
    ElasticConv2d,
    ElasticLinear,
)
from optuna_linas.supernets.evaluation import accuracy
from optuna_linas.supernets.ofa_mobilenet import OFA_UNITS, MobileUnit, OFAMobileNetV3
from optuna_linas.supernets.ofa_resnet import OFAResNet50
from optuna_linas.supernets.protocol import Arch, Supernet, as_row, largest_arch, smallest_arch
from optuna_linas.supernets.shared_weights import SharedWeights
from optuna_linas.supernets.training import TrainingLog, train_supernet

__all__ = [
    "OFA_UNITS",
    "Arch",
    "ElasticBatchNorm2d",
    "ElasticCNN",
    "ElasticConv2d",
    "ElasticLinear",
    "MobileUnit",
    "OFAMobileNetV3",
    "OFAResNet50",
    "SharedWeights",
    "Supernet",
    "TrainingLog",
    "accuracy",
    "as_row",
    "largest_arch",
    "recalibrate_batch_norm",
    "smallest_arch",
    "train_supernet",
]
