"""Workflow (a): a CNN with one-hot labels; a grid of samples, predictions, the accuracy's curve.

    python a_cnn.py [images] [epochs]
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from numpycnn import keras
from numpycnn.keras import layers
from numpycnn.keras.utils import to_categorical

images = int(sys.argv[1]) if len(sys.argv) > 1 else 60_000
epochs = int(sys.argv[2]) if len(sys.argv) > 2 else 10

(x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
x_train, y_train, x_test, y_test = x_train[:images], y_train[:images], x_test[:images], y_test[:images]

plt.figure(figsize=(6, 6))
for i in range(16):
    plt.subplot(4, 4, i + 1)
    plt.imshow(x_train[i], cmap="gray")
    plt.title(y_train[i])
    plt.axis("off")
plt.savefig("samples.png")

x_train = x_train.reshape(-1, 28, 28, 1).astype("float32") / 255
x_test = x_test.reshape(-1, 28, 28, 1).astype("float32") / 255
y_train, y_test = to_categorical(y_train, 10), to_categorical(y_test, 10)

model = keras.Sequential([
    layers.Conv2D(32, (3, 3), activation="relu", input_shape=(28, 28, 1)),
    layers.MaxPooling2D((2, 2)),
    layers.Conv2D(64, (3, 3), activation="relu"),
    layers.MaxPooling2D((2, 2)),
    layers.Flatten(),
    layers.Dense(128, activation="relu"),
    layers.Dense(10, activation="softmax"),
])
model.summary()
model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x_train, y_train, batch_size=64, epochs=epochs, validation_data=(x_test, y_test), verbose=2)

loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
print(f"test loss {loss:.4f}, test accuracy {accuracy:.4f}")
predictions = model.predict(x_test[:16])
print("predicted", np.argmax(predictions, axis=1), "true", np.argmax(y_test[:16], axis=1))

plt.figure()
plt.plot(history.history["accuracy"], label="training")
plt.plot(history.history["val_accuracy"], label="validation")
plt.xlabel("Epoch")
plt.ylabel("Accuracy")
plt.legend()
plt.savefig("accuracy.png")
