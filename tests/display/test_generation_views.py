"""Generation as it is shown: the summary table, llama-bench's table, report, CSV files, plots, comparison."""

from __future__ import annotations

import csv
import dataclasses
import math

import pytest
from matplotlib import pyplot as plt
from support.measured import MIB, case_of, failed, ok

from hfbench_nb import ArgumentError, BenchmarkResults, load_results, read_csv
from hfbench_nb.display.tables import make_legend, make_tables
from hfbench_nb.protocol.case import Settings
from hfbench_nb.protocol.facts import ModelFacts
from hfbench_nb.protocol.timing import Timing

pytestmark = [pytest.mark.shows, pytest.mark.quick]

NEW = 5
TTFT_S, TPOT_S = 0.02, 0.004


def generated(model="gpt2", batch_size=1, length=8, new_tokens=NEW, cache=None, speed=1.0, **more):
    """One case of generation: three calls, each token 0.1 ms later than the one before."""
    settings = Settings(dtype="float32", device="cpu", threads=2, new_tokens=new_tokens, cache_implementation=cache)
    case = dataclasses.replace(case_of(model, "generation", batch_size, length), settings=settings)
    shares = (1.0, 1.01, 0.99)
    ttft_s = tuple(TTFT_S * speed * share for share in shares)
    tpot_s = tuple(TPOT_S * speed * share for share in shares)
    middle = new_tokens / 2
    itl_s = tuple(of_call + 1e-4 * (i - middle + 1) for of_call in tpot_s for i in range(new_tokens - 1))
    measured = ok(TTFT_S + (new_tokens - 1) * TPOT_S, 500)
    peaks = {"prefill": 480 * MIB, "decode": 500 * MIB}
    measurement = dataclasses.replace(
        measured,
        timings={
            "ttft_s": Timing(ttft_s, precision=0.1),
            "tpot_s": Timing(tpot_s, precision=1e-6),
            "itl_s": Timing(itl_s),
        },
        metrics={"kv_cache_mb": 0.0125 * length},
        memory=dataclasses.replace(measured.memory, phase_peak_bytes=peaks),
        model_facts=ModelFacts("GPT2LMHeadModel", 124_439_808),
        **more,
    )
    return case, measurement


@pytest.fixture
def results():
    return BenchmarkResults(
        [
            (case_of("gpt2"), ok()),
            generated(),
            generated(new_tokens=9),
            generated(length=16, batch_size=2),
            generated("llama", speed=2.0),
            (generated("bert")[0], failed("error", "cannot generate text")),
        ],
        {},
        {},
    )


def test_the_metrics_are_those_of_the_definitions(results):
    frame = results.frame.iloc[3]
    assert frame["ttft_s"] == TTFT_S
    assert frame["tpot_s"] == TPOT_S
    assert frame["prefill_tokens_per_s"] == pytest.approx(2 * 16 / TTFT_S)
    assert frame["decode_tokens_per_s"] == pytest.approx(2 / TPOT_S)
    assert frame["itl_p50_s"] == pytest.approx(TPOT_S, rel=0.02)
    assert frame["itl_p50_s"] < frame["itl_p90_s"] < frame["itl_p99_s"]
    assert frame[["kv_cache_mb", "prefill_peak_mb", "decode_peak_mb"]].tolist() == [0.2, 480, 500]
    assert frame["noisy"]  # as the time per token is
    assert math.isnan(results.frame.iloc[0]["ttft_s"])


def test_numbers_of_new_tokens_stay_whole_in_pivoted_tables(results):
    table = results.table("ttft_s", index=["label", "batch_size", "task"], columns="new_tokens")
    sizes = [str(size) for size in table.columns]  # and of cases without any, where pandas puts them
    assert [size for size in sizes if size != "<NA>"] == ["5", "9"]


def test_a_run_without_generation_has_no_columns_for_it():
    frame = BenchmarkResults([(case_of(), ok())], {}, {}).frame
    assert not {"ttft_s", "kv_cache_mb", "new_tokens"} & set(frame.columns)


def test_there_is_one_table_with_a_row_per_prompt_length_and_number_of_new_tokens(results):
    table = make_tables(results)[-1]
    assert table.title == "Generation"
    assert table.columns == (
        "Sequence length", "New tokens", "TTFT (ms)", "TPOT (ms)", "Prefill (tokens/s)", "Decode (tokens/s)",
        "Cache (MB)", "Peak memory (MB)",
    )  # fmt: skip
    first, second = table.blocks
    assert [(label, *(c.text for c in cells[:3])) for label, cells in first.rows] == [
        ("gpt2", "8", "5", "20.0"),
        ("gpt2", "8", "9", "20.0"),
        ("llama", "8", "5", "40.0"),
        ("bert", "8", "5", "error"),
    ]  # fmt: skip
    assert [c.text for c in second.rows[0][1]] == ["16", "5", "20.0", "4.00", "1,600", "500", "0.200", "500"]
    gpt2, llama = first.rows[0][1], first.rows[2][1]
    assert [c.best for c in gpt2[2:6]] == [True] * 4
    assert not any(c.best for c in llama)
    assert [c.noisy for c in gpt2[2:4]] == [False, True]
    assert ("Bold", "the best of the same sizes, and what cannot be told from it") in make_legend([table])


def test_html_and_markdown_have_the_table(results):
    html, markdown = results._repr_html_(), results.to_markdown()
    assert "TTFT (ms)" in html
    assert "cannot generate text" in html
    assert "| 1 | `gpt2` | 8 | 5 | **20.0** ±" in markdown
    assert "| Batch size | Model | Sequence length | New tokens | TTFT (ms) |" in markdown


def test_the_table_of_llama_bench(results):
    lines = results.to_markdown(style="llama-bench").splitlines()
    heads = [text.strip() for text in lines[0].strip("| ").split("|")]
    assert heads == ["model", "size", "params", "backend", "threads", "batch", "test", "t/s"]
    rows = [[text.strip() for text in line.strip("| ").split("|")] for line in lines[2:] if line.startswith("|")]
    assert rows[0] == ["`gpt2 float32`", "474.70 MiB", "124.44 M", "CPU", "2", "1", "pp8", "400.03 ± 3.58"]
    assert [row[6] for row in rows] == ["pp8", "tg5 @ d8", "tg9 @ d8", "pp16", "tg5 @ d16", "pp8", "tg5 @ d8"]
    assert rows[1][7].startswith("250.0")
    assert "cannot generate text" in lines[-1]
    alone = BenchmarkResults([generated()], {}, {}).to_markdown(style="llama-bench")
    assert "batch" not in alone
    for given, message in (({"style": "llama"}, "'tables' or 'llama-bench'"), ({"style": "llama-bench"}, "generation")):
        with pytest.raises(ArgumentError, match=message):
            BenchmarkResults([(case_of(), ok())], {}, {}).to_markdown(**given)


def test_the_report_has_sections_of_generation_in_the_same_style(results):
    report = results.report()
    for title in ("SPEED", "MEMORY", "TTFT", "TPOT", "PREFILL", "DECODE", "CACHE"):
        assert f"GENERATION - {title} - RESULT" in report
    assert "TPOT in s" in report
    (line,) = [line for line in report.splitlines() if "new tokens 9" in line and "0.02 " in line.rstrip() + " "][:1]
    assert line.split()[-1] == "0.02"
    with pytest.warns(UserWarning, match=r"the section GENERATION - TTFT - RESULT is left out"):
        read = BenchmarkResults.from_report(report)
    again = {(row.label, *row.case.task_and_sizes): row.measurement for row in read.rows}
    for row in results.rows:
        measurement = again.pop((row.label, *row.case.task_and_sizes))
        assert measurement.status == row.measurement.status
        if measurement.succeeded:
            assert measurement.timing.median_s == pytest.approx(row.measurement.timing.median_s, abs=5e-4)
            assert measurement.memory.peak_bytes == row.measurement.memory.peak_bytes
    assert not again


def test_csv_files_of_generation_are_written_and_read(results, tmp_path):
    names = {path.name for path in results.to_csv(tmp_path)}
    assert names >= {
        "generation_time.csv", "generation_memory.csv", "generation_ttft.csv", "generation_tpot.csv",
        "generation_prefill_tokens_per_s.csv", "generation_decode_tokens_per_s.csv", "generation_kv_cache.csv",
    }  # fmt: skip
    rows = list(csv.reader((tmp_path / "generation_tpot.csv").open()))
    assert rows[1] == ["gpt2 [new tokens 5]", "1", "8", "0.004"]
    again = read_csv(tmp_path / "generation_time.csv", task="generation")
    assert again.tasks == ["generation"]


def test_everything_is_saved_and_loaded(results, tmp_path):
    results.save(tmp_path)
    again = load_results(tmp_path)
    assert [measurement for _, measurement in again.entries] == [measurement for _, measurement in results.entries]
    assert again.frame[results.frame.columns].drop(columns="threads").equals(results.frame.drop(columns="threads"))


def test_plots_of_metrics_and_of_tokens(results):
    ax = results.plot("tpot_s")
    assert ax.get_ylabel() == "Time per output token (s)"
    assert len(results.plot("decode_tokens_per_s", "batch_size").get_lines()) >= 3
    assert results.plot("ttft_s", along="new_tokens").get_xlabel() == "New tokens"
    ax = results.plot_tokens()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Token", "Time of the token (ms)")
    labels = ax.get_legend_handles_labels()[1]
    assert labels[0] == "gpt2, batch 1, length 8, new tokens 5 (first: 20.0 ms)"
    line = ax.get_lines()[0]
    assert line.get_xdata().tolist() == [2, 3, 4, 5]
    assert (line.get_ydata()[1:] > line.get_ydata()[:-1]).all()
    with pytest.raises(ArgumentError, match="no time of generation"):
        BenchmarkResults([(case_of(), ok())], {}, {}).plot_tokens()
    plt.close("all")


def test_comparison_and_scaling(results):
    slow = BenchmarkResults([generated(speed=1.5)], {}, {})
    comparison = BenchmarkResults([generated()], {}, {}).compare(slow)
    row = comparison.frame.iloc[0]
    assert row["ttft_ratio"] == pytest.approx(1 / 1.5)
    assert row["decode_tokens_per_s_ratio"] == pytest.approx(1.5)
    assert row["kv_cache_ratio"] == 1
    assert "ttft 20.0 ms / 30.0 ms" in str(comparison)
    inference = BenchmarkResults([(case_of(), ok())], {}, {})
    assert "ttft_ratio" not in inference.compare(inference).frame
    lengths = BenchmarkResults([generated(length=n, speed=n / 8) for n in (8, 16, 32, 64)], {}, {})
    assert lengths.scaling("ttft_s").predict(128)["ttft_s"].item() == pytest.approx(TTFT_S * 16, rel=0.05)
    with pytest.raises(ArgumentError, match="throughput follows"):
        lengths.scaling("decode_tokens_per_s")
