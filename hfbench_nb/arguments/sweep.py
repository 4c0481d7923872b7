"""From the arguments to the cells of the sweep."""

from __future__ import annotations

from hfbench_nb.arguments.benchmark import BenchmarkArguments
from hfbench_nb.protocol.records import Cell


def plan(args: BenchmarkArguments, framework: str) -> list[Cell]:
    """Give the cells in the order in which they are measured, the original's: model, batch size, length, task."""
    return [
        Cell(framework, model, task, batch_size, sequence_length)
        for model in args.model_names
        for batch_size in args.batch_sizes
        for sequence_length in args.sequence_lengths
        for task in args.tasks
    ]
