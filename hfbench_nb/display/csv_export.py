"""The original's CSV files of a result set: one per task and metric, and the environment; their names say which."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

from hfbench_nb.protocol.tasks import TASKS
from hfbench_nb.results.metrics import Metric, headlines
from hfbench_nb.results.nested import nest
from hfbench_nb.results.result_set import ResultSet
from hfbench_nb.storage.csv_files import write_facts, write_nested

ENVIRONMENT = "env_info"


def file_stem(task: str, metric: Metric) -> str:
    """Return the name of the file of a metric and task, as in ``train_time``."""
    return f"{TASKS[task].stem}_{metric.stem}"


def content_of(path: Path) -> tuple[str, Metric] | None:
    """Return the task and the metric that the name of a file says; None if it says none.

    The file may have more at the end of its name, as in ``train_time_1595.csv`` or ``train_time (1).csv``.
    """
    pairs = ((task.name, metric) for task in TASKS for metric in headlines() if metric.is_of(task.name))
    stems = {file_stem(*pair): pair for pair in pairs}
    fitting = [stem for stem in stems if re.fullmatch(rf"{re.escape(stem)}([^A-Za-z0-9].*)?", path.stem, re.DOTALL)]
    return stems[max(fitting, key=len)] if fitting else None


def write_files(results: ResultSet, folder: Path) -> list[Path]:
    """Write every metric that was measured to its file, and the environment; return the paths."""
    return [write() for write in writers(results, folder).values()]


def writers(results: ResultSet, folder: Path, named: dict[str, str] | None = None) -> dict[Path, Callable[[], Path]]:
    """Return what writes each file: one per metric that was measured, and the environment.

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

    tables = {
        path_of(file_stem(task, metric)): (task, metric) for task in results.tasks for metric in results.headlines(task)
    }
    facts = path_of(ENVIRONMENT)
    return {
        **{path: partial(_write_metric, path, results, *of) for path, of in tables.items()},
        facts: partial(write_facts, facts, list(results.environment.items())),
    }


def _write_metric(path: Path, results: ResultSet, task: str, metric: Metric) -> Path:
    return write_nested(path, nest(results, task, metric))
