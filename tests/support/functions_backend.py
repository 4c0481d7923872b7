"""A backend without a framework, and its models: Python functions, called with the inputs by name."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from hfbench_nb.protocol.case import Settings
from hfbench_nb.protocol.request import Method
from hfbench_nb.worker.backends.base import Built, CallInputs
from hfbench_nb.worker.backends.plain import PlainBackend, PlainRuntime
from support.alone import alone


class FunctionsBackend(PlainBackend):
    def open(self, settings: Settings, method: Method) -> FunctionsRuntime:
        return FunctionsRuntime()


load = FunctionsBackend


class FunctionsRuntime(PlainRuntime):
    def adopt(self, make: Callable[[], Any], *, training: bool) -> Built:
        return Built(make())

    def take_inputs(self, make: Callable[[], Any], model: Any) -> CallInputs:
        return CallInputs(make())

    def inference_call(self, model: Any, inputs: CallInputs) -> Callable[[], object]:
        return lambda: model(**inputs.tensors)


# Factories of models, and their inputs.


def fine() -> Callable[[], object]:
    """Make a model that works."""
    return lambda: time.sleep(0.002)


def hangs() -> Callable[[], object]:
    """Make a model that never finishes."""
    return lambda: time.sleep(600)


def wants_to_be_alone(place: str, name: str) -> Callable[[], Callable[[], object]]:
    """Return a factory of a model that fails if another one runs meanwhile."""
    return lambda: lambda: alone(place, name)


def no_inputs(batch_size: int, sequence_length: int) -> dict[str, Any]:
    """Make the inputs of each."""
    return {}
