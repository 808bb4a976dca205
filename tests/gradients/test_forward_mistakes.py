"""Where backward is right and forward is not, the hint names the mistake of the forward, from the library."""

import numpy as np
import pytest

from numpycnn import BatchNorm, Conv2D, Dense, MaxPool2D
from numpycnn.gradcheck import check_layer
from numpycnn.mistakes import MISTAKES, edited, solutions


def wrong(base, solution, name, arguments):
    """A layer whose backward is the package's and whose forward has a mistake of the library."""
    entry = next(entry for entry in MISTAKES[solution] if entry.name == name)
    function = edited(getattr(solutions, solution), entry)

    class Wrong(base):
        def forward(self, x, training=False):
            super().forward(x, training)
            return function(x, *(p.value for p in self.parameters), *arguments)

    return Wrong, entry.says


@pytest.mark.parametrize(("base", "solution", "name", "arguments", "config", "shape"), [
    (Conv2D, "conv2d_forward", "filters-flipped-up-down", (2, 1), dict(filters=2, kernel_size=(2, 3), strides=2,
                                                                       padding=1), (6, 5, 2)),
    (Conv2D, "conv2d_forward", "window-averaged", (1, 0), dict(filters=2, kernel_size=2), (4, 5, 2)),
    (MaxPool2D, "max_pool_forward", "minimum-for-maximum", (2, 2), dict(pool_size=2), (4, 6, 2)),
    (BatchNorm, "batch_norm_forward", "epsilon-outside-root", (0.1,), dict(epsilon=0.1), (3, 2, 2)),
    (Dense, "dense_forward", "relu-applied", (), dict(units=3), (4,)),
])  # fmt: skip
def test_the_forward_s_mistake_is_named(base, solution, name, arguments, config, shape):
    cls, says = wrong(base, solution, name, arguments)
    row = check_layer(cls(**config), shape)["dx"]
    assert not row.passed and np.isfinite(row.analytic)
    assert row.hint == f"backward is right for {base.__name__}: forward is what is wrong ({says})"
