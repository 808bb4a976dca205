"""Workflow (d): augmentation and dropout; a confusion matrix, the loss's curves.

    python d_augmentation.py [images] [epochs]
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from numpycnn.keras.callbacks import ReduceLROnPlateau
from numpycnn.keras.datasets import mnist
from numpycnn.keras.layers import BatchNormalization, Conv2D, Dense, Dropout, Flatten, MaxPool2D
from numpycnn.keras.models import Sequential
from numpycnn.keras.optimizers import RMSprop
from numpycnn.keras.preprocessing.image import ImageDataGenerator
from numpycnn.keras.utils import to_categorical
from sklearn.metrics import confusion_matrix

images = int(sys.argv[1]) if len(sys.argv) > 1 else 60_000
epochs = int(sys.argv[2]) if len(sys.argv) > 2 else 10

(x_train, y_train), (x_test, y_test) = mnist.load_data()
x_train, x_test = (a[:images].reshape(-1, 28, 28, 1).astype("float32") / 255 for a in (x_train, x_test))
y_train, y_test = to_categorical(y_train[:images], 10), y_test[:images]

model = Sequential()
model.add(Conv2D(32, (5, 5), padding="Same", activation="relu", input_shape=(28, 28, 1)))
model.add(BatchNormalization())
model.add(MaxPool2D(pool_size=(2, 2)))
model.add(Dropout(0.25))
model.add(Conv2D(64, (3, 3), padding="Same", activation="relu"))
model.add(MaxPool2D(pool_size=(2, 2), strides=(2, 2)))
model.add(Dropout(0.25))
model.add(Flatten())
model.add(Dense(256, activation="relu"))
model.add(Dropout(0.5))
model.add(Dense(10, activation="softmax"))
model.compile(RMSprop(learning_rate=0.001), loss="categorical_crossentropy", metrics=["accuracy"])

datagen = ImageDataGenerator(rotation_range=10, zoom_range=0.1, width_shift_range=0.1, height_shift_range=0.1)
datagen.fit(x_train)
slower = ReduceLROnPlateau(monitor="val_accuracy", patience=3, factor=0.5, min_lr=1e-5, verbose=1)
history = model.fit(
    datagen.flow(x_train, y_train, batch_size=86),
    epochs=epochs,
    validation_data=(x_test, to_categorical(y_test, 10)),
    steps_per_epoch=max(1, len(x_train) // 86),
    callbacks=[slower],
    verbose=2,
)

plt.plot(history.history["loss"], label="training")
plt.plot(history.history["val_loss"], label="validation")
plt.legend()
plt.savefig("loss.png")
predicted = np.argmax(model.predict(x_test), axis=1)
matrix = confusion_matrix(y_test, predicted, labels=range(10))
print(matrix)
assert matrix.sum() == len(x_test)
