"""Run notebooks at their real sizes and keep what they show: ``python tests/support/store_notebooks.py [NAME ...]``.

To be run on a quiet machine, in an environment with TensorFlow; results of a loaded one teach the wrong thing.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"

# Somebody at the mouse, for the notebook of the panel: pages without a kernel show what the run has found.
PRESS_RUN = """
import time
panel._controls.run.click()
while not panel._run.is_over:
    time.sleep(0.1)
time.sleep(2)
"""


def run(notebook: nbformat.NotebookNode) -> None:
    """Run the cells of a notebook, in a folder that is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            timeout=3600,
            kernel_name="python3",
            record_timing=False,
            store_widget_state=False,
            resources={"metadata": {"path": folder}},
        )
        with client.setup_kernel():
            for index, cell in enumerate(list(notebook.cells)):
                if cell.cell_type == "code":
                    client.execute_cell(cell, index)
                if cell.id == "panel":
                    notebook.cells.append(nbformat.v4.new_code_cell(PRESS_RUN))
                    client.execute_cell(notebook.cells[-1], len(notebook.cells) - 1, store_history=False)
                    notebook.cells.pop()


def drop_widgets(notebook: nbformat.NotebookNode) -> None:
    """Leave out what only a live kernel can show: JupyterLab would say that the model is not found."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)


def main(names: list[str]) -> None:
    """Run the notebooks of these names, or all, and write them back."""
    for path in [FOLDER / f"{name}.ipynb" for name in names] or sorted(FOLDER.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        start = time.monotonic()
        run(notebook)
        drop_widgets(notebook)
        nbformat.write(notebook, path)
        print(f"{path.name}: {time.monotonic() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
