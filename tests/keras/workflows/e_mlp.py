"""Workflow (e): dense layers, integer labels, a file, the first ten predictions, a classification report.

    python e_mlp.py [images] [epochs]
"""

import sys

import numpy as np
from numpycnn import keras
from sklearn.metrics import classification_report

images = int(sys.argv[1]) if len(sys.argv) > 1 else 60_000
epochs = int(sys.argv[2]) if len(sys.argv) > 2 else 10

(x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
x_train, y_train = x_train[:images].astype("float32") / 255, y_train[:images]
x_test, y_test = x_test[:images].astype("float32") / 255, y_test[:images]

model = keras.models.Sequential()
model.add(keras.layers.Flatten(input_shape=[28, 28]))
model.add(keras.layers.Dense(300, activation="relu", kernel_initializer="he_normal"))
model.add(keras.layers.Dense(200, activation="relu"))
model.add(keras.layers.Dense(100, activation=keras.activations.relu))
model.add(keras.layers.Dense(10, activation="softmax"))
print(model.layers[1].get_weights()[0].shape, model.count_params())
assert model.count_params() == 316_810

model.compile(loss="sparse_categorical_crossentropy", optimizer=keras.optimizers.SGD(0.01, momentum=0.9),
              metrics=["accuracy"])
model.fit(x_train, y_train, epochs=epochs, validation_split=0.1, verbose=2)
model.save("model.h5")
again = keras.models.load_model("model.h5")
probabilities = again.predict(x_test)
assert np.allclose(probabilities, model.predict(x_test), atol=1e-6)
print("first ten:", probabilities[:10].argmax(axis=1), "true:", y_test[:10])
print(classification_report(y_test, probabilities.argmax(axis=1), zero_division=0))
