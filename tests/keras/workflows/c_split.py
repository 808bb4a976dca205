"""Workflow (c): three convolutions, integer labels, an 80/20 split of the training data.

    python c_split.py [images] [epochs]
"""

import sys

import numpycnn.keras as keras
from sklearn.model_selection import train_test_split

images = int(sys.argv[1]) if len(sys.argv) > 1 else 60_000
epochs = int(sys.argv[2]) if len(sys.argv) > 2 else 5

(x, y), (x_test, y_test) = keras.datasets.mnist.load_data()
x, y, x_test, y_test = x[:images] / 255.0, y[:images], x_test[:images] / 255.0, y_test[:images]
x_train, x_val, y_train, y_val = train_test_split(x, y, test_size=0.2, random_state=42)

inputs = keras.Input(shape=(28, 28, 1))
z = keras.layers.Conv2D(32, 3, activation="relu")(inputs)
z = keras.layers.MaxPooling2D()(z)
z = keras.layers.Conv2D(64, 3, activation="relu")(z)
z = keras.layers.MaxPooling2D()(z)
z = keras.layers.Conv2D(64, 3, activation="relu")(z)
z = keras.layers.Flatten()(z)
z = keras.layers.Dense(64, activation="relu")(z)
outputs = keras.layers.Dense(10)(z)
model = keras.Model(inputs, outputs, name="three_convolutions")
model.summary()
assert model.count_params() == 93_322

model.compile(
    optimizer=keras.optimizers.Adam(learning_rate=1e-3),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=3, restore_best_weights=True)
x_train, x_val, x_test = (a.reshape(-1, 28, 28, 1).astype("float32") for a in (x_train, x_val, x_test))
model.fit(x_train, y_train, epochs=epochs, validation_data=(x_val, y_val), callbacks=[stop], verbose=2)
results = model.evaluate(x_test, y_test, verbose=0, return_dict=True)
print({name: round(value, 4) for name, value in results.items()})

first = keras.Model(inputs=model.inputs, outputs=model.layers[1].output)
print("feature maps of the first layer:", first.predict(x_test[:1], verbose=0).shape)
