from __future__ import annotations

import pytest
from matplotlib import pyplot as plt
from test_results import cell, failed, ok

from hfbench_nb import ArgumentError, BenchmarkResults

LENGTHS = [8, 32, 128, 512]


def sweep(models=("bert", "gpt2"), batch_sizes=(8,), lengths=LENGTHS, tasks=("inference",)):
    entries = [
        (cell(m, t, b, n), ok(0.001 * n * b * (i + 1), 450 + n + 10 * i))
        for i, m in enumerate(models)
        for b in batch_sizes
        for n in lengths
        for t in tasks
    ]
    return BenchmarkResults(entries, {}, {})


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_a_line_a_model_against_the_sequence_length():
    ax = sweep().plot()
    assert labels(ax) == ["bert", "gpt2"]
    assert ax.lines[0].get_xdata().tolist() == LENGTHS
    assert ax.lines[1].get_ydata().tolist() == pytest.approx([0.016, 0.064, 0.256, 1.024 * 8], rel=10)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Sequence length (tokens)", "Time (s)")
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["8", "32", "128", "512"]
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert len(ax.collections) == 2  # the bands


def test_memory_on_linear_axes_from_zero():
    ax = sweep().plot("memory_mb", log=False)
    assert (ax.get_xscale(), ax.get_yscale(), ax.get_ylim()[0]) == ("linear", "linear", 0)
    assert ax.get_ylabel() == "Peak memory (MB)"
    assert not ax.collections


def test_along_the_batch_size_with_a_line_a_length():
    ax = sweep(["bert"], [1, 2, 4], [8, 32]).plot(along="batch_size")
    assert labels(ax) == ["bert, length 8", "bert, length 32"]
    assert ax.get_xlabel() == "Batch size"


def test_tasks_are_told_apart_or_chosen():
    results = sweep(["bert"], tasks=("inference", "training"))
    assert labels(results.plot()) == ["bert, inference", "bert, training"]
    assert labels(results.plot(task="training")) == ["bert"]


def test_short_names():
    assert labels(sweep().plot(labels=["B", "G"])) == ["B", "G"]


def test_failed_cells_are_marked_on_the_axis():
    results = BenchmarkResults([(cell(sequence_length=8), ok()), (cell(sequence_length=512), failed())], {}, {})
    ax = results.plot()
    mark = ax.lines[-1]
    assert (mark.get_xdata().tolist(), list(mark.get_ydata()), mark.get_marker()) == ([512], [0.0], "x")
    assert labels(ax) == ["bert", "bert: oom"]


def test_nothing_but_failures_is_still_a_plot():
    ax = BenchmarkResults([(cell(), failed())], {}, {}).plot()
    ax.figure.canvas.draw()
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["8"]


def test_twenty_lines_differ_and_their_legend_is_beside_the_axes():
    ax = sweep([f"model-{i}" for i in range(20)]).plot()
    styles = {(line.get_color(), line.get_marker(), line.get_linestyle()) for line in ax.lines}
    assert len(styles) == 20
    ax.figure.canvas.draw()
    legend, axes = ax.get_legend().get_window_extent(), ax.get_window_extent()
    assert legend.x0 >= axes.x1


def test_given_axes_are_drawn_on_and_no_figure_is_made():
    _, ax = plt.subplots()
    assert sweep().plot(ax=ax) is ax
    assert len(plt.get_fignums()) == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"values": "speed"}, "values='speed' cannot be used: values must be 'time_s' or"),
        ({"along": "model"}, "along='model' cannot be used: along must be 'sequence_length' or 'batch_size'"),
        ({"task": "generation"}, "task='generation' cannot be used: task must be 'inference'"),
        ({"labels": ["one"]}, r"labels=\['one'\] cannot be used: labels must be a list of 2 names"),
    ],
)
def test_wrong_values_are_named(given, message):
    with pytest.raises(ArgumentError, match=message):
        sweep().plot(**given)
