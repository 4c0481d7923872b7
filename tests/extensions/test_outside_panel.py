"""A framework, an axis, a task and an executor from outside in the panel."""

from __future__ import annotations

import pytest
from numpy_arguments import NumPyBenchmarkArguments
from support.processes import wait_until
from support.widgets import find, only

import hfbench_nb
from hfbench_nb.execution.benchmarks import make_benchmark
from hfbench_nb.frontends.widgets.background import current_run

# One group: what most of these tests look at is measured once.
pytestmark = [pytest.mark.xdist_group("outside"), pytest.mark.usefixtures("outside", "no_hub")]


@pytest.fixture
def panel(model):
    made = hfbench_nb.panel(
        framework="NumPy", models=[model], batch_sizes=[2], sequence_lengths=[8], max_seconds=0.05, rounds=1
    )
    yield made
    made.close()
    assert wait_until(lambda: current_run() is None)


def test_the_panel_offers_framework_fields_and_executor(panel, model):
    assert only(panel, "framework").options == ("PyTorch", "TensorFlow", "NumPy")
    assert only(panel, "framework").value == "NumPy"
    assert "recording" in only(panel, "field-executor").options
    only(panel, "field-embedding").value = True
    only(panel, "field-block_size").value = "8, 16"
    args = panel.args
    assert isinstance(args, NumPyBenchmarkArguments)
    assert (args.models, args.tasks, args.block_size) == ([model], ["inference", "embedding"], [8, 16])


def test_what_one_framework_has_alone_shows_with_it_alone(panel):
    tick, block_size = only(panel, "field-embedding"), only(panel, "field-block_size")
    (group,) = [group for group in find(panel, "group") if block_size in walk(group)]
    for framework, display in (("NumPy", ""), ("PyTorch", "none"), ("NumPy", "")):
        only(panel, "framework").value = framework
        assert (tick.layout.display, group.layout.display) == (display, display), framework


def walk(widget):
    return [widget, *(inner for child in getattr(widget, "children", ()) for inner in walk(child))]


def test_the_panel_measures_and_shows_it(panel, executor):
    asked_before = len(executor.cases)
    only(panel, "field-embedding").value = True
    only(panel, "field-executor").value = "recording"
    only(panel, "run").click()
    assert wait_until(lambda: current_run() is None, 60.0)
    assert [case.task for case in executor.cases[asked_before:]] == ["inference", "embedding"]
    assert list(panel.results.frame["status"]) == ["ok", "ok"]
    assert "Size of the vectors (KB), embedding" in only(panel, "table").value
    assert 'src="data:image/png;base64,' in only(panel, "curves").value


def test_the_code_of_the_panel_runs(panel):
    only(panel, "field-embedding").value = True
    assert "hfbench numpy --models" in only(panel, "code-shell").value
    assert "--embedding" in only(panel, "code-magic").value
    variables = {}
    exec(only(panel, "code-python").value.replace("\nresults", "\n# results"), variables)
    assert variables["args"].tasks == panel.args.tasks
    assert variables["make_benchmark"] is make_benchmark
