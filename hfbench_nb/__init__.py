"""How long a Hugging Face Transformers model takes and how much memory it needs, from a notebook.

`PyTorchBenchmark` and `PyTorchBenchmarkArguments` are the classes that Transformers once had, with the same
arguments; `BenchmarkResults` is what a run returns; `load_results` and `read_csv` bring back what was saved.
`references` lists published runs and `load_reference` loads one, to compare with; `models` lists the checkpoints
that need no network; `panel` makes a control panel.
`start_memory_tracing` and `stop_memory_tracing` trace the memory of any code line by line.

Importing this package loads no framework, no pandas, no matplotlib: each name loads what it needs when it is used.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as in `typing`, which need not be imported for it
if TYPE_CHECKING:
    from typing import Any

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
    from hfbench_nb.frontends.widgets.control_panel import panel
    from hfbench_nb.protocol.errors import ArgumentError, HfbenchError, IsolationError, ModelNotFoundError, TracingError

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
    "IsolationError": "protocol.errors",
    "ModelNotFoundError": "protocol.errors",
    "TracingError": "protocol.errors",
    "load_ipython_extension": "frontends.magics",
    "panel": "frontends.widgets.control_panel",
}

__all__ = [
    "ArgumentError",
    "BenchmarkResults",
    "Comparison",
    "Estimate",
    "HfbenchError",
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


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
