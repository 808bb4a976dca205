"""A model in PyTorch, made of the code and the weights that are exported."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from ...model import Sequential
from ..channels_first import images_first
from ..torch.modules import Module, modules, sequential_code
from ..torch.state_dict import ABSENT, state_dict

EPSILON_HAT = False  # Adam as in the paper


def version() -> str:
    import torch

    return f"PyTorch {torch.__version__}"


def _made(model: Sequential) -> Any:
    """Return the ``nn.Sequential``, in the model's dtype."""
    import torch

    names: dict[str, Any] = {}
    exec(sequential_code(model), names)  # our own words around checked numbers
    made = names["model"].to(getattr(torch, model.dtype.name))
    made.load_state_dict({name: torch.from_numpy(array) for name, array in state_dict(model).items()})
    for module, theirs in zip(modules(model), made):
        absent = ABSENT.keys() - {p.name for p in module.placed.layer.parameters}
        for name, ours in module.names.items():
            if ours in absent:
                getattr(theirs, name).requires_grad_(False)  # the layer here has none that learns
    return made


def outputs(model: Sequential, x: NDArray) -> list[NDArray]:
    """Return what each layer makes of x, as it is here."""
    import torch

    found: dict[int, tuple[Module, NDArray]] = {}
    with torch.no_grad():
        value = torch.from_numpy(images_first(x))
        for module, theirs in zip(modules(model), _made(model).eval()):
            value = theirs(value)
            found[id(module.placed.layer)] = module, value.numpy()  # the layer's last module stays
    return [module.placed.from_images_first(y) for module, y in found.values()]


def train(model: Sequential, x: NDArray, y: NDArray, steps: int) -> tuple[list, list]:
    """Return, by layer, the parameters' gradients at the first step, and their values after all."""
    import torch

    made, described, images = _made(model).train(), modules(model), torch.from_numpy(images_first(x))
    ours: Any = model.optimizer
    optimizer = torch.optim.Adam(made.parameters(), ours.learning_rate, (ours.beta1, ours.beta2), ours.epsilon)
    gradients: list[list[NDArray]] = []
    for _ in range(steps):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(made(images), torch.from_numpy(y)).backward()
        optimizer.step()
        gradients = gradients or _by_layer(model, described, made, lambda parameter: parameter.grad)
    return gradients, _by_layer(model, described, made, lambda parameter: parameter.detach())


def _by_layer(model: Sequential, described: list[Module], made: Any, part: Any) -> list[list[NDArray]]:
    """Return a part of each parameter in our layout."""
    found: dict[tuple[int, str], NDArray] = {}
    for module, theirs in zip(described, made):
        shapes = {p.name: p.value.shape for p in module.placed.layer.parameters}
        for name, ours in module.names.items():
            if ours in shapes:
                array = part(getattr(theirs, name)).numpy()
                key = id(module.placed.layer), ours
                found[key] = module.placed.from_others(ours, array, shapes[ours])
    return [[found[id(layer), p.name] for p in layer.parameters] for layer in model.layers]
