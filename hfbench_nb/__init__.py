"""Time and memory of Hugging Face Transformers models, measured from a notebook.

How long does a model take and how much memory does it need, at which batch size and sequence length, with which
settings, here?

>>> from hfbench_nb import PyTorchBenchmark, PyTorchBenchmarkArguments
>>> args = PyTorchBenchmarkArguments(models=["gpt2"], batch_sizes=[1, 8], sequence_lengths=[8, 32, 128])
>>> results = PyTorchBenchmark(args).run()  # doctest: +SKIP

Measure
-------
PyTorchBenchmark, PyTorchBenchmarkArguments
    The classes that Transformers once had, with the same arguments and more.
TensorFlowBenchmark, TensorFlowBenchmarkArguments
    The same for TensorFlow.
measure
    Time and peak memory of any function.
estimate, Estimate
    What cases would need, without running them.
panel
    A control panel for a notebook, with a form, a Run button and the results.
load_ipython_extension
    ``%load_ext hfbench``: the magics ``%hfbench``, ``%%hfbench``, ``%hfbench_panel``, ``%hfbench_env``,
    ``%hfbench_estimate``.

Look at what was measured
-------------------------
BenchmarkResults
    What a run returns: tables, ``frame``, ``plot()``, ``compare()``, ``scaling()``, ``save()``.
Comparison, Scaling
    Two runs side by side; fitted curves.
load_results, last_results, runs, read_csv
    Results that were saved, those of the newest run, a list of the stored runs, CSV files of the original.
references, load_reference
    Published runs to compare with.
models
    The checkpoints that need no network and no download.

Memory line by line
-------------------
start_memory_tracing, stop_memory_tracing, MemorySummary
    Trace any code, and see which lines took memory.

Errors
------
HfbenchError
    The base of ArgumentError (a value that cannot be used), ModelNotFoundError, IsolationError (the process that
    measures could not be started), HubError and TracingError. A case that fails is a row with a message, and no error.

Importing this package loads no framework, no pandas, no matplotlib: each name loads what it needs when it is used.
"""

import typing as _typing

if _typing.TYPE_CHECKING:
    from hfbench_nb.analysis.scaling import Scaling
    from hfbench_nb.arguments.pytorch import PyTorchBenchmarkArguments
    from hfbench_nb.arguments.tensorflow import TensorFlowBenchmarkArguments
    from hfbench_nb.configurations.catalog.listing import models
    from hfbench_nb.display.comparison import Comparison
    from hfbench_nb.display.estimate import Estimate
    from hfbench_nb.display.memory_summary import MemorySummary
    from hfbench_nb.execution.benchmarks import PyTorchBenchmark, TensorFlowBenchmark, estimate
    from hfbench_nb.execution.functions import measure
    from hfbench_nb.execution.tracing import start_memory_tracing, stop_memory_tracing
    from hfbench_nb.facade.benchmark_results import BenchmarkResults
    from hfbench_nb.facade.earlier_runs import last_results, runs
    from hfbench_nb.facade.loading import load_reference, load_results, read_csv, references
    from hfbench_nb.frontends.magics import load_ipython_extension
    from hfbench_nb.frontends.widgets.making import panel
    from hfbench_nb.protocol.errors import (
        ArgumentError,
        HfbenchError,
        HubError,
        IsolationError,
        ModelNotFoundError,
        TracingError,
    )

_HOMES = {
    "PyTorchBenchmark": "execution.benchmarks",
    "TensorFlowBenchmark": "execution.benchmarks",
    "TensorFlowBenchmarkArguments": "arguments.tensorflow",
    "PyTorchBenchmarkArguments": "arguments.pytorch",
    "BenchmarkResults": "facade.benchmark_results",
    "Comparison": "display.comparison",
    "Estimate": "display.estimate",
    "estimate": "execution.benchmarks",
    "Scaling": "analysis.scaling",
    "MemorySummary": "display.memory_summary",
    "load_reference": "facade.loading",
    "load_results": "facade.loading",
    "measure": "execution.functions",
    "references": "facade.loading",
    "last_results": "facade.earlier_runs",
    "runs": "facade.earlier_runs",
    "models": "configurations.catalog.listing",
    "start_memory_tracing": "execution.tracing",
    "stop_memory_tracing": "execution.tracing",
    "read_csv": "facade.loading",
    "ArgumentError": "protocol.errors",
    "HfbenchError": "protocol.errors",
    "HubError": "protocol.errors",
    "IsolationError": "protocol.errors",
    "ModelNotFoundError": "protocol.errors",
    "TracingError": "protocol.errors",
    "load_ipython_extension": "frontends.magics",
    "panel": "frontends.widgets.making",
}

__all__ = [
    "ArgumentError",
    "BenchmarkResults",
    "Comparison",
    "Estimate",
    "HfbenchError",
    "HubError",
    "IsolationError",
    "MemorySummary",
    "ModelNotFoundError",
    "PyTorchBenchmark",
    "PyTorchBenchmarkArguments",
    "Scaling",
    "TensorFlowBenchmark",
    "TensorFlowBenchmarkArguments",
    "TracingError",
    "estimate",
    "last_results",
    "load_ipython_extension",
    "load_reference",
    "load_results",
    "measure",
    "models",
    "panel",
    "read_csv",
    "references",
    "runs",
    "start_memory_tracing",
    "stop_memory_tracing",
]


def __getattr__(name: str) -> _typing.Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, *(name for name in globals() if name.startswith("__"))])
