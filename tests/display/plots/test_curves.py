"""Curves: a line a model against the sequence length."""

from __future__ import annotations

import dataclasses

import pytest
from matplotlib import pyplot as plt
from matplotlib.collections import PolyCollection
from support.measured import LENGTHS, case_of, failed, function_row, ok, results_of, sweep
from support.plots import LONG, all_failed, legend_labels, row_names, texts_beside, timed

from hfbench_nb import ArgumentError, BenchmarkResults
from hfbench_nb.display.plots.style import FAINT
from hfbench_nb.protocol.case import Settings

pytestmark = [pytest.mark.shows, pytest.mark.usefixtures("close_figures")]


def test_a_line_a_model_against_the_sequence_length():
    ax = sweep().plot()
    assert legend_labels(ax) == ["gpt2", "bert"]  # as the lines end, from top to bottom
    gpt2, bert = ax.lines
    assert bert.get_xdata().tolist() == LENGTHS
    assert bert.get_ydata().tolist() == pytest.approx([0.064, 0.256, 1.024, 4.096])
    assert gpt2.get_ydata().tolist() == pytest.approx([0.128, 0.512, 2.048, 8.192])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Sequence length (tokens)", "Time (s)")
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["8", "32", "128", "512"]
    assert {"0.1", "1", "10"} <= {tick.get_text() for tick in ax.get_yticklabels()}
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert len(ax.collections) == 2  # the bands


def test_memory_on_linear_axes_from_zero():
    ax = sweep().plot("memory_mb", log=False)
    assert (ax.get_xscale(), ax.get_yscale(), ax.get_ylim()[0]) == ("linear", "linear", 0)
    assert ax.get_ylabel() == "Peak memory (MB)"


def test_throughput_with_the_interval_of_its_time():
    samples_s = tuple(0.4 + 0.01 * i for i in range(9))
    results = results_of(*(timed("bert", n, samples_s, batch_size=4) for n in (8, 32)))
    low_s, high_s = results.entries[0][1].timing.interval_s
    ax = results.plot("sequences_per_s")
    assert ax.lines[0].get_ydata().tolist() == pytest.approx([4 / 0.44] * 2)
    band = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == (pytest.approx(4 / high_s), pytest.approx(4 / low_s))
    assert ax.get_ylabel() == "Throughput (sequences/s)"
    ax = results.plot("tokens_per_s")
    assert ax.lines[0].get_ydata().tolist() == pytest.approx([8 * 4 / 0.44, 32 * 4 / 0.44])
    assert ax.get_ylabel() == "Throughput (tokens/s)"


def test_along_the_batch_size_with_a_line_a_length():
    ax = sweep(["bert"], [1, 2, 4], [8, 32]).plot(along="batch_size")
    assert legend_labels(ax) == ["bert, length 32", "bert, length 8"]
    assert ax.get_xlabel() == "Batch size"


def test_tasks_are_told_apart_or_chosen():
    results = sweep(tasks=("inference", "training"))
    inference, training = results.plot().figure.axes
    assert (inference.get_title(), training.get_title()) == ("Inference", "Training")
    assert inference.get_ylim() == training.get_ylim()
    (legend,) = inference.figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["gpt2", "bert"]
    assert [line.get_color() for line in inference.lines] == [line.get_color() for line in training.lines]
    assert legend_labels(results.plot(task="training")) == ["gpt2", "bert"]
    ax = results.plot(ax=plt.figure().add_subplot())  # a model has one colour there, too, and a task a line style
    assert sorted(legend_labels(ax)) == ["bert, inference", "bert, training", "gpt2, inference", "gpt2, training"]
    assert len({line.get_color() for line in ax.lines}) == len({line.get_linestyle() for line in ax.lines}) == 2


def test_a_legend_of_several_tasks_says_where_something_failed():
    results = results_of(
        *sweep(["bert"], tasks=("inference",)).entries, (case_of(task="training"), ok()),
        (case_of(task="training", sequence_length=32), failed()),
    )  # fmt: skip
    (legend,) = results.plot().figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["bert (training: oom at 32)"]


def test_the_best_of_many_have_colours_and_the_others_are_grey_and_named():
    names = [f"model-{i}" for i in range(12)]
    ax = sweep(names).plot()
    colours = {
        text.get_text(): line.get_color() for text, line in zip(ax.get_legend().get_texts(), ax.lines, strict=True)
    }
    assert set(colours) == set(names)
    assert [name for name in names if colours[name] != FAINT] == names[:7]  # the fastest
    assert len({colours[name] for name in names[:7]}) == 7
    assert [line.get_color() for line in sweep(names).plot("tokens_per_s", top=1).lines].count(FAINT) == 11
    assert not any(isinstance(each, PolyCollection) for each in ax.collections)  # nor bands that fill the plot
    assert len({line.get_color() for line in sweep(names[:8]).plot().lines} - {FAINT}) == 8
    fails = results_of(
        *sweep(names).entries, (case_of("other"), ok()), (case_of("other", sequence_length=512), failed())
    ).plot()
    assert next(line for line in fails.lines if line.get_label().startswith("other")).get_color() == FAINT
    with pytest.raises(ArgumentError, match="top=-1 cannot be used"):
        sweep().plot(top=-1)


def test_a_plot_says_task_batch_size_framework_and_device():
    facts = {"framework_version": "2.13.0", "device": "cpu", "cpu_model": "EPYC"}
    results = BenchmarkResults(sweep().entries, facts, {})
    for ax in (results.plot(), results.plot_memory(), BenchmarkResults(sweep(lengths=[8]).entries, facts, {}).plot()):
        assert ax.get_title().startswith("Inference, batch size 8, ")
        assert ax.get_title().replace("\n", " ").endswith("PyTorch 2.13.0 on CPU")
    several = BenchmarkResults(sweep(tasks=("inference", "training")).entries, facts, {}).plot()
    assert several.figure.get_suptitle() == "Batch size 8, PyTorch 2.13.0 on CPU"
    _, given = plt.subplots()
    given.set_title("mine")
    assert results.plot(ax=given).get_title() == "mine"


def test_a_small_difference_is_no_slope():
    results = results_of(*((case_of(sequence_length=n), ok(0.1 * (1 + i / 400))) for i, n in enumerate(LENGTHS)))
    ax = results.plot()
    assert (ax.get_xscale(), ax.get_yscale(), ax.get_ylim()[0]) == ("log", "linear", 0)
    assert ax.get_ylim()[1] >= 1.04 * max(ax.lines[0].get_ydata())  # a line on the edge would be half cut off
    assert sweep().plot().get_yscale() == "log"


@pytest.mark.parametrize("span", [2.1, 5, 9, 40, 3000])
def test_an_axis_has_enough_ticks_to_be_read(span):
    results = results_of((case_of(sequence_length=8), ok(0.013)), (case_of(sequence_length=32), ok(0.013 * span)))
    ax = results.plot()
    low, high = ax.get_ylim()
    assert len([tick for tick in ax.get_yticks() if low <= tick <= high]) >= 4


def test_an_interval_that_says_nothing_is_not_drawn_but_named():
    results = results_of(
        timed("bert", 8, (0.1, 0.101, 0.102)), timed("bert", 32, (0.1, 0.3, 0.9)), timed("bert", 64, (1.0, 1.01, 1.02))
    )
    ax = results.plot()
    assert legend_labels(ax) == ["bert (too noisy at 32)"]
    assert ax.get_ylim()[1] < 2
    bars = results_of(timed("bert", 8, (0.1, 0.3, 0.9)), timed("gpt2", 8, (1.0, 1.01, 1.02))).plot()
    assert texts_beside(bars) == ["300 ms (too noisy)", "1.01 s"]


def test_two_frameworks_in_one_plot():
    ax = (sweep(["bert"]) + sweep(["bert"], framework="TensorFlow")).plot()
    assert sorted(legend_labels(ax)) == ["bert (PyTorch)", "bert (TensorFlow)"]


def test_short_names():
    assert legend_labels(sweep().plot(labels=["B", "G"])) == ["G", "B"]


def test_names_that_matplotlib_would_read_as_something_else():
    results = sweep(["_mine", "$a$ or $b"])
    ax = results.plot()
    assert len(legend_labels(ax)) == 2
    ax.figure.draw_without_rendering()  # "$a$" would be set as mathematics, "$b" alone could not
    one = sweep(["$a$"]).plot().get_legend().get_texts()[0].get_window_extent()
    other = sweep(["xax"]).plot().get_legend().get_texts()[0].get_window_extent()
    assert one.width == pytest.approx(other.width, rel=0.1)


def test_failed_cases_are_marked_on_the_axis_and_named():
    results = results_of((case_of(sequence_length=8), ok()), (case_of(sequence_length=512), failed()))
    ax = results.plot()
    mark = ax.lines[-1]
    assert (list(mark.get_xdata()), list(mark.get_ydata()), mark.get_marker()) == ([512], [0.0], "x")
    assert legend_labels(ax) == ["bert (oom at 512)"]
    ax.figure.canvas.draw()
    assert ax.get_xlim()[1] > 512


def test_cases_that_failed_at_the_same_place_stand_side_by_side_and_many_are_one_mark():
    def marks(models):
        ax = all_failed(models).plot()
        ax.figure.canvas.draw()
        return [line.get_transform().transform((8, 0.0))[0] for line in ax.lines if line.get_marker() == "x"]

    assert len(set(marks(["a", "b", "c"]))) == 3
    assert len(set(marks(LONG))) == 1


def test_nothing_but_failures_is_still_a_plot():
    ax = results_of((case_of(sequence_length=8), failed()), (case_of(sequence_length=32), failed("timeout"))).plot()
    ax.figure.canvas.draw()
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["8", "32"]
    assert legend_labels(ax) == ["bert (oom at 8, timeout at 32)"]


def test_cases_of_functions_are_left_out_of_curves_and_shown_in_memory():
    results = results_of(function_row(), *sweep(["bert"]).entries)
    assert legend_labels(results.plot()) == ["bert"]
    assert legend_labels(results.plot("tokens_per_s", fit=True)) == ["bert"]
    assert len(results.scaling().frame) == 1
    assert row_names(results.plot_memory(task="function")) == ["my_function"]
    alone = results_of(function_row())
    for draw in (alone.plot, alone.scaling, alone.compare(alone).plot, BenchmarkResults([], {}, {}).plot):
        with pytest.raises(ArgumentError, match="no case has a batch size and a sequence length"):
            draw()


def test_the_first_thirty_two_lines_look_different():
    ax = sweep([f"model-{i}" for i in range(32)]).plot()
    looks = {(line.get_color(), line.get_marker(), line.get_linestyle(), line.get_fillstyle()) for line in ax.lines}
    assert len(looks) == 32


def test_given_axes_are_drawn_on_and_no_figure_is_made():
    _, ax = plt.subplots()
    results = sweep()
    assert results.plot(ax=ax) is ax
    assert results.plot_memory(ax=plt.gcf().add_subplot()) is not ax
    assert results.compare(results).plot(ax=ax) is ax
    assert len(plt.get_fignums()) == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"values": "speed"}, "values='speed' cannot be used: values must be 'time_s', "),
        ({"values": "model"}, "'sequences_per_s', 'tokens_per_s'"),
        ({"along": "model"}, "along='model' cannot be used: along must be 'sequence_length' or 'batch_size'"),
        ({"task": "generation"}, "task='generation' cannot be used: task must be 'inference'"),
        ({"labels": ["one"]}, r"labels=\['one'\] cannot be used: labels must be a list of 2 names"),
        ({"fit": True, "along": "batch_size"}, "fit=True cannot be used"),
    ],
)
def test_wrong_values_are_named(given, message):
    with pytest.raises(ArgumentError, match=message):
        sweep().plot(**given)


def test_what_was_not_measured_is_told():
    results = results_of(timed("bert", 8, (0.1,)), timed("bert", 32, (0.2,)))
    for draw in (lambda: results.plot("memory_mb"), results.plot_memory, lambda: results.scaling("memory_mb")):
        with pytest.raises(ArgumentError, match="memory.* was not measured"):
            draw()
    assert results.plot() is not None
    with pytest.raises(ArgumentError, match="the results hold no case"):
        BenchmarkResults([], {}, {}).plot_memory()


def test_micro_batches_count_for_throughput_and_its_fits():
    results = results_of(
        *(
            (
                dataclasses.replace(case_of("m", "training", 2, n), settings=Settings(gradient_accumulation=k)),
                ok(0.001 * n * k),
            )
            for k in (1, 4)
            for n in LENGTHS
        )
    )
    assert results.frame["tokens_per_s"].tolist() == pytest.approx([2000.0] * 8)
    for line in results.plot("tokens_per_s", fit=True).lines:  # measured, and fitted
        assert line.get_ydata() == pytest.approx(2000.0)
