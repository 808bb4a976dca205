"""The reference CNN in Keras's words.

    python examples/keras_quickstart.py

It runs under Keras as well: change the import line into ``from tensorflow import keras``, or ``import keras``.
"""

import argparse

from numpycnn import keras

argparse.ArgumentParser(description="Train the reference CNN, in Keras's words.").parse_args()  # no options
(x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
x_train, x_test = x_train[..., None].astype("float32") / 255, x_test[..., None].astype("float32") / 255

model = keras.Sequential([
    keras.Input((28, 28, 1)),
    keras.layers.Conv2D(32, (3, 3), activation="relu"),
    keras.layers.MaxPooling2D((2, 2)),
    keras.layers.Conv2D(64, (3, 3), activation="relu"),
    keras.layers.MaxPooling2D((2, 2)),
    keras.layers.Flatten(),
    keras.layers.Dense(128, activation="relu"),
    keras.layers.Dense(10, activation="softmax"),
])
model.summary()
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train, batch_size=64, epochs=3, validation_split=0.1)
loss, accuracy = model.evaluate(x_test, y_test)
print(f"test accuracy: {accuracy:.4f}, test loss: {loss:.4f}")
print("first ten:", model.predict(x_test[:10]).argmax(axis=1), "true:", y_test[:10])
