"""Benchmarks of plain functions, in the place of models: for what does not depend on the framework.

Everything around the models is as with PyTorch - plan, worker server, one process per case, journal - but the worker
server imports no framework, which takes seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hfbench_nb.arguments.benchmark import BenchmarkArguments
from hfbench_nb.arguments.frameworks import FRAMEWORKS, Framework
from hfbench_nb.execution.benchmark import Benchmark
from support import functions_backend
from support.functions_backend import fine, hangs, no_inputs

# Without `arguments`, no list of the frameworks with models shows it: nothing else in this process changes.
FUNCTIONS = FRAMEWORKS.register(Framework("Functions", functions_backend.__name__, takes_code=True), replace=True)
MODELS = {"fine": fine, "hangs": hangs}


class FunctionModelArguments(BenchmarkArguments):
    framework = FUNCTIONS.name


def function_benchmark(factory: Callable[[], Any] | None = None, **given: Any) -> Benchmark[Any]:
    """Make a benchmark that is over quickly; `models` names its models, ``fine`` or ``hangs``, unless one is given."""
    brief = {"batch_sizes": [1], "sequence_lengths": [8], "max_seconds": 0.02, "timeout_s": 60.0, "rounds": 1}
    args = FunctionModelArguments(**{"models": ["fine"], **brief, **given})
    return Benchmark(args, configs=[factory or MODELS[name] for name in args.models], inputs=no_inputs)
