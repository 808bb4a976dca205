"""Recognise your own digits.

    python examples/predict_digit.py FILE...

is ``numpycnn predict``, with all its options: it reads pictures (PNG, JPEG, ...; dark on light or light on dark),
prints for each the digit, the probabilities of all ten and what may have gone wrong, and draws beside each picture
what the network saw of it (runs/predict_digit.png, or --output). A file that cannot be read is reported, and the others
are read all the same. The model is the one that examples/train_mnist.py wrote, or another (--model).
"""

import sys

from numpycnn.command.main import run_command

if __name__ == "__main__":
    sys.exit(run_command("predict", ["--output", "runs/predict_digit.png", *sys.argv[1:]], prog="predict_digit"))
