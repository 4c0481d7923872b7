"""How long a Hugging Face Transformers model takes and how much memory it needs, from a notebook.

`PyTorchBenchmark` and `PyTorchBenchmarkArguments` are the classes that Transformers once had, with the same
arguments; `BenchmarkResults` is what a run returns; `load_results` and `read_csv` bring back what was saved.
`references` lists published runs and `load_reference` gives one, to compare with; `models` lists the checkpoints
that need no network; `panel` makes a control panel.
`start_memory_tracing` and `stop_memory_tracing` trace the memory of any code line by line.

Importing this package loads no framework, no pandas, no matplotlib: each name loads what it needs when it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hfbench_nb.arguments import PyTorchBenchmarkArguments, TensorFlowBenchmarkArguments
    from hfbench_nb.catalog.listing import models
    from hfbench_nb.comparison import Comparison
    from hfbench_nb.errors import ArgumentError, HfbenchError, IsolationError, ModelNotFoundError, TracingError
    from hfbench_nb.functions import measure
    from hfbench_nb.loading import load_results, read_csv
    from hfbench_nb.magics import load_ipython_extension
    from hfbench_nb.memory_summary import MemorySummary
    from hfbench_nb.reference_runs import load_reference, references
    from hfbench_nb.results import BenchmarkResults
    from hfbench_nb.runner import PyTorchBenchmark, TensorFlowBenchmark
    from hfbench_nb.scaling import Scaling
    from hfbench_nb.tracing import start_memory_tracing, stop_memory_tracing
    from hfbench_nb.widgets.control_panel import panel

_HOMES = {
    "PyTorchBenchmark": "runner",
    "TensorFlowBenchmark": "runner",
    "TensorFlowBenchmarkArguments": "arguments",
    "PyTorchBenchmarkArguments": "arguments",
    "BenchmarkResults": "results",
    "Comparison": "comparison",
    "Scaling": "scaling",
    "MemorySummary": "memory_summary",
    "load_reference": "reference_runs",
    "load_results": "loading",
    "measure": "functions",
    "references": "reference_runs",
    "models": "catalog.listing",
    "start_memory_tracing": "tracing",
    "stop_memory_tracing": "tracing",
    "read_csv": "loading",
    "ArgumentError": "errors",
    "HfbenchError": "errors",
    "IsolationError": "errors",
    "ModelNotFoundError": "errors",
    "TracingError": "errors",
    "load_ipython_extension": "magics",
    "panel": "widgets.control_panel",
}

__all__ = [
    "ArgumentError",
    "BenchmarkResults",
    "Comparison",
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
    "load_ipython_extension",
    "load_reference",
    "load_results",
    "measure",
    "models",
    "panel",
    "read_csv",
    "references",
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
