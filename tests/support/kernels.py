"""Real Jupyter kernels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import nbformat
from nbclient import NotebookClient


@contextmanager
def executed(*cells: str) -> Iterator[list[Any]]:
    """Execute cells in a kernel, which runs until the context ends; yield the outputs of each."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    client = NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": "."}})
    with client.setup_kernel():
        for index, cell in enumerate(notebook.cells):
            client.execute_cell(cell, index)
        yield [cell.outputs for cell in notebook.cells]


def execute(*cells: str) -> list[Any]:
    """Execute cells in a kernel of their own; return the outputs of each."""
    with executed(*cells) as outputs:
        return outputs
