"""Running the page's own JavaScript under Node.js, which needs no browser."""

import base64
import json
import shutil
import subprocess

import numpy as np
import pytest

from numpycnn.page.network import describe
from numpycnn.page.write import SCRIPTS, as_json, part

COMPUTING = SCRIPTS[: SCRIPTS.index("network") + 1]  # those that need no page

DRIVER = """
const given = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const model = given.model && readModel(given.model);
const pictureOf = ({height, width, rgba}) => {
  const bytes = Buffer.from(rgba, 'base64');
  return readPicture(height, width, (top, left, rows, columns) => {
    const cut = new Uint8ClampedArray(4 * rows * columns);
    for (let y = 0; y < rows; y++) {
      const first = 4 * ((top + y) * width + left);
      cut.set(bytes.subarray(first, first + 4 * columns), 4 * y * columns);
    }
    return cut;
  });
};
const inputs = (given.inputs || []).map(numbers => run(model, Float32Array.from(numbers)));
const pictures = (given.pictures || []).map(picture => {
  const seen = model ? inputOf(model, pictureOf(picture)) : prepareDigit(pictureOf(picture));
  const answer = model && !seen.empty ? predict(model, seen.image) : {verdict: null};
  return {...seen, notes: model ? notesOf(model, seen, answer.verdict) : seen.notes, ink: null,
    image: Array.from(seen.image.data), turned: given.degrees.map(each => Array.from(turned(seen.image, each).data))};
});
for (const one of inputs) {
  one.distance = model.confidence && classDistance(model.confidence, one.features);
  one.activations = one.activations.map(values => Array.from(values));
}
console.log(JSON.stringify({inputs, pictures}));
"""


def needs_node():
    """Skip where Node.js is not installed."""
    if shutil.which("node") is None:
        pytest.skip("Node.js is not installed: the page's JavaScript runs in the campaign's browser alone")


def in_node(model=None, inputs=(), pictures=(), degrees=()):
    """Return what the scripts make of inputs (the model's) and of pictures, uint8 (H, W) or (H, W, 3 or 4).

    `degrees` are those by which what is seen of each picture is turned.
    """
    code = "\n".join(["'use strict';", *(part(f"scripts/{name}.js") for name in COMPUTING), DRIVER])
    given = {
        "model": None if model is None else as_json(describe(model)),
        "inputs": [np.asarray(x, float).ravel().tolist() for x in inputs],
        "pictures": [as_rgba(picture) for picture in pictures],
        "degrees": list(degrees),
    }
    done = subprocess.run(
        ["node", "-e", code], input=json.dumps(given), capture_output=True, text=True, timeout=300, encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def as_rgba(picture):
    """Return a picture as a browser decodes it."""
    picture = np.asarray(picture)
    assert picture.dtype == np.uint8
    colours = np.repeat(picture[..., None], 3, axis=2) if picture.ndim == 2 else picture
    if colours.shape[2] == 3:
        colours = np.concatenate([colours, np.full((*colours.shape[:2], 1), 255, np.uint8)], axis=2)
    height, width, _ = colours.shape
    return {"height": height, "width": width, "rgba": base64.b64encode(colours.tobytes()).decode()}
