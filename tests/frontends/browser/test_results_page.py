"""What results show in JupyterLab: the tables and curves of twenty models, in both themes."""

from __future__ import annotations

from typing import Any

import nbformat
import pytest

from .page import DARK, LIGHT, Notebook, barriers
from .servers import ARTEFACTS, KERNEL

pytestmark = pytest.mark.xdist_group("browser")  # one server, one browser

# Results as a run would give them: every fifth model is too large at the greatest length, some times are noisy.
MAKE = """
from hfbench_nb import BenchmarkResults
from hfbench_nb.protocol.case import Case
from hfbench_nb.protocol.measurement import Failure, Measurement, MemoryUse
from hfbench_nb.protocol.timing import Timing
MIB = 1 << 20
def measure(index, length):
    if length == 512 and index % 5 == 4:
        return Measurement("oom", failure=Failure("MemoryError", "<b>no</b> memory", "Traceback ..."))
    time_s = 1e-4 * (index + 1) * (10 + length + length**2 / 200)
    timing = Timing(tuple(time_s * (1 + k % 7 * (0.001 if index % 3 else 0.02)) for k in range(30)), precision=0.02)
    return Measurement("ok", timing, MemoryUse("VmHWM", (480 + 9 * index + length) * MIB, MIB, MIB, MIB))
names = ["bert", "<script>alert(1)</script>", "a-name-that-is-longer-than-what-a-legend-or-a-table-has-room-for" * 2]
names += [f"organisation/checkpoint-{number}" for number in range(17)]
entries = [
    (Case("PyTorch", name, "inference", 8, length), measure(index, length))
    for index, name in enumerate(names) for length in (8, 32, 128, 512)
]
environment = {"transformers_version": "4.57.6", "framework": "PyTorch", "use_gpu": False}
results = BenchmarkResults(entries, environment, {"speed": True, "memory": True, "env_print": False})
"""
CELLS = [MAKE, "results", "%matplotlib inline\nresults.plot();", "results.plot('memory_mb');"]


@pytest.fixture(scope="module")
def path(folder):
    cells = [nbformat.v4.new_code_cell(code) for code in CELLS]
    path = folder / "results.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL}), path)
    return path


def test_twenty_models_can_be_read(lab, path):
    notebook = Notebook(lab, path.name)
    notebook.run_all()
    output = notebook.cell(1).locator(".jp-OutputArea-output")
    assert output.locator("table").first.locator("tbody tr").count() == 20
    assert output.get_by_text("<script>alert(1)</script>").first.is_visible()
    assert output.get_by_title("no</b> memory").count() >= 4
    assert lab.locator('[data-mime-type="application/vnd.jupyter.stderr"]').all_inner_texts() == []
    assert all(notebook.image_widths())
    assert len(notebook.image_widths()) == 2
    for theme in (LIGHT, DARK):
        notebook.set_theme(theme)
        notebook.screenshot(f"results-{theme.split()[1].lower()}")


@pytest.mark.parametrize(("background", "text"), [("#ffffff", "#202020"), ("#111111", "#e0e0e0")])
def test_tables_can_be_read_on_any_page(page, background, text):
    """Also where no style sheet of a notebook helps, as on a page that shows stored output."""
    names = {}
    exec(MAKE, names)
    results = names["results"]
    failures = type(results)(results[{"status": "oom"}].entries, results.environment, {})
    html = results._repr_html_() + failures._repr_html_()
    page.set_content(f'<body style="background: {background}; color: {text}">{html}</body>')
    assert page.get_by_text("4 failed: why").is_visible()
    assert page.locator("li").last.is_visible()
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert barriers(page, ".hfbench-results") == []


def test_a_click_selects_the_tables_as_markdown(page):
    names = {}
    exec(MAKE, names)
    page.set_content(names["results"]._repr_html_())
    page.get_by_text("Copy as Markdown").click()
    page.locator("pre").click()
    selected = page.evaluate("() => getSelection().toString()")
    assert selected.strip() == names["results"].to_markdown()


def test_an_interactive_plot_tells_the_point_under_the_pointer(context, tmp_path):
    scope: dict[str, Any] = {}
    exec(MAKE, scope)
    scope["results"]["bert"].plot_interactive().save(tmp_path / "curves.html", inline=True)
    page = context.new_page()
    page.goto((tmp_path / "curves.html").as_uri())
    plot = page.locator("svg.marks")
    plot.wait_for(timeout=60_000)
    dots = plot.locator('.mark-symbol path[aria-label*="Model: bert"]')
    assert dots.count() == 4
    dots.nth(2).hover()
    tip = page.locator("#vg-tooltip-element.visible")
    tip.wait_for()
    assert {"Model", "Time", "95 % interval"} <= set(tip.locator("td.key").all_inner_texts())
    page.screenshot(path=ARTEFACTS / "interactive.png", full_page=True)
    page.close()
