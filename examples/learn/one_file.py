"""A convolutional network in one file of NumPy: load, forward, backward, Adam, train, evaluate.

    python examples/learn/one_file.py                  # digits that numpycnn draws; nothing is downloaded
    python examples/learn/one_file.py --data FOLDER    # MNIST: the folder with its four files (.gz or unpacked)

Read it from top to bottom. Its twenty steps are numpycnn's to twelve digits, which a test asserts; numpycnn is faster.
Images are (N, H, W, C), filters (kh, kw, C, F), dense weights (inputs, outputs).
"""

import argparse
import gzip
import time
from pathlib import Path

import numpy as np

# -- data --------------------------------------------------------------------------------------------------------------


def read_idx(folder, name):
    """Read one of MNIST's files: a header (two zeros, type, number of axes, the axes' lengths), then the bytes."""
    path = Path(folder) / f"{name}.gz"
    content = gzip.decompress(path.read_bytes()) if path.exists() else path.with_suffix("").read_bytes()
    axes = content[3]
    shape = np.frombuffer(content, ">u4", count=axes, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)


def load(folder, n):
    """Return n training images and labels, and test images and labels: (N, 28, 28, 1) in [0, 1], and (N,)."""
    if folder is None:
        from numpycnn import load_synthetic_digits  # the only line that needs the package

        train, test = load_synthetic_digits(n, seed=0), load_synthetic_digits(2000, seed=1)
    else:
        train, test = ((read_idx(folder, f"{part}-images-idx3-ubyte"), read_idx(folder, f"{part}-labels-idx1-ubyte"))
                       for part in ("train", "t10k"))
    return [array for x, y in (train, test) for array in ((x[:n, ..., None] / 255).astype(np.float32), y[:n])]


# -- layers: forward(x), and backward(dy), which keeps the parameters' gradients and returns dx ------------------------


class Conv2D:
    """Convolution with stride 1 and no padding, as one matrix product (im2col)."""

    def __init__(self, kernel, channels, filters, rng, dtype):
        limit = np.sqrt(6 / (kernel * kernel * (channels + filters)))  # Glorot and Bengio, 2010
        w = rng.uniform(-limit, limit, (kernel, kernel, channels, filters))
        self.params = [w.astype(dtype), np.zeros(filters, dtype)]

    def forward(self, x):
        w, b = self.params
        kh, kw, _, filters = w.shape
        n, height, width, _ = self.shape = x.shape
        oh, ow = height - kh + 1, width - kw + 1
        # The window under each position becomes a row: (N * OH * OW, kh * kw * C), in the order of w's axes.
        windows = np.lib.stride_tricks.sliding_window_view(x, (kh, kw), axis=(1, 2))  # (N, OH, OW, C, kh, kw)
        self.cols = windows.transpose(0, 1, 2, 4, 5, 3).reshape(n * oh * ow, -1)
        return (self.cols @ w.reshape(-1, filters) + b).reshape(n, oh, ow, filters)

    def backward(self, dy, need_dx=True):
        w, _ = self.params
        kh, kw, channels, filters = w.shape
        rows = dy.reshape(-1, filters)  # (N * OH * OW, F)
        self.grads = [(self.cols.T @ rows).reshape(w.shape), rows.sum(axis=0)]
        if not need_dx:  # the first layer's dx is the images' gradient: nobody wants it
            return None
        dcols = (rows @ w.reshape(-1, filters).T).reshape(*dy.shape[:3], kh, kw, channels)
        dx = np.zeros(self.shape, dy.dtype)
        oh, ow = dy.shape[1:3]
        for ky in range(kh):  # a pixel lies in several windows: their gradients add (col2im)
            for kx in range(kw):
                dx[:, ky : ky + oh, kx : kx + ow] += dcols[:, :, :, ky, kx]
        return dx


class ReLU:
    """y = max(x, 0)."""

    params = ()

    def forward(self, x):
        self.positive = x > 0
        return x * self.positive

    def backward(self, dy):
        return dy * self.positive


class MaxPool2D:
    """Largest of each 2 x 2 window; a last odd row or column is left out. Of equals the first wins."""

    params = ()

    def forward(self, x):
        self.shape = n, height, width, channels = x.shape
        oh, ow = height // 2, width // 2
        windows = x[:, : 2 * oh, : 2 * ow].reshape(n, oh, 2, ow, 2, channels)
        windows = windows.transpose(0, 1, 3, 5, 2, 4).reshape(n, oh, ow, channels, 4)  # the four of a window last
        self.winners = windows.argmax(axis=-1)  # (N, OH, OW, C): 0 to 3, row by row
        return windows.max(axis=-1)

    def backward(self, dy):
        n, oh, ow, channels = dy.shape
        windows = dy[..., None] * (self.winners[..., None] == np.arange(4))  # (N, OH, OW, C, 4)
        windows = windows.reshape(n, oh, ow, channels, 2, 2).transpose(0, 1, 4, 2, 5, 3)
        dx = np.zeros(self.shape, dy.dtype)
        dx[:, : 2 * oh, : 2 * ow] = windows.reshape(n, 2 * oh, 2 * ow, channels)
        return dx


class Flatten:
    """(N, H, W, C) to (N, H * W * C)."""

    params = ()

    def forward(self, x):
        self.shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, dy):
        return dy.reshape(self.shape)


class Dense:
    """y = x W + b."""

    def __init__(self, inputs, outputs, rng, dtype):
        limit = np.sqrt(6 / (inputs + outputs))
        self.params = [rng.uniform(-limit, limit, (inputs, outputs)).astype(dtype), np.zeros(outputs, dtype)]

    def forward(self, x):
        self.x = x
        return x @ self.params[0] + self.params[1]

    def backward(self, dy):
        self.grads = [self.x.T @ dy, dy.sum(axis=0)]
        return dy @ self.params[0].T


# -- loss, optimizer ---------------------------------------------------------------------------------------------------


def softmax_cross_entropy(z, labels):
    """Return the mean loss and dL/dz = (p - t) / N: logits z (N, K), labels (N,) of 0 to K - 1."""
    rows = np.arange(len(z))
    z = z - z.max(axis=1, keepdims=True)  # nothing overflows, and p is the same
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    dz = np.exp(log_p)
    dz[rows, labels] -= 1
    return -log_p[rows, labels].mean(), dz / len(z)


class Adam:
    """Kingma and Ba, 2015, Algorithm 1."""

    def __init__(self, params, rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8):
        self.params, self.rate, self.beta1, self.beta2, self.epsilon = params, rate, beta1, beta2, epsilon
        self.m, self.v, self.t = [np.zeros_like(p) for p in params], [np.zeros_like(p) for p in params], 0

    def step(self, grads):
        self.t += 1
        for p, g, m, v in zip(self.params, grads, self.m, self.v):
            m += (1 - self.beta1) * (g - m)  # beta1 * m + (1 - beta1) * g
            v += (1 - self.beta2) * (g * g - v)
            m_hat, v_hat = m / (1 - self.beta1**self.t), v / (1 - self.beta2**self.t)
            p -= self.rate * m_hat / (np.sqrt(v_hat) + self.epsilon)


# -- network -----------------------------------------------------------------------------------------------------------


class Network:
    """A chain of layers: forward from the first to the last, backward from the last to the first."""

    def __init__(self, layers, rate):
        self.layers = layers
        self.optimizer = Adam([p for layer in layers for p in layer.params], rate)

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def step(self, x, labels):
        """Take one step on a batch; return its loss, from before the step."""
        loss, gradient = softmax_cross_entropy(self.forward(x), labels)
        for layer in reversed(self.layers[1:]):
            gradient = layer.backward(gradient)
        self.layers[0].backward(gradient, need_dx=False)
        self.optimizer.step([g for layer in self.layers if layer.params for g in layer.grads])
        return loss

    def accuracy(self, x, labels, batch=500):
        """Share of the images whose largest logit is the label's."""
        hits = [self.forward(x[i : i + batch]).argmax(axis=1) == labels[i : i + batch] for i in range(0, len(x), batch)]
        return np.concatenate(hits).mean()


def make_network(seed=0, dtype=np.float32, rate=1e-3):
    """Two convolutions, each pooled, and a Dense layer: 28 - 26 - 13 - 11 - 5 pixels a side."""
    rng = np.random.default_rng(seed)
    return Network([
        Conv2D(3, 1, 8, rng, dtype), ReLU(), MaxPool2D(),
        Conv2D(3, 8, 16, rng, dtype), ReLU(), MaxPool2D(),
        Flatten(), Dense(5 * 5 * 16, 10, rng, dtype),
    ], rate)


def main():
    parser = argparse.ArgumentParser(description="Train a small convolutional network, written in NumPy alone.")
    parser.add_argument("--data", metavar="FOLDER", help="MNIST's four files; default: digits that numpycnn draws")
    parser.add_argument("--images", type=int, default=4000, help="to train on, and at most so many to test on")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--rate", type=float, default=4e-3, help="learning rate")
    arguments = parser.parse_args()
    x, y, x_test, y_test = load(arguments.data, arguments.images)
    network, rng, batch = make_network(rate=arguments.rate), np.random.default_rng(0), 32
    for epoch in range(arguments.epochs):
        start, order, losses = time.perf_counter(), rng.permutation(len(x)), []
        for i in range(0, len(x), batch):
            rows = order[i : i + batch]
            losses.append(network.step(x[rows], y[rows]))
        accuracy, seconds = network.accuracy(x_test, y_test), time.perf_counter() - start
        print(f"epoch {epoch + 1}: loss {np.mean(losses):.4f}, test accuracy {accuracy:.4f}, {seconds:.1f} s")


if __name__ == "__main__":
    main()
