"""A tiny model of each type, and its workloads prepared."""

from __future__ import annotations

import functools

import pytest
import torch

from hfbench_nb.protocol.request import ModelSpec
from support import workloads
from support.tiny import TINY, tiny

CPU = torch.device("cpu")
BATCH, LENGTH = 2, 16

every_type = pytest.mark.parametrize("model_type", TINY)


def spec_of(model_type, architecture=None, **more):
    return ModelSpec(model_type, tiny(model_type, architecture, **more), "test")


def prepare(spec, task="inference", length=LENGTH, settings=None, **method):
    prepared = workloads.prepare(workloads.open_runtime("PyTorch", settings, **method), spec, task, BATCH, length)
    return prepared.model, prepared, prepared.call


@functools.cache
def prepared_inference(model_type):
    """Return what `prepare` does for a type, to tests that change nothing of it."""
    return prepare(spec_of(model_type))
