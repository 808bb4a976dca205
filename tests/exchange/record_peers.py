"""Record small models of PyTorch's and Keras's, with inputs and what they make of them, into ``recorded/``.

    python tests/exchange/record_peers.py torch     # with torch, onnx, onnxscript
    python tests/exchange/record_peers.py keras     # with keras, tensorflow, tf2onnx

Run where those are installed; the tests read the files without them.
"""

import sys
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent / "recorded"


def record_torch():
    import torch
    from torch import nn

    torch.manual_seed(0)

    class View(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.fc = nn.Conv2d(2, 3, 3), nn.Linear(48, 4)

        def forward(self, x):
            x = torch.relu(self.conv(x))
            return self.fc(x.view(x.size(0), -1))

    networks = {
        "cnn": (nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 3, padding=1, stride=2),
            nn.GELU(), nn.Flatten(), nn.Dropout(0.2), nn.Linear(54, 8), nn.SiLU(), nn.Linear(8, 3), nn.Softmax(dim=1),
        ), (1, 12, 12)),
        "gap": (nn.Sequential(
            nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(3, 4, 3, stride=2), nn.LeakyReLU(0.2),
            nn.Conv2d(4, 4, 3, padding=1, groups=4), nn.ELU(), nn.AvgPool2d(2, ceil_mode=True),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3), nn.Sigmoid(),
        ), (3, 9, 8)),
        "mlp": (nn.Sequential(
            nn.Flatten(), nn.Linear(48, 8), nn.Tanh(), nn.BatchNorm1d(8), nn.LayerNorm(8),
            nn.GELU(approximate="tanh"), nn.Linear(8, 4),
        ), (3, 4, 4)),
        "view": (View(), (2, 6, 6)),
    }  # fmt: skip
    for name, (network, shape) in networks.items():
        for module in network.modules():
            if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
                module.running_mean.uniform_(-1, 1)
                module.running_var.uniform_(0.5, 2)
        x = torch.randn(4, *shape)
        y = network.eval()(x).detach()
        for number, options in enumerate((
            {"dynamo": False, "opset_version": 17, "dynamic_axes": {"x": {0: "N"}}},
            {"dynamo": True, "external_data": False, "dynamic_shapes": ({0: torch.export.Dim("N", min=2, max=1000)},)},
        )):  # fmt: skip
            torch.onnx.export(network, (x,), FOLDER / f"torch_{name}_{number}.onnx", input_names=["x"], **options)
            forget_places(FOLDER / f"torch_{name}_{number}.onnx")
            np.savez(FOLDER / f"torch_{name}_{number}.npz", x=x.numpy(), y=y.numpy())
    record_state_dicts()


def forget_places(path):
    """Remove from an ONNX file what says where it was made: lines of code, folders."""
    import onnx

    model = onnx.load(path)
    for message in (model, model.graph, *model.graph.node, *model.graph.input, *model.graph.output,
                    *model.graph.value_info, *model.graph.initializer):
        message.ClearField("metadata_props")
        message.ClearField("doc_string")
    onnx.save(model, path)


def record_state_dicts():
    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1, self.bn, self.fc = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Linear(100, 3)

        def forward(self, x):
            x = torch.max_pool2d(torch.relu(self.bn(self.conv1(x))), 2)
            return self.fc(torch.flatten(x, 1))

    network = Net()
    network.train()(torch.randn(8, 1, 12, 12))
    x, state = torch.randn(4, 1, 12, 12), network.eval().state_dict()
    np.savez(FOLDER / "state.npz", x=x.numpy(), y=network(x).detach().numpy())
    Net.__qualname__ = Net.__name__ = "Net"
    globals()["Net"] = Net
    torch.save(state, FOLDER / "state.pt")
    torch.save(state, FOLDER / "state_protocol4.pt", pickle_protocol=4)
    optimizer = torch.optim.Adam(network.parameters()).state_dict()
    torch.save({"epoch": 3, "state_dict": state, "optimizer": optimizer}, FOLDER / "state_checkpoint.pt")
    parameters = {name: nn.Parameter(v) if v.is_floating_point() else v for name, v in state.items()}
    torch.save(parameters, FOLDER / "state_parameters.pt")
    for name in ("half", "bfloat16"):
        dtype = getattr(torch, name)
        torch.save({n: v.to(dtype) if v.is_floating_point() else v for n, v in state.items()},
                   FOLDER / f"state_{name}.pt")
    torch.save(network, FOLDER / "module.pt")


def record_keras():
    import keras
    from keras import layers as kl

    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    networks = {
        "cnn": [
            kl.Input((12, 12, 1)), kl.Rescaling(1 / 255), kl.Conv2D(4, 3, activation="relu"), kl.BatchNormalization(),
            kl.MaxPooling2D(2), kl.Conv2D(6, 3, strides=2, padding="same", activation="silu"), kl.Flatten(),
            kl.Dropout(0.2), kl.Dense(8, activation="silu"), kl.BatchNormalization(), kl.Dense(3, activation="softmax"),
        ],
        "gap": [
            kl.Input((9, 8, 3)), kl.ZeroPadding2D(((0, 1), (0, 1))), kl.Conv2D(4, 3, strides=2, activation="elu"),
            kl.DepthwiseConv2D(3, padding="same"), kl.LeakyReLU(0.2), kl.AveragePooling2D(2, padding="same"),
            kl.SeparableConv2D(5, 2), kl.GlobalAveragePooling2D(), kl.Dense(3, activation="sigmoid"),
        ],
        "mlp": [kl.Input((8, 7, 2)), kl.Flatten(), kl.Dense(8, activation="tanh"), kl.Dense(4)],
    }  # fmt: skip
    for name, layers in networks.items():
        network = keras.Sequential(layers)
        for layer in network.layers:
            if isinstance(layer, kl.BatchNormalization):
                gamma, beta, mean, variance = layer.get_weights()
                mean, variance = rng.standard_normal(mean.shape), rng.random(variance.shape) + 0.5
                layer.set_weights([gamma + 0.3, beta - 0.2, mean, variance])
        x = rng.standard_normal((4, *network.input_shape[1:])).astype("float32") * (100 if name == "cnn" else 1)
        y = np.array(network(x))
        network.export(FOLDER / f"keras_{name}.onnx", format="onnx", verbose=False)
        np.savez(FOLDER / f"keras_{name}.npz", x=x, y=y)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    {"torch": record_torch, "keras": record_keras}[sys.argv[1]]()
