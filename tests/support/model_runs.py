"""Short runs of given models, and the processes that measure them."""

from __future__ import annotations

import sys

import psutil
import pytest

from hfbench_nb import PyTorchBenchmark
from hfbench_nb.arguments.frameworks import FRAMEWORKS
from hfbench_nb.execution import servers as client
from support.models import short

linux = pytest.mark.skipif(sys.platform != "linux", reason="forks, which only Linux does here")


def benchmark_of(configs, **given):
    names = [f"model-{i}" for i in range(len(configs))]
    return PyTorchBenchmark(short(models=names, **given), configs=configs)


def run(configs, folder=None, resume=None, **given):
    return benchmark_of(configs, **given).run(folder, resume)


def server():
    return client.workers(FRAMEWORKS["PyTorch"])


def server_pid(framework=FRAMEWORKS["PyTorch"]):
    return client.workers(framework)._process._process.pid


def descendants():
    return {p.pid for p in psutil.Process().children(recursive=True) if p.status() != psutil.STATUS_ZOMBIE}
