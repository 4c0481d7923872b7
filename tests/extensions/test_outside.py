"""A framework, an axis, a task, a metric and an executor from outside: registered, they show up everywhere.

Nothing of the package is edited or patched for them: what is tested here is that no list of it is closed.
"""

from __future__ import annotations

import csv
import dataclasses
import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from embedding_task import EMBEDDING, Embedding
from numpy_arguments import NUMPY, NumPyBenchmarkArguments
from recording_executor import RecordingExecutor, recording
from support.processes import wait_until
from support.tiny import TINY
from support.widgets import find

import hfbench_nb
from hfbench_nb import ArgumentError, BenchmarkResults, IsolationError, PyTorchBenchmarkArguments, load_results
from hfbench_nb.arguments.fields import option
from hfbench_nb.arguments.frameworks import FRAMEWORKS, Requirement
from hfbench_nb.arguments.measurement import MEASURE
from hfbench_nb.configurations.lookup import find_model
from hfbench_nb.display.tables import make_tables
from hfbench_nb.execution.benchmarks import make_benchmark
from hfbench_nb.execution.executors import EXECUTORS
from hfbench_nb.execution.requirements import check_requirements
from hfbench_nb.frontends import cli
from hfbench_nb.frontends.widgets.background import current_run
from hfbench_nb.frontends.widgets.result_tabs import draw_curves
from hfbench_nb.protocol.case import Case, Settings
from hfbench_nb.protocol.measurement import Measurement
from hfbench_nb.protocol.request import Method
from hfbench_nb.protocol.tasks import TASKS
from hfbench_nb.protocol.timing import Timing
from hfbench_nb.results.metrics import METRICS, Metric
from hfbench_nb.worker import measuring
from hfbench_nb.worker.backends import load_backend

# One group: what most of these tests look at is measured once.
pytestmark = [pytest.mark.xdist_group("outside"), pytest.mark.usefixtures("outside", "no_hub")]

VECTORS = Metric("vectors_kb", "Size of the vectors", "KB", is_headline=True)
TWO_VECTORS_KB = 2 * TINY["bert"]["hidden_size"] * 4 / 1024
BRIEF = "--batch_sizes 2 --sequence_lengths 8 --max_seconds 0.05 --rounds 1"


@pytest.fixture(scope="module")
def executor():
    return RecordingExecutor()


@pytest.fixture(scope="module")
def outside(executor):
    """Register everything; the workers import the modules from this folder."""
    entries = [(FRAMEWORKS, NUMPY), (TASKS, EMBEDDING), (METRICS, VECTORS), (EXECUTORS, recording(executor))]
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parent)
        for registry, entry in entries:
            registry.register(entry)
        yield
        for registry, entry in entries:
            registry.remove(entry.name)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "tiny"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(TINY["bert"]))
    return str(folder)


ONE_CASE = {
    "batch_sizes": [2],
    "sequence_lengths": [8],
    "max_seconds": 0.05,
    "rounds": 1,
    "inference": False,
    "embedding": True,
}


def run(folder, **arguments):
    args = NumPyBenchmarkArguments(batch_sizes=[2], max_seconds=0.05, rounds=1, embedding=True, **arguments)
    return make_benchmark(args).run(folder, executor="recording")


@pytest.fixture(scope="module")
def results(outside, model, tmp_path_factory):
    """Measure every task along the new axis."""
    folder = tmp_path_factory.mktemp("runs") / "numpy"
    return run(folder, models=[model], sequence_lengths=[8, 16], block_size=[8, 16], training=True)


@pytest.fixture(scope="module")
def half(outside, model, tmp_path_factory):
    """Measure the same in half precision, but for inference and training."""
    folder = tmp_path_factory.mktemp("runs") / "half"
    return run(folder, models=[model], sequence_lengths=[8, 16], block_size=[8, 16], inference=False, dtype="float16")


# ---- measured


def test_the_executor_was_given_every_case(results, executor):
    assert [case for case, _ in results.entries] == executor.cases[: len(results.entries)]
    assert results.environment["recorded"] is True
    assert results.environment["framework"] == "NumPy"


def test_the_frame_has_columns_for_the_axis_and_the_metric(results):
    frame = results.frame
    assert set(frame["status"]) == {"ok"}, list(frame["error"])
    assert set(frame["framework"]) == {"NumPy"}
    assert set(frame["task"]) == {"inference", "training", "embedding"}
    assert set(frame["block_size"]) == {8, 16}
    assert set(frame["device"]) == {"cpu"}  # as the runtime has resolved it
    assert (frame[["time_s", "memory_mb"]] > 0).all(axis=None)
    of_task = frame["task"] == "embedding"
    assert set(frame["vectors_kb"][of_task]) == {TWO_VECTORS_KB}
    assert frame["vectors_kb"][~of_task].isna().all()


def test_each_case_is_measured_with_its_own_data_type(half):
    assert set(half.frame["vectors_kb"]) == {TWO_VECTORS_KB / 2}


def test_the_metric_can_be_pivoted(results):
    table = results.table("vectors_kb", index=["task", "block_size"])
    assert table.loc[("embedding", 8), 16] == TWO_VECTORS_KB


@pytest.mark.parametrize("executor_name", ["fresh", "in_process"])
def test_every_executor_measures_the_task_with_the_framework(model, tmp_path, executor_name):
    args = NumPyBenchmarkArguments(models=[model], **ONE_CASE)
    frame = make_benchmark(args).run(tmp_path / "run", executor=executor_name).frame
    assert list(frame["status"]) == ["ok"], list(frame["error"])
    assert list(frame["vectors_kb"]) == [TWO_VECTORS_KB]


@pytest.mark.measures
def test_the_task_works_with_a_framework_of_the_package(model, tmp_path):
    @dataclass(kw_only=True, repr=False)
    class EmbeddingArguments(PyTorchBenchmarkArguments):
        embedding: bool = option(False, "Measure embedding.", task="embedding", group=MEASURE)

    # The class that the configuration names has no last hidden state; the base model has.
    args = EmbeddingArguments(models=[model], only_pretrain_model=True, **ONE_CASE)
    frame = make_benchmark(args).run(tmp_path / "run").frame
    assert list(frame["status"]) == ["ok"], list(frame["error"])
    assert list(frame["framework"]) == ["PyTorch"]
    assert list(frame["vectors_kb"]) == [TWO_VECTORS_KB]


def measured(model, metrics):
    """Measure embedding in this process, with what its workload says of further metrics."""

    class Told(Embedding):
        def _metrics(self):
            return metrics()

    case = Case("NumPy", model, "embedding", 2, 8, Settings(device="cpu", dtype="float32", block_size=8))
    method = Method(max_seconds=0.05, rounds=1)
    workload = Told(case, find_model(model))
    backend = load_backend(NUMPY.backend)
    return measuring.measure(lambda: backend.open(case.settings, method), workload, method, lambda phase, facts: None)


def test_a_metric_that_is_no_number_is_absent(model):
    told = {"vectors_kb": np.float32(0.5), "a": math.nan, "b": math.inf, "c": -1e300}
    measurement = measured(model, lambda: told)
    assert measurement.succeeded
    assert measurement.metrics == {"vectors_kb": 0.5}
    assert Measurement.from_dict(json.loads(json.dumps(measurement.to_dict()))) == measurement


def test_a_metric_that_fails_fails_its_case_and_keeps_the_others(model):
    measurement = measured(model, lambda: {"vectors_kb": 1 / 0})
    assert (measurement.status, measurement.failure.error_type) == ("error", "ZeroDivisionError")
    assert measurement.timing is not None
    assert measurement.memory is not None
    assert measurement.metrics == {}


# ---- shown


def test_the_metric_has_a_table(results, model):
    (table,) = [table for table in make_tables(results) if table.title.startswith("Size of the vectors")]
    assert table.title == "Size of the vectors (KB), embedding, batch size 2"
    (block,) = table.blocks
    assert [label for label, _ in block.rows] == [f"{model} [blocks of 8]", f"{model} [blocks of 16]"]
    assert {float(cell.text) for cell in table.cells} == {TWO_VECTORS_KB}


def test_html_and_markdown_show_it(results):
    for shown in (results._repr_html_(), results.to_markdown()):
        assert "Size of the vectors (KB), embedding, batch size 2" in shown
        assert ", embedding, batch size 2" in shown.replace("Size of the vectors (KB), embedding, batch size 2", "")
        assert "[blocks of 16]" in shown


def test_the_report_has_a_section_for_each_metric_of_the_task(results, model):
    report = str(results)
    for metric in ("SPEED", "MEMORY", "VECTORS"):
        assert f"EMBEDDING - {metric} - RESULT" in report
    assert "INFERENCE - VECTORS - RESULT" not in report
    section = report.partition("EMBEDDING - VECTORS - RESULT")[2]
    assert "Vectors in KB" in section
    rows = [line.rsplit(None, 3) for line in section.splitlines() if line.strip().startswith(model)]
    assert {(row[0].strip(), *map(float, row[1:])) for row in rows} == {
        (f"{model} [blocks of {block}]", 2, length, TWO_VECTORS_KB) for block in (8, 16) for length in (8, 16)
    }


@pytest.mark.usefixtures("close_figures")
def test_the_metric_can_be_plotted(results):
    ax = results.plot("vectors_kb", task="embedding")
    assert ax.get_ylabel() == "Size of the vectors (KB)"
    assert {float(y) for line in ax.get_lines() for y in line.get_ydata()} == {TWO_VECTORS_KB}


@pytest.mark.usefixtures("close_figures")
def test_plots_can_go_along_the_axis(results):
    ax = results.plot(along="block_size", task="embedding")
    assert ax.get_xlabel() == "Block size (tokens)"
    assert {tuple(line.get_xdata()) for line in ax.get_lines()} == {(8, 16)}
    assert "blocks of" not in "".join(text.get_text() for text in ax.figure.findobj(match=type(ax.title)))


def test_the_metric_is_compared(results, half):
    comparison = half.compare(results, names=("half", "single"))
    assert list(comparison.frame["vectors_ratio"]) == [0.5] * 4
    assert {"vectors_kb", "other_vectors_kb", "dtype", "block_size", "time_ratio"} <= set(comparison.frame)
    assert "vectors 0.125 KB / 0.25 KB = 0.5" in str(comparison)
    html = comparison._repr_html_()
    assert "Size of the vectors" in html
    assert "0.125 KB" in html
    assert set(comparison.unmatched["task"]) == {"inference", "training"}


@pytest.mark.usefixtures("close_figures")
def test_ratios_of_the_metric_can_be_plotted(results, half):
    ax = half.compare(results).plot("vectors_kb")
    assert 0.5 in {float(y) for line in ax.get_lines() for y in line.get_ydata()}


def test_the_metric_can_be_fitted(results):
    fits = results.scaling("vectors_kb")
    assert fits.metric is VECTORS
    lengths = fits.frame.groupby("task")["lengths"].unique()
    assert {task: list(found) for task, found in lengths.items()} == {
        "embedding": [2],
        "inference": [0],
        "training": [0],
    }


@pytest.fixture
def with_metrics():
    """Register further metrics, and give results that have them."""
    further = [
        Metric("quality_percent", "Quality", "%", interval=lambda case, measurement: (49.0, 51.0), is_headline=True),
        Metric("share_percent", "Share", "%", lambda case, measurement: 25.0, is_headline=True, is_column=False),
    ]
    case = Case("NumPy", "m", "inference", 2, 8, Settings(block_size=8))
    measurement = Measurement("ok", Timing((0.1, 0.11, 0.12, 0.2), precision=0.02), metrics={"quality_percent": 50.0})
    for metric in further:
        METRICS.register(metric)
    yield BenchmarkResults([(case, measurement)], {}, {"speed": True, "memory": False})
    for metric in further:
        METRICS.remove(metric.name)


def test_a_metric_shows_its_own_interval_and_not_that_of_the_time(with_metrics):
    tables = {table.title.partition(" (")[0]: next(table.cells) for table in make_tables(with_metrics)}
    quality = tables["Quality"]
    assert (quality.text, quality.spread, quality.noisy) == ("50.0", "±2.0 %", False)
    assert quality.hint == "95 % interval 49 % to 51 %"
    assert tables["Time"].noisy or tables["Time"].unknown
    assert "4 samples" in tables["Time"].hint


def test_a_metric_without_a_column_is_shown_too(with_metrics):
    assert "share_percent" not in with_metrics.frame
    assert "Share (%), inference" in with_metrics.to_markdown()
    assert draw_curves(with_metrics).startswith(b"\x89PNG")


# ---- kept


def test_csv_files_are_named_after_the_task_and_the_metric(results, tmp_path):
    written = {path.name for path in results.to_csv(tmp_path)}
    assert {"embedding_time.csv", "embedding_memory.csv", "embedding_vectors.csv"} <= written
    assert "inference_vectors.csv" not in written
    with open(tmp_path / "embedding_vectors.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {float(row["result"]) for row in rows} == {TWO_VECTORS_KB}
    assert {row["model"].partition(" ")[2] for row in rows} == {"[blocks of 8]", "[blocks of 16]"}


def test_saved_results_come_back(results, tmp_path):
    results.save(tmp_path / "saved")
    for folder in (tmp_path / "saved", results.folder):
        back = load_results(folder)
        pd.testing.assert_frame_equal(back.frame, results.frame)
        assert str(back) == str(results)


def test_a_run_can_be_resumed(results, executor):
    args = NumPyBenchmarkArguments(**{**results.arguments, "block_size": [8, 16, 32]})
    asked_before = len(executor.cases)
    resumed = make_benchmark(args).run(resume=results.folder, executor="recording")
    assert {case.settings["block_size"] for case in executor.cases[asked_before:]} == {32}
    assert len(resumed.entries) == len(results.entries) * 3 / 2


# ---- asked for


def test_a_value_that_the_axis_does_not_take_is_refused():
    with pytest.raises(ArgumentError, match="block_size=0 cannot be used"):
        NumPyBenchmarkArguments(models=["gpt2"], block_size=[8, 0])
    with pytest.raises(ArgumentError, match="inference=False, training=False, embedding=False leave nothing"):
        NumPyBenchmarkArguments(models=["gpt2"], inference=False)


def test_the_shell_has_a_command_for_the_framework(model, executor, capsys):
    asked_before = len(executor.cases)
    words = f"numpy --models {model} --embedding --no-inference --block_size 8 16 --executor recording {BRIEF}"
    assert cli.main(words.split()) == 0
    assert "EMBEDDING - VECTORS - RESULT" in capsys.readouterr().out
    cases = executor.cases[asked_before:]
    assert [(case.task, case.settings["block_size"]) for case in cases] == [("embedding", 8), ("embedding", 16)]


def test_the_help_of_the_shell_lists_framework_task_and_axis(capsys):
    assert cli.main(["--help"]) == 0
    assert "Measure models in NumPy." in capsys.readouterr().out
    assert cli.main(["numpy", "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "--embedding, --no_embedding Measure embedding: one vector per sequence. (default: False)" in shown
    assert "--block_size INT" in shown
    assert cli.main(["pytorch", "--help"]) == 0
    assert "--embedding" not in capsys.readouterr().out


def test_the_magic_takes_the_framework(ip, model, executor):
    asked_before = len(executor.cases)
    line = f"numpy --models {model} --embedding --no_inference --block_size 8 --executor recording {BRIEF}"
    results = ip.run_line_magic("hfbench", line)
    assert isinstance(results, BenchmarkResults)
    assert list(results.frame["vectors_kb"]) == [TWO_VECTORS_KB]
    assert len(executor.cases) == asked_before + 1


def test_misuse_of_the_magic_names_the_framework(ip):
    from IPython.core.error import UsageError

    with pytest.raises(UsageError, match="the first word must be one of pytorch, tensorflow, numpy"):
        ip.run_line_magic("hfbench", "jax --models a")


def test_a_framework_whose_packages_are_not_there_says_which():
    framework = dataclasses.replace(NUMPY, requirements=(Requirement("no-such-package"),))
    with pytest.raises(IsolationError) as raised:
        check_requirements(framework, None)
    assert str(raised.value) == "NumPy models cannot be measured here: no-such-package is not installed."


# ---- the panel


@pytest.fixture
def panel(model):
    made = hfbench_nb.panel(
        framework="NumPy", models=[model], batch_sizes=[2], sequence_lengths=[8], max_seconds=0.05, rounds=1
    )
    yield made
    made.close()
    assert wait_until(lambda: current_run() is None)


def only(panel, name):
    (found,) = find(panel, name)
    return found


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


# ---- afterwards


def test_without_its_task_a_saved_case_is_left_out(results, tmp_path):
    results.save(tmp_path)
    TASKS.remove("embedding")
    try:
        with pytest.warns(UserWarning, match="unknown task 'embedding'"):
            back = load_results(tmp_path)
    finally:
        TASKS.register(EMBEDDING)
    assert set(back.frame["task"]) == {"inference", "training"}
    assert not math.isnan(back.frame["time_s"].iloc[0])
