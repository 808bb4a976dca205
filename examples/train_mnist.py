"""Train a network on MNIST and show what it learned.

    python examples/train_mnist.py

It is ``numpycnn train``, with all its options: it loads MNIST (from --data-dir, or the mnist folder below
NUMPYCNN_DATA, or the cache, or the network), trains, prints the test accuracy and a report, and writes the model, the
figures and the pictures into the output directory. Without MNIST and without a network it trains on digits drawn by
numpycnn. --recipe and --dataset choose another network and other images (numpycnn/command/recipes.py). A run that was
killed goes on with the same command and --resume, and so does a finished one with more --epochs.
"""

import sys

from numpycnn.command.main import run_command

if __name__ == "__main__":
    sys.exit(run_command("train", sys.argv[1:], prog="train_mnist"))
