"""The files that the arguments of a run request: the original's CSV files and log."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from hfbench_nb.arguments.benchmark import BenchmarkArguments
from hfbench_nb.display.csv_export import ENVIRONMENT, writers
from hfbench_nb.facade.benchmark_results import BenchmarkResults
from hfbench_nb.protocol.errors import warn


def write_report_files(args: BenchmarkArguments, results: BenchmarkResults) -> None:
    """Write the files that the arguments request, also for a run that was stopped; warn of each where that fails."""
    requested: dict[Path, Callable[[], object]] = {}
    if args.save_to_csv and results.entries:
        named = {stem: getattr(args, name) for name, stem in args.csv_file_fields().items()}
        requested |= writers(results, Path(named[ENVIRONMENT]).parent, named)
    if args.log_print:
        log = Path(args.log_filename)
        requested[log] = partial(_append, log, f"{results}\n")
    for path, write in requested.items():
        try:
            write()
        except OSError as error:
            warn(f"A requested file could not be written: {path}: {error.strerror or error}")


def _append(path: Path, text: str) -> None:
    with open(path, "a", encoding="utf-8") as file:
        file.write(text)
