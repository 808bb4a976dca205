"""Which network learns best from few digits? A search with scikit-learn, and seeds with joblib, on all cores.

    python examples/sweep.py
    python examples/sweep.py --images 2000 --epochs 10 --jobs 4

A search is many trainings that know nothing of each other, so it is spread over processes: scikit-learn does that with
`n_jobs`, and `joblib.Parallel` with any function. Nothing is downloaded: the digits are drawn.
"""

from __future__ import annotations

import argparse

import numpy as np
from joblib import Parallel, delayed
from sklearn.model_selection import GridSearchCV

from numpycnn import Conv2D, Dense, Flatten, MaxPool2D, ReLU, load_synthetic_digits
from numpycnn.sklearn import NetworkClassifier

# The last layer, with a unit for each class, is the classifier's own.
NETWORKS = {
    "dense": [Flatten(), Dense(64), ReLU()],
    "convolution": [Conv2D(8, 3), ReLU(), MaxPool2D(2), Flatten(), Dense(32), ReLU()],
}
RATES = 1e-3, 5e-3


def digits(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return images (N, 28, 28), float32 from 0 to 1, and labels (N,)."""
    images, labels = load_synthetic_digits(count, seed)
    return images.astype(np.float32) / 255, labels


def accuracy_of_seed(classifier: NetworkClassifier, seed: int, train: tuple, test: tuple) -> float:
    """Train with another seed and return the accuracy on other digits."""
    return classifier.set_params(random_state=seed).fit(*train).score(*test)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--images", type=int, default=1000, help="digits to learn from (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=2, help="trainings at a time (default: %(default)s)")
    options = parser.parse_args()
    train, test = digits(options.images, seed=0), digits(500, seed=1)

    classifier = NetworkClassifier(image_shape=(28, 28, 1), epochs=options.epochs, random_state=0)
    grid = {"layers": list(NETWORKS.values()), "learning_rate": RATES}
    search = GridSearchCV(classifier, grid, cv=3, n_jobs=options.jobs).fit(*train)
    names = {str(layers): name for name, layers in NETWORKS.items()}
    for mean, parameters in zip(search.cv_results_["mean_test_score"], search.cv_results_["params"]):
        print(f"{names[str(parameters['layers'])]:12} learning rate {parameters['learning_rate']:.3f}: {mean:.3f}")

    # One accuracy is luck to a part: how much do seeds differ?
    best = search.best_estimator_
    jobs = (delayed(accuracy_of_seed)(best, seed, train, test) for seed in range(4))
    scores = Parallel(n_jobs=options.jobs)(jobs)
    accuracy = f"{np.mean(scores):.3f} +- {np.std(scores):.3f}"
    print(f"Best: {names[str(best.layers)]}, on 500 other digits {accuracy} over four seeds")


if __name__ == "__main__":
    main()
