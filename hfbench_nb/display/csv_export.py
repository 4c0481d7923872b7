"""Writing the original's CSV files of a result set: one per task and metric, and the environment."""

from __future__ import annotations

from pathlib import Path

from hfbench_nb.protocol.tasks import TASKS
from hfbench_nb.results.metrics import Metric
from hfbench_nb.results.nested import nest
from hfbench_nb.results.result_set import ResultSet
from hfbench_nb.storage.csv_files import write_facts, write_nested

ENVIRONMENT = "env_info"


def file_stem(task: str, metric: Metric) -> str:
    """Return the name of the file of a metric and task, as in ``train_time``."""
    return f"{TASKS[task].file_stem}_{metric.stem}"


def write_files(results: ResultSet, folder: Path, named: dict[str, str] | None = None) -> list[Path]:
    """Write every metric that was measured to its file, and the environment; return the paths.

    Parameters
    ----------
    results
        What to write.
    folder
        Folder for files that are not named.
    named
        Paths by the stem of the file, as in ``train_time``; by default that stem with ``.csv`` in the folder.
    """
    paths = {name: Path(path) for name, path in (named or {}).items()}

    def path_of(name: str) -> Path:
        return paths.get(name, folder / f"{name}.csv")

    written = [
        write_nested(path_of(file_stem(task, metric)), nest(results, task, metric))
        for task in results.tasks
        for metric in results.headlines(task)
    ]
    return [*written, write_facts(path_of(ENVIRONMENT), list(results.environment.items()))]
