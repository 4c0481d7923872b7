"""The roofline plot: where cases lie, what the roofs are, and that names do not cover each other."""

from __future__ import annotations

import dataclasses

import matplotlib.pyplot as plt
import pytest
from support.measured import case_of, ok, results_of, sweep

from hfbench_nb import BenchmarkResults
from hfbench_nb.protocol.case import Settings
from hfbench_nb.protocol.errors import ArgumentError
from hfbench_nb.protocol.peaks import Peaks, Rate

pytestmark = [pytest.mark.quick]


def counted(lengths=(8, 32, 128, 512), models=("bert", "gpt2"), device="cpu", environment=None):
    peaks = Peaks(Rate(100.0, 90.0, 50.0), Rate(20.0, 18.0, 10.0), "float32")
    entries = []
    for i, model in enumerate(models):
        for length in lengths:
            case = dataclasses.replace(case_of(model, sequence_length=length), settings=Settings(device=device))
            metrics = {"flops": 1e9 * length * (1 + i / 50), "moved_mb": 100.0 + length, **peaks.metrics}
            entries.append((case, dataclasses.replace(ok(1.0 + length / 100), metrics=metrics, peaks=peaks)))
    facts = {"cpu_model": "Some CPU", **(environment or {})}
    return BenchmarkResults(entries, facts, {})


def test_cases_lie_where_their_numbers_say_below_the_roof():
    results = counted()
    ax = results.plot_roofline()
    roof, *lines = ax.get_lines()
    assert roof.get_label() == "Some CPU, float32: 100 GFLOP/s, 20.0 GB/s"
    assert [line.get_label() for line in lines] == ["bert", "gpt2"]
    row = results.frame.iloc[0]
    across, up = lines[0].get_data()
    assert up[0] == pytest.approx(row["gflops_per_s"]) == pytest.approx(row["flops"] / row["time_s"] / 1e9)
    assert across[0] == pytest.approx(8e9 / (108 * 2**20))
    assert "numbers: sequence length" in ax.get_title()
    boxes = [text.get_window_extent() for text in ax.texts]
    assert boxes
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[i + 1 :])
    plt.close(ax.figure)


def test_a_well_known_gpu_has_a_second_roof_as_published():
    results = counted(device="cuda:0", environment={"gpu": "NVIDIA H100 80GB HBM3"})
    ax = results.plot_roofline()
    labels = [line.get_label() for line in ax.get_lines()]
    assert labels[:2] == [
        "NVIDIA H100 80GB HBM3, float32: 100 GFLOP/s, 20.0 GB/s",
        "published: 67.0 TFLOP/s, 3,350 GB/s",
    ]
    peaks = results.machine_peaks().iloc[0]
    assert (peaks["gflops_per_s_median"], peaks["published_gb_per_s"]) == (90.0, 3350)
    plt.close(ax.figure)


def test_one_size_has_no_numbers_and_results_without_counts_have_no_roofline():
    ax = counted(lengths=[8]).plot_roofline()
    assert not ax.texts
    plt.close(ax.figure)
    with pytest.raises(ArgumentError, match="no case has both"):
        sweep().plot_roofline()
    assert results_of().machine_peaks().empty
