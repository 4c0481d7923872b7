"""What a notebook shows of results, arguments and the environment, and the pivoted DataFrame."""

from __future__ import annotations

import dataclasses
import json
import pickle
import re

import numpy as np
import pandas as pd
import pytest
from support.measured import case_of, failed, ok
from support.models import short
from support.pages import Tags

from hfbench_nb import (
    ArgumentError,
    BenchmarkResults,
    PyTorchBenchmarkArguments,
    TensorFlowBenchmarkArguments,
    load_reference,
)
from hfbench_nb.display.tables import NOISY_MARK, make_tables
from hfbench_nb.protocol.case import Case
from hfbench_nb.protocol.facts import ModelFacts
from hfbench_nb.protocol.measurement import Measurement
from hfbench_nb.protocol.timing import Timing
from hfbench_nb.results import pivot

pytestmark = [pytest.mark.shows, pytest.mark.quick]


def function(name, time_s):
    return Case("Python", name, "function"), ok(time_s)


def shown(results):
    """The texts of each table: title, heads, then the rows of each block, marks included."""
    rows = []
    for table in make_tables(results):
        rows.append([table.title, table.row_title, *table.columns])
        for block in table.blocks:
            for name, cells in block.rows:
                texts = [None if c is None else ("*" if c.best else "") + c.text for c in cells]
                rows.append([block.batch_size, name, *texts])
    return rows


@pytest.fixture
def results():
    entries = [
        (case_of(sequence_length=8), ok(0.0021)),
        (case_of(sequence_length=512), ok(1.2345, 914)),
        (case_of("slow"), ok(0.02, 1281, spread=0.3)),
        (case_of("slow", sequence_length=512), failed()),
    ]
    environment = {"framework": "PyTorch", "use_gpu": False, "configurations_from": {"bert": "hub"}}
    return BenchmarkResults(entries, environment, {"speed": True, "memory": True})


def test_a_table_has_one_unit_and_models_down_and_lengths_across(results):
    assert shown(results) == [
        ["Time (ms), inference, batch size 8", "Model", "8", "512"],
        [8, "bert", "*2.10", "1,234"],
        [8, "slow", "20.0", "oom"],
        ["Peak memory (MB), inference, batch size 8", "Model", "8", "512"],
        [8, "bert", "*500", "914"],
        [8, "slow", "1,281", "oom"],
    ]


def test_html_says_unit_spread_status_reason_and_what_the_marks_mean(results):
    html = results._repr_html_()
    parsed = Tags(html)
    assert {"Time (ms), inference, batch size 8", "Sequence length", "2.10", "1,234", "oom", "±2.8\u00a0%"} <= set(
        parsed.texts
    )
    hints = [attrs.get("title", "") for _, attrs in parsed.tags]
    assert "MemoryError: no memory" in hints
    assert "baseline 250 MB, weights 200 MB, working 464 MB, VmHWM" in hints
    assert any(hint.startswith("95 % interval 2.04 ms to 2.16 ms, 3 samples") for hint in hints if hint)
    assert "<strong>2.10</strong>" in html
    assert "? 20.0" in html
    assert NOISY_MARK not in html  # not known at all is the stronger mark
    legend = parsed.texts[: parsed.texts.index("Copy as Markdown")]
    assert [text for text in legend if "not yet known" in text or "the best of" in text] == [
        "the best of its column and batch size, and what cannot be told from it.",
        "? not yet known: the interval is wider than ±25 %.",
    ]
    assert "oom: MemoryError: no memory" in parsed.texts
    assert "bert: hub" in parsed.texts
    folded = html[html.index("<details>") :]
    assert "configurations_from" in folded
    assert "configurations_from" not in html[: html.index("<details>")]


def test_html_is_the_same_again_without_scripts_style_sheets_or_ids(results):
    html = results._repr_html_()
    assert html == BenchmarkResults(results.entries, results.environment, results.arguments)._repr_html_()
    tags = Tags(html).tags
    assert {tag for tag, _ in tags} <= {
        "div", "table", "caption", "thead", "tbody", "tr", "th", "td", "strong", "em", "small", "p", "br", "details",
        "summary", "ul", "li", "pre",
    }  # fmt: skip
    assert {name for _, attrs in tags for name in attrs} <= {
        "class", "style", "align", "scope", "colspan", "rowspan", "title", "tabindex"
    }  # fmt: skip
    # Fixed colours would be lost on one of the two kinds of themes: only shades over what the page has.
    assert set(re.findall(r"#[0-9a-f]{3,6}|rgba?\([^)]*\)", html)) <= {
        "rgba(128, 128, 128, 0.35)", "rgba(128, 128, 128, 0.5)", "rgba(0, 158, 115, 0.18)"
    }  # fmt: skip


def test_the_legend_explains_only_marks_that_occur():
    one = BenchmarkResults([(case_of(), Measurement("ok", Timing((1.0,))))], {}, {})
    html = one._repr_html_()
    assert not any(word in html for word in ("noisy", "Bold", "±", "without a value"))


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


def test_what_is_known_of_the_inputs_is_said_on_hover():
    results = BenchmarkResults([(case_of(), ok(note="30 seconds of audio"))], {}, {"memory": False})
    hints = [attrs["title"] for _, attrs in Tags(results._repr_html_()).tags if "title" in attrs]
    assert any(hint.endswith("3 samples; 30 seconds of audio") for hint in hints)


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


def sized():
    facts = ModelFacts("BertModel", 109_482_240)
    entries = [
        (case_of(model, sequence_length=n), dataclasses.replace(ok(0.01 * n * factor), model_facts=facts))
        for model, factor in (("org/bert", 1), ("gpt2", 2))
        for n in (8, 32)
    ]
    facts = {"framework_version": "2.13.0", "transformers_version": "4.57.6", "device": "cpu", "cpu_model": "EPYC"}
    return BenchmarkResults(entries, facts, {"memory": False})


def test_html_names_framework_device_and_size_and_folds_throughput():
    html = sized()._repr_html_()
    texts = Tags(html).texts
    assert "PyTorch 2.13.0, Transformers 4.57.6 on CPU (EPYC)" in texts
    assert texts.count("109\u00a0M\u00a0parameters") == 2  # in the first table alone
    fold = html[html.index("<details>") :]
    assert "Throughput and time per token" in fold
    assert {"Throughput (tokens/s), inference, batch size 8", "Time per token (ms), inference, batch size 8"} <= set(
        Tags(fold).texts
    )
    assert "800" in Tags(fold).texts  # 8 * 8 tokens in 0.08 s
    assert "org/<wbr>bert" in html


def test_the_tables_can_be_copied_without_a_script():
    results = sized()
    copied = results._repr_html_().partition("Copy as Markdown")[2]
    assert "user-select: all" in copied
    assert results.to_markdown() in Tags(copied).texts
    assert results.to_html() == results._repr_html_()


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


def test_latex_has_a_table_a_metric_and_escapes_names():
    entries = [(case_of("a_b&c"), ok(0.02)), (case_of("slow"), ok(0.05)), (case_of("gone"), failed())]
    text = BenchmarkResults(entries, {"device": "cpu"}, {}).to_latex()
    assert text.count(r"\begin{table}") == text.count(r"\bottomrule") == 2
    assert r"\caption{Time (ms), inference, batch size 8; PyTorch on CPU}" in text
    assert r"a\_b\&c & \textbf{20.0} $\pm$2.8 \% \\" in text
    assert r"gone & \emph{oom} \\" in text


def test_a_run_in_which_everything_failed_opens_the_reasons():
    html = BenchmarkResults([(case_of(), failed()), (case_of(sequence_length=32), failed())], {}, {})._repr_html_()
    assert "<details open>" in html
    assert "2 failed: why" in Tags(html).texts
    assert "rgba(211, 47, 47, 0.25)" in html
    some = BenchmarkResults([(case_of(), failed()), (case_of(sequence_length=32), ok())], {}, {})._repr_html_()
    assert "<details open>" not in some
    assert "1 case without a value: why" in Tags(some).texts


# ---- the pivoted DataFrame


def test_table_is_a_plain_frame_by_model_batch_size_and_length(results):
    table = results.table()
    assert type(table) is pd.DataFrame
    assert (table.index.names, table.columns.name) == (["model", "batch_size"], "sequence_length")
    assert table.columns.tolist() == [8, 512]
    assert table.loc[("bert", 8), 512] == 1.2345
    assert np.isnan(table.loc[("slow", 8), 512])
    assert results.table("status", index="model").loc["slow"].tolist() == ["ok", "oom"]
    assert results.table("memory_mb", "sequence_length", "model").loc[512, "bert"] == 914.0


def test_table_keeps_the_order_of_models_and_sorts_sizes():
    entries = [(case_of(m, batch_size=b, sequence_length=n), ok()) for m in "zay" for b in (8, 1) for n in (32, 128, 8)]
    table = BenchmarkResults(entries, {}, {}).table()
    assert table.index.tolist() == [(m, b) for m in "zay" for b in (1, 8)]
    assert table.columns.tolist() == [8, 32, 128]
    wide = BenchmarkResults(entries, {}, {}).table(["time_s", "memory_mb"], "batch_size", ["model", "sequence_length"])
    assert wide.columns.get_level_values(0).unique().tolist() == ["time_s", "memory_mb"]
    assert wide["memory_mb"]["z"].columns.tolist() == [8, 32, 128]


def test_table_names_the_task_where_there_are_several_and_labels_where_runs_were_added(results):
    both = BenchmarkResults([(case_of(), ok()), (case_of(task="training"), ok(0.06))], {}, {})
    assert both.table().index.tolist() == [("bert", "inference", 8), ("bert", "training", 8)]
    added = results + results
    assert added.table().index.names == ["label", "batch_size"]
    assert added.table().index.tolist()[:2] == [("bert", 8), ("slow", 8)]
    assert len(added.table()) == 4


def test_table_of_functions_alone_and_beside_models(results):
    functions = BenchmarkResults([function("sort", 2.5e-5), function("hash", 1e-6)], {}, {})
    assert functions.table()["function"].to_dict() == {"sort": 2.5e-5, "hash": 1e-6}
    both = (results + functions).table()
    assert both.columns.tolist()[:2] == [8, 512]
    assert both.xs("sort (Python)").to_numpy()[0, -1] == 2.5e-5


def test_table_of_nothing_is_empty():
    assert BenchmarkResults([], {}, {}).table().empty


def test_style_is_pandas_own(results):
    styler = results.table().style.format("{:.4f}", na_rep="-").highlight_min(axis=0)
    assert isinstance(styler, pd.io.formats.style.Styler)
    assert {"1.2345", "-", "bert"} <= set(Tags(styler.to_html()).texts)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"values": "time"}, "values='time' cannot be used: values must be one of the columns 'framework', 'model'"),
        ({"index": []}, r"index=\[\] cannot be used: index must be one of the columns"),
        ({"columns": ["model", "size"]}, r"columns=\['model', 'size'\] cannot be used"),
        ({"columns": 3}, "columns=3 cannot be used"),
        ({"values": [["time_s"]]}, "values="),
        ({"index": "sequence_length"}, "sequence_length cannot be used more than once in values, index and columns"),
        (
            {"index": "batch_size"},
            r"index=\['batch_size'\], columns=\['sequence_length'\] cannot be used: they put 2 cases in one place "
            r"\(batch_size 8, sequence_length 8\). Add 'label' to one of them",
        ),
    ],
)
def test_table_refuses_what_it_cannot_show(results, arguments, message):
    with pytest.raises(ArgumentError, match=message):
        results.table(**arguments)


def test_cases_that_differ_in_nothing_are_not_told_apart_by_advice():
    same = pd.DataFrame({"label": "bert", "model": "bert", "batch_size": [8, 8], "device": "cpu", "status": "ok"})
    with pytest.raises(ArgumentError, match="2 cases in one place .*They differ in no setting: read them from the"):
        pivot.check_places(same, ["model"], ["batch_size"])


# ---- the environment and the arguments


def test_the_environment_is_a_dictionary_that_shows_itself(results):
    environment = results.environment
    assert environment == {"framework": "PyTorch", "use_gpu": False, "configurations_from": {"bert": "hub"}}
    assert json.loads(json.dumps(environment)) == environment
    assert pickle.loads(pickle.dumps(environment)) == environment
    assert str(environment) == "- framework: PyTorch\n- use_gpu: False\n- configurations_from: {'bert': 'hub'}"
    assert {"Environment", "framework", "PyTorch", "bert: hub"} <= set(Tags(environment._repr_html_()).texts)
    assert repr(BenchmarkResults([], {}, {}).environment) == "no facts"


def test_facts_that_differ_between_runs_stand_beside_each_other(results):
    other = BenchmarkResults([], {"framework": "TensorFlow"}, {})
    assert "PyTorch | TensorFlow" in Tags((results + other)._repr_html_()).texts


def test_arguments_show_first_what_was_given_and_fold_the_defaults_away():
    args = PyTorchBenchmarkArguments(models=["gpt2"], training=True, log_filename="mine.csv")
    html = args._repr_html_()
    above, folded = html.split("<details>")
    assert [text for text in Tags(above).texts if text] == [
        "PyTorchBenchmarkArguments", "models", "['gpt2']", "training", "True", "log_filename", "'mine.csv'"
    ]  # fmt: skip
    helps = {field.name: field.metadata["help"] for field in dataclasses.fields(args)}
    hints = [attrs["title"] for _, attrs in Tags(above).tags if "title" in attrs]
    assert hints == [helps["models"], helps["training"], helps["log_filename"]]
    texts = Tags(folded).texts
    assert {"batch_sizes", "[8]", "inference_time_csv_file", "fp16_opt_level"} <= set(texts)


def test_arguments_print_a_line_each_and_have_a_short_repr():
    args = TensorFlowBenchmarkArguments(models=["gpt2"], use_xla=True)
    assert repr(args) == "TensorFlowBenchmarkArguments(models=['gpt2'], use_xla=True)"
    lines = [line.split() for line in str(args).splitlines()]
    assert lines[:4] == [
        ["TensorFlowBenchmarkArguments"],
        ["models", "['gpt2']"],
        ["use_xla", "True"],
        ["with", "the", "defaults:"],
    ]
    assert ["batch_sizes", "[8]"] in lines
    assert len(lines) == 2 + len(args.to_dict())


def test_the_repr_of_arguments_makes_them_again():
    args = short(batch_sizes=range(1, 4), threads=2)
    again = eval(repr(args))
    files = {*args.csv_file_fields(), "log_filename"}
    assert {n: v for n, v in again.to_dict().items() if n not in files} == {
        n: v for n, v in args.to_dict().items() if n not in files
    }
