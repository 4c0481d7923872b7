"""The files that the arguments of a run request: the original's CSV files and log."""

from __future__ import annotations

from pathlib import Path

from hfbench_nb.arguments.benchmark import BenchmarkArguments
from hfbench_nb.display.csv_export import write_files
from hfbench_nb.facade.benchmark_results import BenchmarkResults
from hfbench_nb.protocol.errors import warn


def write_report_files(args: BenchmarkArguments, results: BenchmarkResults) -> None:
    """Write the files that the arguments request, also for a run that was stopped; warn if that fails."""
    try:
        if args.save_to_csv and results.entries:
            named = {name.removesuffix("_csv_file"): getattr(args, name) for name in args.csv_file_fields()}
            write_files(results, Path(named["env_info"]).parent, named)
        if args.log_print:
            with open(args.log_filename, "a", encoding="utf-8") as log:
                log.write(f"{results}\n")
    except OSError as error:
        warn(f"A requested file could not be written: {error}")
