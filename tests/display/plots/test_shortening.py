"""Long names in plots: what tells them apart stays, and nothing covers anything else."""

import dataclasses

import pytest
from matplotlib import pyplot as plt
from support.measured import case_of, ok
from support.plots import legend_labels

from hfbench_nb import BenchmarkResults
from hfbench_nb.analysis.largest import ARGUMENT
from hfbench_nb.display.plots.line_memory import plot_memory_line
from hfbench_nb.display.plots.shortening import MOST_LETTERS, shorten_all
from hfbench_nb.protocol.case import Settings
from hfbench_nb.protocol.timing import Timing

pytestmark = [pytest.mark.shows, pytest.mark.quick]


def generated(model, length, new_tokens):
    settings = Settings(dtype="float32", new_tokens=new_tokens)
    case = dataclasses.replace(case_of(model, "generation", 1, length), settings=settings)
    gaps = Timing(tuple(0.004 + 1e-4 * i for i in range(new_tokens - 1)))
    timings = {"ttft_s": Timing((0.02,)), "tpot_s": Timing((0.004,)), "itl_s": gaps}
    return case, dataclasses.replace(ok(), timings=timings)


@pytest.mark.parametrize("figure", [(7.5, 4.8), (4.0, 3.0)])
@pytest.mark.parametrize("own", [True, False])
def test_a_legend_keeps_the_sizes_of_models_with_long_names(own, figure):
    models = ("meta-llama/Llama-3.2-1B-Instruct", "Qwen/Qwen2.5-0.5B-Instruct")
    sizes = [(length, new) for length in (8, 300) for new in (16, 128)]
    results = BenchmarkResults([generated(model, *size) for model in models for size in sizes], {}, {})
    names = legend_labels(results.plot_tokens(ax=None if own else plt.subplots(figsize=figure)[1]))
    assert len(set(names)) == len(names) == 8
    for name, (length, new_tokens) in zip(names, sizes * 2, strict=True):
        assert name.endswith(f", length {length}, new tokens {new_tokens} (first: 20.0 ms)")
        assert len(name) <= MOST_LETTERS


def test_names_that_would_be_alike_stay_whole():
    names = ["org/a-very-long-name-of-a-model-1B-instruct", "org/a-very-long-name-of-a-model-3B-instruct"]
    assert shorten_all(names, 20) == names
    assert shorten_all([names[0]] * 2, 20) == ["a-very-lo…B-instruct"] * 2
    assert shorten_all([], 20) == []
    assert shorten_all(["", "one-long-word"], 9) == ["", "one-…word"]


def test_the_largest_sizes_of_models_that_are_alike_are_told_apart():
    probes = {"bert-base": [(1, 600), (27, 1960), (28, 2010)], "bert-large": [(1, 700), (26, 1950), (27, 2050)],
              "huge": [(1, 3000)]}  # fmt: skip
    entries = [(case_of(name, "inference", size, 128), ok(0.02, mb)) for name, of in probes.items() for size, mb in of]
    hunt = {"what": "batch_size", "limit_mb": 2000.0, "maximum": 64}
    largest = BenchmarkResults(entries, {}, {ARGUMENT: hunt, "speed": False, "memory": True}).largest
    ax = largest.plot()
    assert legend_labels(ax) == [
        "bert-base (largest: 27)", "bert-large (largest: 26)", "huge (none fits)", "Limit, 2,000 MB",
    ]  # fmt: skip
    assert not ax.texts
    assert str(largest).splitlines()[1:] == [
        "bert-base: 27 (1,960 MB); 3 probes, limited by memory",
        "bert-large: 26 (1,950 MB); 3 probes, limited by memory",
        "huge: none; 1 probe, limited by memory",
    ]


def test_a_line_that_adds_a_page_is_not_said_to_add_nothing():
    ax = plot_memory_line([("/m.py", 3, 4096, 0), ("/m.py", 4, 3 << 20, 0), ("/m.py", 5, 0, 200 << 10)], None)
    assert legend_labels(ax)[-3:] == ["m.py:4: +3.0 MB", "m.py:5: +0.2 MB", "m.py:3: +4 kB"]
