"""The benchmark classes: the only place that knows the whole way from arguments to results."""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from hfbench_nb import csv_files
from hfbench_nb.arguments import BenchmarkArguments, PyTorchBenchmarkArguments, TensorFlowBenchmarkArguments
from hfbench_nb.environment import describe
from hfbench_nb.errors import ArgumentError, IsolationError, wrong_value
from hfbench_nb.isolation.client import Cancelled, Measurer, measurer
from hfbench_nb.isolation.inprocess import CallingProcess
from hfbench_nb.journal import Journal
from hfbench_nb.lookup import find_models
from hfbench_nb.plan import plan
from hfbench_nb.progress import Progress, choose_display
from hfbench_nb.records import Cell, Failure, Measurement
from hfbench_nb.requirements import check_tensorflow
from hfbench_nb.results import BenchmarkResults

_Args = TypeVar("_Args", bound=BenchmarkArguments)

_run_numbers = itertools.count(1)


class Benchmark(Generic[_Args]):
    """Measures every cell that the arguments span, each in a process of its own.

    Parameters
    ----------
    args
        What to measure and how.
    configs
        Configurations (``transformers.PretrainedConfig``) for the names in ``args.models``, in the same order; by
        default each name is looked up.

    Raises
    ------
    ArgumentError
        If an argument cannot be used, or a model is not known.

    Attributes
    ----------
    results
        What is finished so far: also after a run that was interrupted.
    """

    framework: ClassVar[str]
    arguments_class: ClassVar[type[BenchmarkArguments]]

    def __init__(self, args: _Args, configs: Sequence[Any] | None = None) -> None:
        if not isinstance(args, self.arguments_class):
            raise wrong_value("args", args, f"a {self.arguments_class.__name__}")
        args.check()
        if args.is_tpu and args.memory:
            raise ArgumentError(
                "memory=True cannot be used on a TPU, whose memory is not measured: memory must be False "
                "(--no_memory), or tpu must be False (--no_tpu) to measure elsewhere."
            )
        self.args = args
        specs = find_models(args.model_names, configs, trust_remote_code=args.trust_remote_code)
        self._models = {spec.name: spec for spec in specs}
        self._cells = plan(args, self.framework)
        self._measurer: Measurer | None = None
        self._finished: list[tuple[Cell, Measurement]] = []
        self._folder: Path | None = None
        self.environment_info: dict[str, Any] = {}

    @property
    def results(self) -> BenchmarkResults:
        """What is finished so far."""
        return BenchmarkResults(self._finished, self.environment_info, self.args.to_dict(), self._folder)

    def run(self, folder: str | os.PathLike[str] | None = None) -> BenchmarkResults:
        """Measure every cell.

        Parameters
        ----------
        folder
            Where each finished cell is written before the next one starts; by default a new folder in the user's
            cache. `load_results` reads it.

        Returns
        -------
        BenchmarkResults
            A row a cell; a cell that failed has a status and a message.

        Raises
        ------
        IsolationError
            If the framework or the device is not there.
        KeyboardInterrupt
            If the user stopped the run; `results` holds what was finished.
        """
        self.args.check()
        self._finished = []
        progress = Progress(self._cells, choose_display(verbose=self.args.verbose))
        try:
            self._measurer = self._choose_measurer()
            facts = self._measurer.environment(self.args.settings())
            self.environment_info = describe(self.args, facts, list(self._models.values()))
            with self._open_journal(folder) as journal:
                for cell in self._cells:
                    progress.begin(cell)
                    measurement = self._measure(cell, progress, journal)
                    progress.finish(cell, measurement)
        except Cancelled:
            pass  # from another thread, which looks at the results itself
        finally:
            progress.close()
            self._write_files()
        return self.results

    def cancel(self) -> None:
        """End a run that is going on in another thread; it returns what was finished."""
        if self._measurer is not None:
            self._measurer.cancel()

    def _choose_measurer(self) -> Measurer:
        if self.args.do_multi_processing:
            return measurer(self.framework, self.args.python, self.args.overlay)
        return CallingProcess(self.framework)

    def _measure(self, cell: Cell, progress: Progress, journal: Journal | None) -> Measurement:
        assert self._measurer is not None
        try:
            measurement = self._measurer.measure(
                cell, self._models[cell.model], self.args.settings(), self.args.timeout_s, progress.follow
            )
        except IsolationError as error:
            measurement = Measurement("crashed", failure=Failure(type(error).__name__, str(error)))
        except (KeyboardInterrupt, Cancelled):
            stopped = Measurement("cancelled", failure=Failure("Cancelled", "stopped by the user"))
            self._finish(cell, stopped, journal)
            raise
        self._finish(cell, measurement, journal)
        return measurement

    def _finish(self, cell: Cell, measurement: Measurement, journal: Journal | None) -> None:
        self._finished.append((cell, measurement))
        if self.args.verbose and measurement.failure is not None:
            print(measurement.failure.traceback, file=sys.stderr)
        if journal is not None:
            try:
                journal.add(cell, measurement)
            except OSError as error:
                warnings.warn(f"{cell} could not be written to {journal.path}: {error}", stacklevel=4)

    def _open_journal(self, folder: str | os.PathLike[str] | None) -> contextlib.AbstractContextManager[Journal | None]:
        """Open the journal; in a folder that the user named it must be possible, in the cache it need not be."""
        self._folder = _new_cache_folder() if folder is None else Path(folder)
        try:
            return Journal(self._folder, self.environment_info, self.args.to_dict())
        except OSError as error:
            if folder is not None:
                raise wrong_value("folder", str(folder), f"a folder that can be written to ({error})") from error
            warnings.warn(f"Results are kept in memory only: {error}", stacklevel=3)
            self._folder = None
            return contextlib.nullcontext()

    def _write_files(self) -> None:
        """Write the files that the arguments ask for, also of a run that was stopped."""
        results = self.results
        if self.args.save_to_csv and results.entries:
            paths = {name: Path(getattr(self.args, f"{name}_csv_file")) for name in csv_files.NAMES}
            csv_files.write_all(results, paths)
        if self.args.log_print:
            with open(self.args.log_filename, "a", encoding="utf-8") as log:
                log.write(f"{results}\n")


def _new_cache_folder() -> Path:
    import platformdirs

    name = f"{time.strftime('%Y-%m-%d_%H-%M-%S')}_{os.getpid()}_{next(_run_numbers)}"
    return platformdirs.user_cache_path("hfbench_nb") / "runs" / name


class PyTorchBenchmark(Benchmark[PyTorchBenchmarkArguments]):
    """Measures Transformers models in PyTorch.

    Examples
    --------
    >>> from hfbench_nb import PyTorchBenchmark, PyTorchBenchmarkArguments
    >>> args = PyTorchBenchmarkArguments(models=["bert-base-uncased"], batch_sizes=[8], sequence_lengths=[8, 32])
    >>> results = PyTorchBenchmark(args).run()  # doctest: +SKIP
    """

    framework = "PyTorch"
    arguments_class = PyTorchBenchmarkArguments


class TensorFlowBenchmark(Benchmark[TensorFlowBenchmarkArguments]):
    """Measures Transformers models in TensorFlow: as a graph, eagerly, or compiled by XLA.

    Raises
    ------
    IsolationError
        If what it needs is not installed: tensorflow, tf-keras, and Transformers 4.

    Examples
    --------
    >>> from hfbench_nb import TensorFlowBenchmark, TensorFlowBenchmarkArguments
    >>> args = TensorFlowBenchmarkArguments(models=["bert-base-uncased"], batch_sizes=[8], use_xla=True)
    >>> results = TensorFlowBenchmark(args).run()  # doctest: +SKIP
    """

    framework = "TensorFlow"
    arguments_class = TensorFlowBenchmarkArguments

    def __init__(self, args: TensorFlowBenchmarkArguments, configs: Sequence[Any] | None = None) -> None:
        super().__init__(args, configs)
        if args.python is None:
            check_tensorflow(args.overlay)


def make_benchmark(args: BenchmarkArguments) -> Benchmark[Any]:
    """Give the benchmark that takes arguments of this class."""
    by_arguments: dict[type, type[Benchmark[Any]]] = {
        kind.arguments_class: kind for kind in (PyTorchBenchmark, TensorFlowBenchmark)
    }
    return by_arguments[type(args)](args)
