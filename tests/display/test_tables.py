"""The contents of tables: rows, columns, units, marks and what is the best."""

from __future__ import annotations

import pytest
from support.measured import case_of, failed, ok
from support.pages import Tags
from support.tables import function, results_of_two_models, shown, sized

from hfbench_nb import ArgumentError, BenchmarkResults, load_reference
from hfbench_nb.display.tables import make_tables
from hfbench_nb.protocol.measurement import Measurement
from hfbench_nb.protocol.timing import Timing

pytestmark = [pytest.mark.shows, pytest.mark.quick]


@pytest.fixture
def results():
    return results_of_two_models()


def test_a_table_has_one_unit_and_models_down_and_lengths_across(results):
    assert shown(results) == [
        ["Time (ms), inference, batch size 8", "Model", "8", "512"],
        [8, "bert", "*2.10", "1,234"],
        [8, "slow", "20.0", "oom"],
        ["Peak memory (MB), inference, batch size 8", "Model", "8", "512"],
        [8, "bert", "*500", "914"],
        [8, "slow", "1,281", "oom"],
    ]


def test_everything_that_cannot_be_told_from_the_best_is_marked():
    times = {"a": 1.00, "b": 1.02, "c": 1.5}
    entries = [(case_of(name), ok(time_s, spread=0.01)) for name, time_s in times.items()]
    rows = shown(BenchmarkResults(entries, {}, {"memory": False}))[1:]
    # Student's interval of three samples 1 % apart is +-2.5 %: a and b overlap.
    assert [row[2] for row in rows] == ["*1.00", "*1.02", "1.50"]


def test_where_nothing_is_better_nothing_is_marked():
    alike = [(case_of(name), ok(time_s)) for name, time_s in {"a": 1.00, "b": 1.01}.items()]
    alone = [(case_of("a", sequence_length=32), ok(2.0)), (case_of("b", sequence_length=32), failed())]
    rows = shown(BenchmarkResults([*alike, *alone], {}, {}))
    assert rows == [
        ["Time (s), inference, batch size 8", "Model", "8", "32"],
        [8, "a", "1.00", "2.00"],
        [8, "b", "1.01", "oom"],
        ["Peak memory (MB), inference, batch size 8", "Model", "8", "32"],
        [8, "a", "500", "500"],
        [8, "b", "500", "oom"],
    ]


def test_batch_sizes_are_blocks_and_tasks_are_tables():
    sizes = [(8, 128), (1, 128), (1, 16)]
    entries = [
        (case_of(model, task, batch_size, length), ok(batch_size * length / 1e5 * factor))
        for task in ("training", "inference")
        for model, factor in (("a", 1), ("b", 2))
        for batch_size, length in sizes
    ]
    results = BenchmarkResults(entries, {}, {"memory": False})
    assert shown(results) == [
        ["Time (ms), inference", "Model", "16", "128"],
        [1, "a", "*0.160", "*1.28"],
        [1, "b", "0.320", "2.56"],
        [8, "a", None, "*10.2"],
        [8, "b", None, "20.5"],
        ["Time (ms), training", "Model", "16", "128"],
        [1, "a", "*0.160", "*1.28"],
        [1, "b", "0.320", "2.56"],
        [8, "a", None, "*10.2"],
        [8, "b", None, "20.5"],
    ]
    heads = [attrs for tag, attrs in Tags(results._repr_html_()).tags if attrs.get("scope") == "rowgroup"]
    assert [attrs["rowspan"] for attrs in heads] == 3 * 4 * ["2"]  # and of throughput and time per token, folded


def test_functions_have_a_table_of_one_column():
    results = BenchmarkResults([function("sort", 2.5e-5), function("hash", 1e-6)], {}, {"memory": False})
    assert shown(results) == [
        ["Time (µs), function", "Function", "median"],
        [None, "sort", "25.0"],
        [None, "hash", "*1.00"],
    ]
    assert "None" not in results._repr_html_() + results.to_markdown()


def test_functions_beside_models_have_their_own_table(results):
    both = results + BenchmarkResults([function("sort", 2.5e-5)], {}, {})
    titles = [table.title for table in make_tables(both)]
    assert titles[2] == "Time (µs), function"
    assert len(titles) == 4


def test_a_published_figure_keeps_its_digits_and_has_no_interval():
    published = load_reference("bert-configurations-pytorch")
    assert shown(published)[1][:4] == [8, "bert-base", "6", "6"]
    assert "±" not in published._repr_html_()
    both = BenchmarkResults([(case_of("bert-base"), ok(0.02))], {}, {}) + published
    assert [row[2] for row in shown(both)[1:5]] == ["20.0", "6", "6", "*3"]


def test_failures_alone_and_nothing_at_all():
    failures = BenchmarkResults([(case_of(), failed("error", "no such model"))], {}, {})
    assert shown(failures)[1] == [8, "bert", "error"]
    assert "error: MemoryError: no such model" in Tags(failures._repr_html_()).texts
    assert "N/A" in str(failures)
    empty = BenchmarkResults([], {}, {})
    only_time = BenchmarkResults([(case_of(), ok())], {}, {"memory": False})
    assert [table.title for table in make_tables(only_time + empty)] == ["Time (ms), inference, batch size 8"]
    assert "No case was measured." in empty._repr_html_()
    assert empty.to_markdown() == ""


def test_a_wide_interval_shows_its_ends_and_a_wider_one_none_and_neither_is_the_best():
    times_s = {"a": (0.063, 0.08, 0.1), "b": (0.063, 0.18, 0.1), "c": (0.200, 0.201, 0.202), "d": (0.3, 0.301, 0.302)}
    entries = [(case_of(name), Measurement("ok", Timing(samples_s))) for name, samples_s in times_s.items()]
    results = BenchmarkResults(entries, {}, {"memory": False})
    (table,) = make_tables(results)
    assert [cells[0].spread for _, cells in table.blocks[0].rows] == ["[41.7, 152]", "too noisy", "±1.4 %", "±0.9 %"]
    assert not any(cell.best for cell in table.cells)
    hints = [cell.hint for cell in table.cells]
    assert hints[0].startswith("95 % interval 41.7 ms to 152 ms")
    assert hints[1].startswith("samples from 63.0 ms to 180 ms")
    for shown_text in (results._repr_html_(), results.to_markdown()):
        assert "too noisy" in shown_text
        assert "wider than twice the value" in shown_text


def test_the_slowest_calls_are_told_on_hover():
    timing = Timing(tuple(0.001 * (100 + i) for i in range(100)))
    results = BenchmarkResults([(case_of(), Measurement("ok", timing))], {}, {"memory": False})
    (hint,) = [each.hint for each in make_tables(results)[0].cells]
    assert hint.endswith("100 samples, 90 % of calls within 189 ms, 99 % of calls within 198 ms")


def test_tables_of_chosen_metrics_and_of_times_faster_than_a_baseline():
    results = sized()
    titles = [table.title for table in make_tables(results, ["tokens_per_s", "parameters"])]
    assert titles == ["Throughput (tokens/s), inference, batch size 8", "Parameters, inference, batch size 8"]
    *_, faster = make_tables(results, baseline="gpt2")
    assert faster.title == "Times faster than gpt2, inference, batch size 8"
    assert [[each.text for each in cells] for _, cells in faster.blocks[0].rows] == [["2.00", "2.00"], ["1.00", "1.00"]]
    assert all(each.spread.startswith("[1.9") for each in faster.blocks[0].rows[0][1])
    for text in (
        results.to_html(baseline="gpt2"),
        results.to_markdown(baseline="gpt2"),
        results.to_latex(None, baseline="gpt2"),
    ):
        assert "Times faster than gpt2" in text
    frame = results.table(baseline="gpt2", index="model")
    assert frame["speedup"].loc["org/bert"].tolist() == pytest.approx([2.0, 2.0])
    assert results.table("speedup_ci_low", index="model", baseline="gpt2").loc["org/bert", 8] < 2
    for wrong in ({"values": "tokens"}, {"values": "gradients_mb"}, {"baseline": "gone"}):
        name = next(iter(wrong))
        with pytest.raises(ArgumentError, match=f"{name}=|gradients_mb was not measured"):
            results.to_html(**wrong)
