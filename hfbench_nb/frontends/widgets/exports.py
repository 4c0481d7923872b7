"""What can be done with the results of the panel: files, and the name to go on with in Python."""

from __future__ import annotations

import html
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import ipywidgets as widgets

from hfbench_nb.facade.benchmark_results import BenchmarkResults
from hfbench_nb.frontends.widgets.fields import Message
from hfbench_nb.frontends.widgets.panel_parts import make_button
from hfbench_nb.storage.files import replace_file

MARKDOWN_FILE = "results.md"


def _write_csv(results: BenchmarkResults, folder: Path) -> list[Path]:
    return results.to_csv(folder)


def _write_markdown(results: BenchmarkResults, folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    replace_file(folder / MARKDOWN_FILE, str(results.to_markdown()).encode())
    return [folder / MARKDOWN_FILE]


def _write_all(results: BenchmarkResults, folder: Path) -> list[Path]:
    return [results.save(folder)]


_FORMS = {
    "csv": ("CSV", "table", "Write the results to CSV files in the folder", _write_csv),
    "markdown": ("Markdown", "file-text-o", f"Write tables to {MARKDOWN_FILE} in the folder", _write_markdown),
    "save": ("Save", "save", "Write everything to the folder: hfbench_nb.load_results reads it", _write_all),
}


class Exports:
    """A line of buttons that write files to a folder, and one that names the results; hidden while there are none.

    Parameters
    ----------
    lock
        Held while widgets are changed.
    results
        Returns the results to write.
    """

    def __init__(self, lock: threading.RLock, results: Callable[[], BenchmarkResults | None]) -> None:
        self._lock, self._results = lock, results
        self._folder = widgets.Text(
            value="hfbench-results",
            description="Export to folder",
            continuous_update=False,
            style={"description_width": "105px"},
            layout={"flex": "0 1 20rem", "width": "auto", "min_width": "0"},
        )
        self._folder.add_class("hfbench-export-folder")
        buttons = []
        for name, (text, icon, tooltip, _) in _FORMS.items():
            button = make_button(f"export-{name}", text, icon, "", tooltip)
            button.layout.width = "110px"
            button.on_click(lambda button, name=name: self._write(name))
            buttons.append(button)
        self._name, self._written, self._problem = widgets.HTML(), widgets.HTML(), Message()
        self._name.add_class("hfbench-results-name")
        self._written.add_class("hfbench-written")
        line = widgets.HBox([self._folder, *buttons], layout={"flex_flow": "row wrap"})
        self.box = widgets.VBox([self._name, line, self._written, self._problem], layout={"display": "none"})
        self.box.add_class("hfbench-exports")

    def show(self, name: str) -> None:
        """Show the buttons if there are results, which Python code has under a name."""
        results = self._results()
        with self._lock:
            self.box.layout.display = "" if results is not None and results.entries else "none"
            self._name.value = f"In Python, these results are <code>{html.escape(name)}</code>."

    def clear(self) -> None:
        """Forget what was written: other results are coming."""
        with self._lock:
            self._tell((), "")

    def _write(self, name: str) -> None:
        with self._lock:
            results = self._results()
            if results is None:
                return
            try:
                paths, problem = _FORMS[name][-1](results, Path(self._folder.value.strip() or ".").expanduser()), ""
            except (OSError, ValueError) as error:
                paths, problem = [], getattr(error, "for_forms", str(error))
            self._tell(paths, problem)

    def _tell(self, paths: Iterable[Path], problem: str) -> None:
        names = ", ".join(f"<code>{html.escape(str(path))}</code>" for path in paths)
        self._written.value = f'<div role="status">Written: {names}</div>' if names else ""
        self._problem.tell(problem)
