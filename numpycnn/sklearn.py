"""``NetworkClassifier``: a network among scikit-learn's estimators. Needs scikit-learn.

    from numpycnn.sklearn import NetworkClassifier

    classifier = NetworkClassifier(image_shape=(28, 28, 1)).fit(images, labels)
"""

from .exchange.sklearn import NetworkClassifier

__all__ = ["NetworkClassifier"]
