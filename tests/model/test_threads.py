"""A model that another thread changes: each method finds the weights as they are between two steps."""

import copy
import pickle
import sys
import threading

import numpy as np
import pytest

from numpycnn import Dense, Sequential


class Flickering:
    """A model whose weights are all 0 or all 1: another thread goes from one to the other, under the model's lock."""

    def __init__(self):
        self.model = Sequential([Dense(1, use_bias=False) for _ in range(6)], input_shape=(1,), seed=0)
        self.model.compile("sgd", "mse")
        self.model.arena.values[:] = 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.flicker)

    def flicker(self):
        while not self.ended.is_set():
            with self.model.lock:
                for layer in self.model.layers:
                    layer.parameters[0].value[:] = 1 - layer.parameters[0].value

    def __enter__(self):
        self.interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)  # the threads take turns as often as they can
        self.thread.start()
        return self.model

    def __exit__(self, *exception):
        self.ended.set()
        self.thread.join()
        sys.setswitchinterval(self.interval)


X = np.ones((8, 1), np.float32)

LOOKS = {
    "predict": lambda model: model.predict(X, batch_size=1),
    "evaluate": lambda model: np.array([model.evaluate(X, 0 * X, batch_size=1)]),
    "activations": lambda model: np.stack(model.activations(X)),
    "get_weights": lambda model: np.stack(model.get_weights()),
    "copy": lambda model: copy.copy(model).arena.values,
    "deepcopy": lambda model: copy.deepcopy(model).arena.values,
    "pickle": lambda model: pickle.loads(pickle.dumps(model)).arena.values,
}


@pytest.mark.parametrize("look", LOOKS)
def test_each_call_sees_one_state_of_the_weights(look):
    seen = set()
    with Flickering() as model:
        for looks in range(10_000):
            if looks >= 40 and len(seen) == 2:
                break
            found = np.unique(LOOKS[look](model)).tolist()
            assert found in ([0], [1])
            seen.update(found)
    assert seen == {0, 1}


def test_a_model_trains_on_while_others_look_at_it():
    """A thread that comes back again and again does not keep the training from its turn."""
    model = Sequential([Dense(4)], input_shape=(3,), seed=0)
    model.compile("sgd", "mse")
    x, y = np.ones((64, 3)), np.ones((64, 4))
    many, ended, calls = np.ones((20_000, 3)), threading.Event(), []

    def look():
        while not ended.is_set():
            model.predict(many)
            calls.append(model.optimizer.steps)

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    model.fit(x, y, batch_size=8, epochs=300, verbose=0)
    ended.set()
    for thread in threads:
        thread.join()
    assert model.optimizer.steps == 2400 and len(set(calls)) > 10  # they took turns
