"""Workflow (b): a CNN with validation data; curves of accuracy and loss, predictions of random test images.

    python b_validation.py [images] [epochs]
"""

import random
import sys

import matplotlib.pyplot as plt
import numpy as np
from numpycnn.keras.datasets import mnist
from numpycnn.keras.layers import Conv2D, Dense, Flatten, MaxPooling2D
from numpycnn.keras.models import Sequential
from numpycnn.keras.utils import to_categorical

images = int(sys.argv[1]) if len(sys.argv) > 1 else 60_000
epochs = int(sys.argv[2]) if len(sys.argv) > 2 else 10

(x_train, y_train), (x_test, y_test) = mnist.load_data()
x_train = np.expand_dims(x_train[:images].astype("float32") / 255.0, -1)
x_test = np.expand_dims(x_test[:images].astype("float32") / 255.0, -1)
y_train, y_test = to_categorical(y_train[:images]), to_categorical(y_test[:images])

model = Sequential()
model.add(Conv2D(filters=32, kernel_size=(3, 3), padding="same", activation="relu", input_shape=(28, 28, 1)))
model.add(MaxPooling2D(pool_size=(2, 2)))
model.add(Conv2D(filters=64, kernel_size=(3, 3), padding="same", activation="relu"))
model.add(MaxPooling2D(pool_size=(2, 2)))
model.add(Flatten())
model.add(Dense(units=128, activation="relu"))
model.add(Dense(units=y_train.shape[1], activation="softmax"))
model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
history = model.fit(x_train, y_train, validation_data=(x_test, y_test), epochs=epochs, batch_size=64, verbose=2)

figure, axes = plt.subplots(1, 2, figsize=(10, 4))
for axis, name in zip(axes, ("accuracy", "loss")):
    axis.plot(history.history[name], label=name)
    axis.plot(history.history["val_" + name], label="val_" + name)
    axis.set_xlabel("Epoch")
    axis.legend()
plt.savefig("curves.png")

chosen = random.sample(range(len(x_test)), 10)
probabilities = model.predict(x_test[chosen])
for row, p in zip(chosen, probabilities):
    print(f"image {row}: predicted {np.argmax(p)} ({100 * np.max(p):.1f} %), true {np.argmax(y_test[row])}")
score = model.evaluate(x_test, y_test, verbose=0)
print("Test loss:", score[0])
print("Test accuracy:", score[1])
