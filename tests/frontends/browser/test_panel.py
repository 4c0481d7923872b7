"""The control panel in JupyterLab, worked with as its user does."""

from __future__ import annotations

import re
import shlex
import shutil
import time

import nbformat
import pytest

from hfbench_nb.frontends.options import parse

from .page import DARK, LIGHT, Notebook, barriers, start_lab
from .panel_view import PanelView
from .servers import ARTEFACTS, KERNEL, voila

pytestmark = pytest.mark.xdist_group("browser")  # one server, one browser

SHOW = "import hfbench_nb\npanel = hfbench_nb.panel()\npanel"


LONG = "a-checkpoint-with-a-name-that-is-much-longer-than-what-a-table-has-room-for-" + "and-so-on-" * 6


def note(what, seconds):
    """Keep a time for whoever reads the artefacts: machines differ too much for a limit."""
    with open(ARTEFACTS / "times.txt", "a") as file:
        file.write(f"{what}: {seconds:.1f} s\n")


def write_notebook(folder, name):
    """Write a notebook that shows a panel; return its path."""
    cells = [nbformat.v4.new_code_cell(SHOW)]
    path = folder / f"{name}.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL}), path)
    return path


@pytest.fixture
def notebook(lab, folder):
    """A notebook that shows a new panel; its kernel is that of the test before, if there was one."""
    path = write_notebook(folder, "panel")
    notebook = Notebook(lab, path.name)
    notebook.run_all()
    yield notebook
    notebook.run("panel.close()")  # the next panel would show its results


def test_type_a_model_run_it_read_the_table_and_copy_the_code(notebook, lab):
    panel = PanelView(lab)
    assert panel.run.is_enabled()  # a small model of the catalogue
    assert panel.status.inner_text().startswith("3 cases in 6 rounds: 18 measurements, about ")
    panel.describe("tiny", "8, 16", max_seconds=0.05, rounds=3)
    panel.press_run()
    pressed_s = time.monotonic()
    panel.table.locator("td").first.wait_for(timeout=60_000)
    note("from Run to the first row", time.monotonic() - pressed_s)

    assert panel.wait_for_end().startswith("2 of 2 cases in ")
    steps = [int(found[1]) for text in panel.progress if (found := re.match(r"(\d+) of 6 measurements", text))]
    assert steps == sorted(steps)
    assert {0, 1, 2} <= set(steps)  # of two cases in three rounds each

    time_table = panel.table.locator("table").first
    assert time_table.locator("caption").inner_text().startswith("Time (")
    assert [text.strip() for text in time_table.locator("thead th[scope=col]").all_inner_texts()][-2:] == ["8", "16"]
    (row,) = time_table.locator("tbody tr").all()
    name, *figures = row.inner_text().split("\t")
    assert name.split()[0] == "tiny"
    assert all(re.search(r"\d\s*(±\s*[\d.]+\s*%|\[.*\]|too\snoisy)", figure) for figure in figures[-2:])

    assert notebook.run(panel.copy_code("python"), seconds=60)
    same = "from hfbench_nb.frontends.code_text import to_words\nprint(to_words(args) == to_words(panel.args))"
    assert notebook.run(same) == "True\n"
    assert ", inference, batch size 1" in notebook.run(panel.copy_code("magic"), seconds=60)
    assert parse(shlex.split(panel.copy_code("shell"))[1:]).arguments.sequence_lengths == [8, 16]


def test_stop_in_a_second_run_keeps_its_finished_cases(notebook, lab):
    panel = PanelView(lab)
    panel.describe("tiny", "8", max_seconds=0.05)
    panel.press_run()
    assert panel.wait_for_end().startswith("1 of 1 cases in ")

    panel.type("field-sequence_lengths", "8, 16, 24, 32")
    panel.type("field-max_seconds", "3")
    panel.type("field-precision", "0.000001")  # never reached: every case takes its three seconds
    panel.press_run()
    lab.wait_for_function("() => window.progress.some(text => text.startsWith('1 of 24 measurements'))", timeout=60_000)
    pressed_s = time.monotonic()
    panel.root.get_by_role("button", name="Copy as Markdown").click()
    panel.stop.click()
    assert panel.wait_for_end().startswith("Stopped: ")
    assert panel.root.get_by_text("A click selects all of it.").is_visible()  # unfolded, and the rows have changed
    note("from Stop to the end of the run", time.monotonic() - pressed_s)
    assert panel.run.is_enabled()
    statuses = notebook.run("print(*panel.results.frame.status)").split()
    assert statuses[0] == "ok"
    assert set(statuses[1:]) <= {"cancelled"}
    notebook.screenshot("panel-stopped")


def test_a_saved_notebook_has_the_results_from_after_a_reload(notebook, lab, folder):
    """JupyterLab drops updates of outputs that the page has not seen being made: the panel says what to do."""
    panel, path = PanelView(lab), folder / "panel.ipynb"

    def saved():
        notebook.save()
        (output,) = [each for each in nbformat.read(path, as_version=4).cells[0].outputs if "text/html" in each.data]
        return output.data["text/plain"]

    panel.describe("tiny", "8", max_seconds=0.05, rounds=1)
    panel.press_run()
    assert panel.wait_for_end().startswith("1 of 1 cases in ")
    assert re.search(r"tiny +1 +8 ", saved())
    start_lab(lab, lab.url)
    notebook = Notebook(lab, path.name)
    panel.table.locator("thead").get_by_text("8", exact=True).first.wait_for()
    panel.type("field-sequence_lengths", "24")
    panel.press_run()
    assert "run the panel's cell again before you save" in panel.wait_for_end()
    assert re.search(r"tiny +1 +8 ", saved())
    notebook.run_all()
    panel.status.get_by_text(re.compile(r"^1 of 1 cases in [\d.]+ s\.$")).wait_for()
    panel.table.locator("thead").get_by_text("24", exact=True).first.wait_for()
    assert re.search(r"tiny +1 +24 ", saved())


def test_a_run_goes_on_beside_a_busy_cell(notebook, lab, folder):
    """The kernel takes what widgets say in a thread beside the cell that runs: typing, Run, and a row that is added."""
    panel = PanelView(lab)
    busy = notebook.start("import os, time\nwhile not os.path.exists('go'):\n    time.sleep(0.05)\nprint('done')")
    panel.describe("tiny", "8, 16", max_seconds=0.05, rounds=1)
    panel.add_model("tiny:num_hidden_layers=1")
    panel.root.locator("button.hfbench-remove-model").last.click()
    lab.wait_for_function("() => document.querySelectorAll('.hfbench-model').length === 1")
    panel.press_run()
    assert panel.wait_for_end().startswith("2 of 2 cases in ")
    assert panel.table.locator("td").count() > 0
    assert busy.locator(".jp-InputPrompt").inner_text() == "[*]:"
    (folder / "go").touch()
    busy.get_by_text("done", exact=True).wait_for()


def test_wrong_input_is_shown_at_its_field_and_run_is_off(notebook, lab):
    panel = PanelView(lab)
    panel.type("model", "tiny")
    panel.type("field-batch_sizes", "0")
    panel.root.get_by_role("alert").get_by_text("batch_sizes=").wait_for()
    assert panel.run.is_disabled()
    panel.type("model", "no/such-model")
    panel.root.get_by_role("alert").get_by_text("no/such-model").wait_for()
    notebook.screenshot("panel-wrong-input")
    panel.type("model", "tiny")
    panel.type("field-batch_sizes", "1")
    lab.wait_for_function("() => !document.querySelector('button.hfbench-run').disabled")
    assert panel.root.get_by_role("alert").count() == 0


def test_it_can_be_read_in_both_themes_and_in_a_narrow_window(notebook, lab, folder):
    """Twice a model, once with a long name; the tiny models have no room for 128 tokens, so these cells fail."""
    shutil.copytree(folder / "tiny", folder / LONG)
    panel = PanelView(lab)

    def look(theme, what):
        notebook.set_theme(theme)
        # What else keeps people from using it does not depend on colours.
        rules = {} if theme == DARK else {"rules": ["color-contrast"]}
        assert barriers(lab, ".hfbench-panel", **rules) == []
        notebook.screenshot(f"panel-{theme.split()[1].lower()}-{what}")

    panel.describe("tiny", "8, 32, 128", max_seconds=0.05, rounds=3)
    panel.add_model(LONG)
    lab.set_viewport_size({"width": 1280, "height": 1600})  # nothing has to scroll
    for theme in (DARK, LIGHT):
        look(theme, "advanced")
    panel.open_advanced()
    panel.press_run()
    assert panel.wait_for_end().startswith("6 of 6 cases in ")
    for theme in (LIGHT, DARK):
        for title in ("Table", "Curves", "Environment", "Log", "Code"):
            panel.open_tab(title)
            look(theme, title.lower())
    panel.open_tab("Table")
    assert panel.table.get_by_text("error").count() >= 2
    lab.set_viewport_size({"width": 700, "height": 1600})
    for theme in (LIGHT, DARK):
        look(theme, "narrow")


def test_a_voila_page_shows_the_panel_and_runs_it(page, folder, tmp_path):
    with voila(write_notebook(folder, "voila"), tmp_path) as address:
        page.goto(address)
        panel = PanelView(page)
        panel.root.wait_for(timeout=60_000)
        panel.describe("tiny", "8, 16", max_seconds=0.05, rounds=1)
        panel.press_run()
        assert panel.wait_for_end().startswith("2 of 2 cases in ")
        assert panel.table.locator("caption", has_text="Peak memory (MB)").count() == 1
        panel.open_advanced()  # closes it
        page.set_viewport_size({"width": 1280, "height": 1200})
        page.screenshot(path=ARTEFACTS / "panel-voila.png")
        page.close()  # before the server: a page complains of one that is gone
