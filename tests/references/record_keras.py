"""Record what the real Keras computes and takes, for tests in tests/keras, which run without it.

    KERAS_BACKEND=tensorflow python tests/references/record_keras.py [output]

Every case of tests/helpers/keras_cases.py: losses of each step rounded to 7 digits, predictions likewise; metrics.
Beside it, in signatures.json, the arguments of each class that the facade has, too, with their defaults.
"""

import inspect
import json
import sys
from pathlib import Path

import keras

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "helpers"))

import keras_cases  # noqa: E402


def rounded(value):
    return [rounded(each) for each in value] if isinstance(value, list) else float(f"{value:.7g}")


def signatures():
    """Return, by module and class, the arguments and their defaults; "REQUIRED" has none."""
    from numpycnn import keras as ours

    found = {}
    for module in ("layers", "optimizers", "losses", "metrics", "callbacks", "initializers", "regularizers"):
        for name, theirs in sorted(vars(getattr(keras, module)).items()):
            known = vars(getattr(ours, module)).get(name)
            if not inspect.isclass(theirs) or not inspect.isclass(known) or theirs.__name__ != name:
                continue
            arguments = [each for each in inspect.signature(theirs).parameters.values() if each.kind.name[:3] != "VAR"]
            found[f"{module}.{name}"] = {a.name: "REQUIRED" if a.default is a.empty else a.default for a in arguments}
    return found


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
    lines = [f"{json.dumps(name)}: {json.dumps(words)}" for name, words in signatures().items()]
    output.with_name("signatures.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{output}: {output.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
