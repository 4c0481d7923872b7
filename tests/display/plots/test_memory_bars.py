"""Bars of memory, stacked of its parts."""

from __future__ import annotations

import dataclasses

import pytest
from matplotlib import colors
from support.measured import MIB, case_of, failed, ok, results_of, sweep
from support.plots import legend_labels, parts_mb, row_names, texts_beside

from hfbench_nb import ArgumentError
from hfbench_nb.display.plots import PALETTE
from hfbench_nb.protocol.measurement import Measurement, MemoryUse
from hfbench_nb.protocol.timing import Timing

pytestmark = [pytest.mark.shows, pytest.mark.usefixtures("close_figures")]


def test_memory_is_stacked_and_failures_and_unknown_parts_are_told():
    published = Measurement("ok", memory=MemoryUse("published", 700 * MIB))
    results = results_of(
        (case_of(sequence_length=8), ok(memory_mib=500)),
        (case_of(sequence_length=32), failed()),
        (case_of("gpt2", sequence_length=8), published),
        (case_of("gpt2", sequence_length=32), Measurement("ok", Timing((0.1,)))),
    )
    ax = results.plot_memory()
    assert row_names(ax) == ["bert, length 8", "length 32", "gpt2, length 8", "length 32"]
    assert [parts_mb(ax, row) for row in range(4)] == [[250, 200, 50], [], [700], []]
    assert texts_beside(ax) == ["500 MB", "oom", "700 MB", "no value"]
    assert legend_labels(ax) == [
        "Baseline",
        "Weights",
        "Working memory",
        "Peak, parts not known",
    ]
    assert ax.get_xlabel() == "Peak memory (MB)"
    used = {colors.to_hex(bar.get_facecolor()).upper() for bar in ax.patches} - {"#FFFFFF"}
    assert used <= set(PALETTE)


def test_the_working_memory_of_training_has_parts_of_its_own():
    measured = dataclasses.replace(ok(memory_mib=500), metrics={"gradients_mb": 20.0, "optimizer_mb": 18.0})
    without = dataclasses.replace(measured, metrics={"gradients_mb": 20.0, "optimizer_mb": 0.0})
    ax = results_of(
        (case_of(task="training"), measured), (case_of(task="training", sequence_length=32), without)
    ).plot_memory()
    assert [parts_mb(ax, row) for row in range(2)] == [[250, 200, 20, 18, 12], [250, 200, 20, 30]]
    assert legend_labels(ax) == ["Baseline", "Weights", "Gradients", "Optimizer state", "Activations"]


def test_memory_of_one_task_and_of_nothing_but_failures():
    results = sweep(["bert"], tasks=("inference", "training"))
    axes = results.plot_memory().figure.axes
    assert [(ax.get_title(), len(row_names(ax)), len(texts_beside(ax))) for ax in axes] == [
        ("Inference", 4, 4), ("Training", 4, 4)
    ]  # fmt: skip
    assert axes[0].get_xlim() == axes[1].get_xlim()
    first, second, *_ = results.plot_memory(task="training").get_yticks()
    assert second - first < 1  # the bars of a model stand together
    assert row_names(results.plot_memory(task="training"))[0] == "bert, length 8"
    with pytest.raises(ArgumentError, match="task='sleep' cannot be used"):
        results.plot_memory(task="sleep")
    ax = results_of((case_of(), failed())).plot_memory()
    assert (texts_beside(ax), ax.get_legend()) == (["oom"], None)
