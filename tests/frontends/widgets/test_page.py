"""The panel in a page and in a saved notebook."""

from __future__ import annotations

import base64
import time

import psutil
import pytest
from jupyter_client.manager import start_new_kernel
from support.kernels import execute
from support.places import TESTS
from support.processes import runs, wait_until
from support.widgets import only, run_to_its_end, status, write

pytestmark = [pytest.mark.shows, pytest.mark.usefixtures("no_hub"), pytest.mark.xdist_group("measuring")]


def test_a_reloaded_page_is_told_how_results_stay_in_the_notebook(quick, ip):
    quick._ipython_display_()
    run_to_its_end(quick)
    quick.widget.get_state()  # as a page asks that does not know the widgets
    write(quick, "max_seconds", "0.06")
    write(quick, "max_seconds", "0.05")
    assert "reloaded" not in status(quick)  # the notebook holds these results
    run_to_its_end(quick)
    assert status(quick).endswith("run the panel's cell again before you save. It shows these results again.")
    quick._ipython_display_()
    run_to_its_end(quick)
    assert "reloaded" not in status(quick)


def test_a_panel_whose_cell_is_run_again_shows_the_same_results(quick, make, model):
    write(quick, "sequence_lengths", "8")
    run_to_its_end(quick)
    again = make(models=[model], batch_sizes=[1], sequence_lengths=[8, 16, 128], max_seconds=0.05, rounds=1)
    assert again.results.frame.equals(quick.results.frame)
    assert again.args.sequence_lengths == [8]
    assert status(again) == status(quick)
    for name in ("table", "curves", "log"):
        assert only(again, name).value == only(quick, name).value
    assert make(models=[model]).results is None  # another panel
    only(again, "reset").click()
    assert again.args.sequence_lengths == [8, 16, 128]


def test_the_panel_says_what_it_needs_where_there_are_no_widgets(make):
    assert "needs Jupyter" in make()._repr_html_()


# ---- in a notebook


def test_a_saved_notebook_has_the_last_results_beside_the_widgets(model):
    started_early = (
        "import time\nfrom hfbench_nb.execution.servers import _servers\n"
        "while not any(server._process for server in _servers.values()): time.sleep(0.05)"
    )
    panel, fresh, *_, waited, _, _, again = execute(
        f"import hfbench_nb\np = hfbench_nb.panel(models=[{model!r}], batch_sizes=[1], sequence_lengths=[8], "
        "max_seconds=0.05, rounds=1)\np",
        "%load_ext hfbench\n%hfbench_panel",
        started_early,
        "p._controls.run.click()",
        "import time\nwhile p.results is None or not p.results.entries or p._controls.run.disabled: time.sleep(0.05)",
        "print(len(p.results.entries))",
        "first = p.results.folder; p._form.fields['sequence_lengths'].value = '8, 16'; p._controls.run.click()",
        "while p._controls.run.disabled: time.sleep(0.05)",
        "print(len(p.results.entries)); p._on_open(first, hfbench_nb.load_results(first))",
    )
    widget, static = panel
    assert "application/vnd.jupyter.widget-view+json" in widget.data
    assert widget.data["text/plain"] == "hfbench_nb control panel (needs a live notebook)"
    assert "<table" in static.data["text/html"]
    start = static.data["text/html"].partition("data:image/png;base64,")[2]
    assert base64.b64decode(start.partition('"')[0]).startswith(b"\x89PNG")
    assert "INFERENCE - SPEED - RESULT" in static.data["text/plain"]
    assert "needs a live notebook" in fresh[1].data["text/html"]
    assert "Measured by the control panel, 20" in static.data["text/html"]
    assert (waited[0].text, again[0].text) == ("1\n", "2\n")
    assert " 16 " not in static.data["text/plain"]  # the earlier run was opened last


PANEL_CELL = """
from support.widgets import find
import hfbench_nb
panel = hfbench_nb.panel(
    models=[{model!r}], batch_sizes=[1], sequence_lengths=[8], max_seconds=3600.0, rounds=1, repeat=10**9, memory=False
)
find(panel, "run")[0].click()
panel
"""


def test_a_panel_whose_cell_is_run_again_and_whose_kernel_restarts_leaves_no_process(model):
    manager, kernel = start_new_kernel(cwd=TESTS)
    try:
        process = psutil.Process(manager.provisioner.pid)

        def measures():
            """Tell whether the server, the model type's server and the worker stay; an estimate ends."""
            found = process.children(recursive=True)
            time.sleep(0.5)
            return len(found) == 3 and process.children(recursive=True) == found

        kernel.execute(PANEL_CELL.format(model=model), reply=True, timeout=60)
        assert wait_until(measures, 30.0)
        kernel.execute(PANEL_CELL.format(model=model), reply=True, timeout=60)
        time.sleep(0.5)
        before = process.children(recursive=True)
        assert len(before) == 3
        manager.restart_kernel(now=False)
        assert wait_until(lambda: not any(runs(child.pid) for child in before), 2.0)
    finally:
        kernel.stop_channels()
        manager.shutdown_kernel(now=True)
