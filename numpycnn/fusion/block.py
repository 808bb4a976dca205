"""A block: layers that run as one."""

from __future__ import annotations

from typing import Any

from ..layers import Layer


class Block(Layer):
    """Layers that run as one; built as they are."""

    blocks: tuple[Layer, ...] = ()  # other blocks, or layers, that do a part of its work
    by_winograd = False  # whether its sums take fewer multiplications than the layers'

    def __init__(self, *layers: Layer) -> None:
        self.layers = layers
        self.input_shape, self.output_shape = layers[0].input_shape, layers[-1].output_shape
        self.dtype = layers[0].dtype
        self.parameters = tuple(p for layer in layers for p in layer.parameters)
        self.built = True

    @property
    def trainable(self) -> bool:
        """Whether training changes any of its parameters: those of a layer that is not frozen."""
        return self.learns

    @trainable.setter
    def trainable(self, trainable: bool) -> None:
        for layer in self.layers:
            layer.trainable = trainable

    @property
    def learns(self) -> bool:
        for layer in self.layers:  # asked at every step
            if layer.learns:
                return True
        return False

    def join_model(self) -> None:
        super().join_model()
        for part in self.blocks:
            part.join_model()

    @staticmethod
    def suits(*layers: Any) -> bool:
        """Whether these layers, of the right classes, are a case that the block handles."""
        return True

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.layers))})"

    def executed_shares(self, need_dx: bool) -> tuple[float, float]:
        """Return what share of the products it does at most, forward and backward, on the latest batch.

        More than 1 where products with a border of zeros are done that the layers' own arithmetic leaves out.
        """
        return 1.0, 1.0


def shares_of(item: Layer, need_dx: bool) -> tuple[float, float]:
    """Return the same for any layer: one that is no block does all of its products."""
    return item.executed_shares(need_dx) if isinstance(item, Block) else (1.0, 1.0)


def mean_share(dw: float, dx: float, learns: bool, need_dx: bool) -> float:
    """Return the share of backward from those of its two halves, as far as they are done."""
    shares = [dw] * learns + [dx] * need_dx
    return sum(shares) / len(shares) if shares else 1.0
