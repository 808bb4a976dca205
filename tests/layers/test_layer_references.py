"""Layers against numbers of PyTorch's, float64, recorded: ``tests/helpers/layer_references.py`` has asked for them."""

from pathlib import Path

import numpy as np
import pytest
from layer_references import REFERENCES, result
from layer_table import both_kernel_sets

from numpycnn import kernels

with np.load(Path(__file__).parent / "torch_layers.npz") as archive:
    RECORDED = dict(archive)


@both_kernel_sets
@pytest.mark.parametrize("name", REFERENCES)
def test_a_layer_gives_what_pytorch_gave(name, kernel_set):
    layer, shape, _ = REFERENCES[name]
    with kernels.using(kernel_set):
        found, _ = result(layer, shape)
    expected = {key.removeprefix(f"{name}: "): array for key, array in RECORDED.items() if key.startswith(f"{name}: ")}
    assert found.keys() == expected.keys()
    for key, array in expected.items():
        np.testing.assert_allclose(found[key], array, rtol=0, atol=1e-10 * abs(array).max(), err_msg=key)
