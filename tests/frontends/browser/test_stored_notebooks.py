"""The notebooks of the repository as they are stored, opened without running them."""

from __future__ import annotations

import shutil

import nbformat
import pytest
from support.places import ROOT

from .page import Notebook, start_kernel

pytestmark = pytest.mark.xdist_group("browser")  # one server, one browser

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def kernel(started_lab):
    """One kernel for every notebook: nothing is run in it."""
    return start_kernel(started_lab[0])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_its_tables_and_images_are_shown(lab, kernel, folder, path):
    shutil.copy(path, folder)
    stored = [
        output.data
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "data" in output
    ]
    tables = sum("<table" in str(data.get("text/html")) for data in stored)
    images = sum("image/png" in data for data in stored)
    assert tables
    assert images

    notebook = Notebook(lab, path.name, kernel=kernel)
    assert lab.locator(".jp-Notebook .jp-OutputArea-output table").count() >= tables
    widths = notebook.image_widths()
    assert all(widths)
    assert len(widths) >= images
    badges = lab.locator(".jp-Notebook .jp-MarkdownCell img").evaluate_all("all => all.map(one => one.naturalWidth)")
    assert badges
    assert all(badges)
    notebook.screenshot(f"notebook-{path.stem}")
