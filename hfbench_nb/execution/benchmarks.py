"""The benchmark class of each framework."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hfbench_nb.arguments.benchmark import BenchmarkArguments
from hfbench_nb.arguments.frameworks import check_arguments
from hfbench_nb.arguments.pytorch import PyTorchBenchmarkArguments
from hfbench_nb.arguments.tensorflow import TensorFlowBenchmarkArguments
from hfbench_nb.display.estimate import Estimate
from hfbench_nb.execution.benchmark import Benchmark, OwnFunctions
from hfbench_nb.execution.displays import Display
from hfbench_nb.execution.estimating import estimate_cases
from hfbench_nb.execution.largest import find_largest
from hfbench_nb.rendering.docstrings import as_method
from hfbench_nb.rendering.keywords import refuse_unknown_keywords, refuse_unknown_keywords_of_methods


@refuse_unknown_keywords_of_methods
class PyTorchBenchmark(Benchmark[PyTorchBenchmarkArguments]):
    """Measures Transformers models in PyTorch.

    Examples
    --------
    >>> from hfbench_nb import PyTorchBenchmark, PyTorchBenchmarkArguments
    >>> args = PyTorchBenchmarkArguments(models=["bert-base-uncased"], batch_sizes=[8], sequence_lengths=[8, 32])
    >>> results = PyTorchBenchmark(args).run()  # doctest: +SKIP

    A model of one's own:

    >>> import torch
    >>> def projection():
    ...     return torch.nn.Linear(64, 64)
    >>> def inputs(batch_size, sequence_length):
    ...     return {"input": torch.ones(batch_size, sequence_length, 64)}
    >>> args = PyTorchBenchmarkArguments(batch_sizes=[2], sequence_lengths=[8], max_seconds=0.1)
    >>> PyTorchBenchmark(args, configs=[projection], inputs=inputs).run().frame["status"].item()
    'ok'
    """

    arguments_class = PyTorchBenchmarkArguments
    estimate = as_method(estimate_cases)
    find_largest = as_method(find_largest)


@refuse_unknown_keywords_of_methods
class TensorFlowBenchmark(Benchmark[TensorFlowBenchmarkArguments]):
    """Measures Transformers models in TensorFlow: as a graph, eagerly, or compiled by XLA.

    Raises
    ------
    IsolationError
        If tensorflow, tf-keras or Transformers 4 is not installed.

    Examples
    --------
    >>> from hfbench_nb import TensorFlowBenchmark, TensorFlowBenchmarkArguments
    >>> args = TensorFlowBenchmarkArguments(models=["bert-base-uncased"], batch_sizes=[8], use_xla=True)
    >>> results = TensorFlowBenchmark(args).run()  # doctest: +SKIP
    """

    arguments_class = TensorFlowBenchmarkArguments
    find_largest = as_method(find_largest)


def make_benchmark(args: BenchmarkArguments, configs: Sequence[Any] | None = None, **functions: Any) -> Benchmark[Any]:
    """Return the benchmark that takes arguments of this class."""
    check_arguments(args)
    return benchmark_class_of(args)(args, configs, **functions)


def benchmark_class_of(args: BenchmarkArguments) -> type[Benchmark[Any]]:
    """Return the benchmark class that takes arguments of this class; of a framework from outside, the general one."""
    kinds: tuple[type[Benchmark[Any]], ...] = (PyTorchBenchmark, TensorFlowBenchmark, Benchmark)
    return next(kind for kind in kinds if isinstance(args, kind.arguments_class))


@refuse_unknown_keywords
def estimate(
    args: BenchmarkArguments,
    configs: Sequence[Any] | None = None,
    *,
    inputs: OwnFunctions = None,
    loss: OwnFunctions = None,
    budget_mb: float | None = None,
    device: str | None = None,
    display: Display | None = None,
) -> Estimate:
    """Estimate what each case of some arguments needs, without running it and without its memory.

    Parameters
    ----------
    args, configs, inputs, loss
        The same as for `PyTorchBenchmark`.
    budget_mb, device, display
        As in `PyTorchBenchmark.estimate`.

    Returns
    -------
    Estimate
        One row per case.

    Raises
    ------
    ArgumentError
        If an argument cannot be used, or the framework cannot estimate.

    Examples
    --------
    >>> from hfbench_nb import PyTorchBenchmarkArguments, estimate
    >>> args = PyTorchBenchmarkArguments(models=["meta-llama/Llama-3.1-8B"], batch_sizes=[1], dtype="bfloat16")
    >>> estimate(args, device="T4")  # doctest: +SKIP
    """
    benchmark = make_benchmark(args, configs, inputs=inputs, loss=loss)
    return estimate_cases(benchmark, budget_mb=budget_mb, device=device, display=display)
