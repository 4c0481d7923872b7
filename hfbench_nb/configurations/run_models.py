"""The models of a run: from the arguments, and from what was given along with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hfbench_nb.arguments import checks
from hfbench_nb.arguments.benchmark import BenchmarkArguments
from hfbench_nb.arguments.fields import axes_of
from hfbench_nb.arguments.frameworks import FRAMEWORKS
from hfbench_nb.configurations.lookup import find_models
from hfbench_nb.configurations.own_code import with_code
from hfbench_nb.protocol.errors import ArgumentError
from hfbench_nb.protocol.request import ModelSpec


def models_of_run(
    args: BenchmarkArguments, configs: Sequence[Any] | None, inputs: object, loss: object
) -> list[ModelSpec]:
    """Return the models that a run measures; see `hfbench_nb.execution.benchmark.Benchmark`.

    Raises
    ------
    ArgumentError
        If a model is unknown, or something was given that cannot be used.
    """
    pretrained = "weights" in axes_of(args) and "pretrained" in checks.values_of_axis(args, "weights")
    specs = find_models(args.model_names, configs, trust_remote_code=args.trust_remote_code, pretrained=pretrained)
    specs = with_code(specs, configs, inputs, loss)
    framework = FRAMEWORKS[args.framework]
    if not framework.takes_code and any(spec.code is not None for spec in specs):
        raise ArgumentError(
            f"configs with factories, inputs and loss cannot be used with {framework.name}: it measures models by "
            "their configurations alone.",
            "configs",
            "inputs",
            "loss",
        )
    return specs
