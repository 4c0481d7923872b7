"""A framework, an axis, a task, a metric and an executor from outside: registered, they show up everywhere.

Nothing of the package is edited or patched for them: what is tested here is that no list of it is closed.
"""

from __future__ import annotations

import csv
import math

import pandas as pd
import pytest
from embedding_task import EMBEDDING
from numpy_arguments import NumPyBenchmarkArguments
from support.outside import TWO_VECTORS_KB, VECTORS

from hfbench_nb import load_results
from hfbench_nb.display.tables import make_tables
from hfbench_nb.execution.benchmarks import make_benchmark
from hfbench_nb.protocol.tasks import TASKS

# One group: what most of these tests look at is measured once.
pytestmark = [pytest.mark.xdist_group("outside"), pytest.mark.usefixtures("outside", "no_hub")]


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
