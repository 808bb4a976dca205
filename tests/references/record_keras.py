"""Record what the real Keras computes, for tests/keras/test_keras_recorded.py, which runs without it.

    KERAS_BACKEND=tensorflow python tests/references/record_keras.py [output]

Every case of tests/helpers/keras_cases.py: losses of each step rounded to 7 digits, predictions likewise; metrics.
"""

import json
import sys
from pathlib import Path

import keras

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "helpers"))

import keras_cases  # noqa: E402


def rounded(value):
    return [rounded(each) for each in value] if isinstance(value, list) else float(f"{value:.7g}")


def main():
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else TESTS / "keras" / "recorded.json"
    trained = {}
    for name, run in keras_cases.cases(keras):
        result = run()
        # Every tenth loss, and the first ten: enough to see a formula that differs.
        losses = result["losses"]
        trained[name] = {"losses": rounded(losses[:10] + losses[19::10]), "predictions": rounded(result["predictions"])}
        print(name, losses[0], losses[-1])
    predicted = {name: rounded(values) for name, values in keras_cases.predictions(keras)}
    figures = {name: rounded(values) for name, values in keras_cases.metrics(keras)}
    scores = {name: rounded(values) for name, values in keras_cases.evaluations(keras)}
    made = f"Keras {keras.__version__} ({keras.backend.backend()})"
    found = {"made by": made, "trained": trained, "predicted": predicted, "metrics": figures, "evaluated": scores}
    output.write_text(json.dumps(found) + "\n")
    print(f"{output}: {output.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
