"""Plots in figures of their own and of the user's: everything is seen, and once."""

from __future__ import annotations

import io
import random
import xml.etree.ElementTree as ET

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from support.kernels import execute
from support.measured import LENGTHS, results_of, sweep
from support.models import short, tiny_bert
from support.plots import LONG, all_failed, parts_mb, timed

from hfbench_nb import PyTorchBenchmark

pytestmark = [pytest.mark.shows, pytest.mark.usefixtures("close_figures")]


def noisy(models, lengths=LENGTHS):
    rng = random.Random(0)
    return results_of(*(timed(m, n, tuple(rng.gauss(n, 0.1 * n) for _ in range(9))) for m in models for n in lengths))


LONG_PLOTS = {
    "curves": lambda ax: sweep(LONG).plot(ax=ax),
    "curves of short names": lambda ax: sweep([f"model-{i}" for i in range(20)]).plot("memory_mb", ax=ax),
    "one line": lambda ax: sweep(LONG[:1]).plot("tokens_per_s", log=False, ax=ax),
    "failures": lambda ax: all_failed(LONG).plot(ax=ax),
    "fits": lambda ax: sweep(LONG, [1, 8]).plot(fit=True, ax=ax),
    "bars": lambda ax: sweep(LONG, lengths=[512]).plot(ax=ax),
    "several tasks": lambda ax: sweep(LONG, tasks=("inference", "training")).plot(ax=ax),
    "memory of several tasks": lambda ax: sweep(LONG[:6], [8], [8, 64], ("inference", "training")).plot_memory(ax=ax),
    "memory": lambda ax: sweep(LONG[:10], lengths=[8, 512]).plot_memory(ax=ax),
    "ratios": lambda ax: noisy(LONG).compare(sweep(LONG)).plot(ax=ax),
    "ratios as bars": lambda ax: noisy(LONG, [8]).compare(noisy(LONG[::-1], [8])).plot(ax=ax),
}  # fmt: skip


def assert_all_is_seen(figure, resolutions=(100,)):
    """Every text lies inside the figure, and no legend on axes."""
    for dpi in resolutions:
        figure.set_dpi(dpi)
        figure.draw_without_rendering()
        for ax in figure.axes:
            around = ax.get_tightbbox()
            assert around.x0 >= -1
            assert around.y0 >= -1
            assert around.x1 <= figure.bbox.x1 + 1
            assert around.y1 <= figure.bbox.y1 + 1
            legend = ax.get_legend() or next(iter(figure.legends), None)
            assert legend is None or legend.get_window_extent().x1 <= figure.bbox.x1 + 1
            for other in figure.axes:
                assert legend is None or not legend.get_window_extent().overlaps(other.bbox)


@pytest.mark.parametrize("name", LONG_PLOTS)
def test_all_is_seen_in_a_figure_of_its_own_and_saves_to_png_and_svg(name):
    ax = LONG_PLOTS[name](None)
    assert_all_is_seen(ax.figure, resolutions=(72, 100, 200))  # what an SVG, a notebook and a print have
    assert ax.bbox.width / ax.figure.dpi > 4
    png, svg = io.BytesIO(), io.StringIO()
    ax.figure.savefig(png)
    ax.figure.savefig(svg, format="svg")
    assert png.getvalue().startswith(b"\x89PNG")
    assert ET.fromstring(svg.getvalue()).tag.endswith("svg")


@pytest.mark.parametrize("layout", [None, "constrained", "tight"])
@pytest.mark.parametrize("name", LONG_PLOTS)
def test_all_is_seen_in_the_users_figure(name, layout):
    figure = Figure(figsize=(8, 5), layout=layout)
    FigureCanvasAgg(figure)  # as pyplot's figures have: without one, Matplotlib measures each text again and again
    ax = LONG_PLOTS[name](figure.subplots())
    assert_all_is_seen(figure)
    assert ax.bbox.width > 0.25 * figure.bbox.width
    assert ax.bbox.height > 0.25 * figure.bbox.height


def test_plots_of_a_grid_leave_each_other_alone():
    figure = Figure(figsize=(14, 10))
    axes = figure.subplots(2, 2).ravel()
    sweep(LONG[:6]).plot(ax=axes[0])
    sweep().plot("memory_mb", ax=axes[1])
    sweep().plot_memory(ax=axes[2])
    sweep(LONG, lengths=[8]).plot(ax=axes[3])
    assert_all_is_seen(figure)
    figure.set_dpi(100)
    extents = [ax.get_tightbbox() for ax in axes]
    assert not any(a.overlaps(b) for i, a in enumerate(extents) for b in extents[:i])


def test_each_plot_of_a_notebook_is_shown_once():
    plots = ["plot()", "plot(fit=True)", "plot_memory()", "compare(results).plot()", "scaling()", "compare(results)"]
    setup = "%matplotlib inline\nimport hfbench_nb; results = hfbench_nb.load_reference('bert-configurations-pytorch')"
    _, *shown = execute(setup, *(f"results.{code}" for code in plots))
    for code, outputs in zip(plots, shown, strict=True):
        found = [kind for output in outputs for kind in output.get("data", {}) if kind in ("image/png", "text/html")]
        assert found == (["image/png"] if "plot" in code else ["text/html"]), code


def test_a_real_run():
    model = tiny_bert(hidden_size=256, intermediate_size=1024)
    results = PyTorchBenchmark(short(sequence_lengths=[8, 16, 32, 64]), configs=[model]).run()
    assert results.plot("tokens_per_s", fit=True).lines[0].get_xdata().tolist() == [8, 16, 32, 64]
    # Whether a curve fits what a busy machine measured is up to the machine; what was measured is not.
    assert results.scaling().frame["longest_length"].tolist() == [64]
    baseline_mb, weights_mb, working_mb = parts_mb(results.plot_memory(), 0)
    assert baseline_mb > weights_mb > 0
    assert baseline_mb + weights_mb + working_mb == pytest.approx(results.frame["memory_mb"][0], abs=2)
    assert results.compare(results).frame["time_ratio"].tolist() == [1.0] * 4
