"""How good the predictions are: classes that are right, and probabilities that can be trusted."""

from .classification import (
    ClassScores, accuracy, classification_report, confusion_matrix, precision_recall_f1, top_k_accuracy,
)
from .confidence import Calibration, Confidence, calibration, fit_confidence, most_confident_mistakes
from .distance import ClassDistance, fit_class_distance
from .running import AUC, Accuracy, BinaryAccuracy, F1Score, MeanLoss, Metric, Precision, Recall, TopKAccuracy

__all__ = [
    "AUC", "Accuracy", "BinaryAccuracy", "Calibration", "ClassDistance", "ClassScores", "Confidence", "F1Score",
    "MeanLoss", "Metric", "Precision", "Recall", "TopKAccuracy", "accuracy", "calibration", "classification_report",
    "confusion_matrix", "fit_class_distance", "fit_confidence", "most_confident_mistakes", "precision_recall_f1",
    "top_k_accuracy",
]
