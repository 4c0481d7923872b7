"""Models of the user's own for tests: two layers, with a loss or without.

Workers import this module: what the notebook's side needs is imported where it is used.
"""

from __future__ import annotations

import torch

from hfbench_nb.protocol.measurement import MEGABYTE

WIDTH = 1024
WEIGHTS_MB = (2 * WIDTH * WIDTH + 2 * WIDTH) * 4 / MEGABYTE


class Net(torch.nn.Module):
    """Two layers that return the last state."""

    def __init__(self, width=WIDTH, **given):
        super().__init__()
        self.layers = torch.nn.ModuleList([torch.nn.Linear(width, width, **given) for _ in range(2)])

    def forward(self, x, scale=1.0):
        for layer in self.layers:
            x = torch.relu(layer(x)) * scale
        return x


class WithLoss(Net):
    def forward(self, x):
        return {"state": super().forward(x), "loss": super().forward(x).mean()}


class Scalar(Net):
    def forward(self, x):
        return super().forward(x).mean()


def inputs(batch_size, sequence_length):
    return {"x": torch.randn(batch_size, sequence_length, WIDTH), "scale": 0.5}


def only_x(batch_size, sequence_length):
    return {"x": torch.randn(batch_size, sequence_length, WIDTH)}


def measure(*factories, inputs=only_x, loss=None, **given):
    from hfbench_nb import PyTorchBenchmark
    from support.models import short

    models = [f"m{number}" for number in range(len(factories))]
    args = short(models=models, **{"memory": False, **given})
    return PyTorchBenchmark(args, configs=list(factories), inputs=inputs, loss=loss).run()


def error_of(*factories, **given):
    (row,) = measure(*factories, **given).frame.to_dict("records")
    assert row["status"] == "error"
    return row["error"]
