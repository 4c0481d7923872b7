"""The benchmark classes: the only place that knows the whole way from arguments to results."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from hfbench_nb.arguments.benchmark import BenchmarkArguments, PyTorchBenchmarkArguments, TensorFlowBenchmarkArguments
from hfbench_nb.arguments.sweep import plan
from hfbench_nb.configurations.lookup import find_models
from hfbench_nb.execution.cancellation import Cancellation, Cancelled
from hfbench_nb.execution.in_process import CallingProcess
from hfbench_nb.execution.machine_lock import Turns
from hfbench_nb.execution.progress import Display, Progress, choose_display
from hfbench_nb.execution.requirements import check_tensorflow
from hfbench_nb.execution.servers import Measurer, measurer
from hfbench_nb.facade.benchmark_results import BenchmarkResults
from hfbench_nb.protocol.errors import ArgumentError, IsolationError, warn, wrong_value
from hfbench_nb.protocol.records import Cell, Failure, Measurement
from hfbench_nb.results.environment import describe
from hfbench_nb.storage import csv_files
from hfbench_nb.storage.journal import Contents
from hfbench_nb.storage.run_folders import RunFolder

_Args = TypeVar("_Args", bound=BenchmarkArguments)


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
        self._cancellation = Cancellation()
        self._finished: dict[Cell, Measurement] = {}
        self._folder: Path | None = None
        self.environment_info: dict[str, Any] = {}

    @property
    def results(self) -> BenchmarkResults:
        """What is finished so far, in the order of the plan."""
        finished = [(cell, self._finished[cell]) for cell in self._cells if cell in self._finished]
        return BenchmarkResults(finished, self.environment_info, self.args.to_dict(), self._folder)

    def run(
        self,
        folder: str | os.PathLike[str] | None = None,
        resume: str | os.PathLike[str] | None = None,
        display: Display | None = None,
    ) -> BenchmarkResults:
        """Measure every cell, or those that an earlier run has not measured.

        Runs on one machine take turns, a cell at a time, so that they do not disturb each other's figures.

        Parameters
        ----------
        folder
            Where each finished cell is written before the next one starts; by default a new folder in the user's
            cache, which is removed when it is older than 30 days and not among the newest 100. There must be no
            results in it. `load_results` reads it.
        resume
            The folder of a run to go on with: what is missing in it is measured and added to it. Cells that are
            there with their figures are kept, and so are those that ran out of memory or, unless `timeout_s` is
            greater now, out of time; those that were cancelled, failed otherwise or crashed are measured again.
            Models, batch sizes, sequence lengths and tasks may be others than before; the results hold those asked
            for now, and the folder all of them.
        display
            Where progress is shown; by default where it fits: the notebook, or the terminal.

        Returns
        -------
        BenchmarkResults
            A row a cell, in the order of the plan; a cell that failed has a status and a message.

        Raises
        ------
        ArgumentError
            If the folder cannot be used, or `resume` was measured with other arguments, other configurations, on
            another machine or with other versions; the message says what differs.
        IsolationError
            If the framework or the device is not there.
        KeyboardInterrupt
            If the user stopped the run; `results` holds what was finished.
        """
        self.args.check()
        self._finished = {}
        self._cancellation = Cancellation()
        with RunFolder(folder, resume) as run_folder:
            progress = Progress(self._cells, display or choose_display(verbose=self.args.verbose))
            turns = Turns(progress, self._cancellation.check)
            try:
                self._begin(run_folder, progress, turns)
                for cell in self._cells:
                    if cell not in self._finished:
                        self._measure(cell, progress, turns, run_folder)
            except Cancelled:
                pass  # from another thread, which looks at the results itself
            finally:
                progress.close()
                self._write_files()
        return self.results

    def cancel(self) -> None:
        """End a run that is going on in another thread; it returns what was finished."""
        self._cancellation.cancel()

    def _choose_measurer(self) -> Measurer:
        if self.args.do_multi_processing:
            return measurer(self.framework, self.args.python, self.args.overlay)
        return CallingProcess(self.framework)

    def _begin(self, run_folder: RunFolder, progress: Progress, turns: Turns) -> None:
        """Find out where this runs, and take over the cells of an earlier run that are kept."""
        self._measurer = self._choose_measurer()
        with turns.take():
            facts = self._measurer.environment(self.args.settings(), self._cancellation)
        self.environment_info = describe(self.args, facts, list(self._models.values()))
        configurations = {name: spec.config for name, spec in self._models.items()}
        wanted = Contents(self.environment_info, self.args.to_dict(), configurations)
        self._finished = run_folder.begin(wanted, self._cells)
        self._folder = run_folder.path
        progress.keep(self._finished)

    def _measure(self, cell: Cell, progress: Progress, turns: Turns, run_folder: RunFolder) -> None:
        assert self._measurer is not None
        try:
            with turns.take():
                progress.begin(cell)
                measurement = self._measurer.measure(
                    cell,
                    self._models[cell.model],
                    self.args.settings(),
                    self.args.timeout_s,
                    progress.follow,
                    self._cancellation,
                )
        except IsolationError as error:
            measurement = Measurement("crashed", failure=Failure(type(error).__name__, str(error)))
        except (KeyboardInterrupt, Cancelled):
            stopped = Measurement("cancelled", failure=Failure("Cancelled", "stopped by the user"))
            self._finish(cell, stopped, run_folder)
            raise
        self._finish(cell, measurement, run_folder)
        progress.finish(cell, measurement)

    def _finish(self, cell: Cell, measurement: Measurement, run_folder: RunFolder) -> None:
        self._finished[cell] = measurement
        run_folder.add(cell, measurement)

    def _write_files(self) -> None:
        """Write the files that the arguments ask for, also of a run that was stopped."""
        results = self.results
        try:
            if self.args.save_to_csv and results.entries:
                paths = {name: Path(getattr(self.args, f"{name}_csv_file")) for name in csv_files.NAMES}
                csv_files.write_all(results, paths)
            if self.args.log_print:
                with open(self.args.log_filename, "a", encoding="utf-8") as log:
                    log.write(f"{results}\n")
        except OSError as error:
            warn(f"A file that was asked for could not be written: {error}")


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
