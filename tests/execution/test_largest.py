"""The largest size that runs: planted thresholds, ends of the inputs, failures that are none of memory, resuming."""

from __future__ import annotations

import pytest
from support.growing import Growing, inputs
from support.models import short, tiny_bert, tiny_gpt2

from hfbench_nb import ArgumentError, PyTorchBenchmark, load_results
from hfbench_nb.frontends.cli import main


def planted(*factories):
    args = short(models=[f"model{i}" for i in range(len(factories))], repeat=1)
    return PyTorchBenchmark(args, list(factories), inputs=inputs)


def test_the_largest_batch_is_found_exactly_and_resumed(tmp_path):
    peak_mb = planted(Growing).find_largest("batch_size", 1e6, 1).frame["memory_mb"].item()
    limit_mb = peak_mb + 56 * 4 + 2  # 57 examples, and half of another
    results = planted(Growing).find_largest("batch_size", limit_mb, 4096, folder=tmp_path)
    row = results.largest.frame.iloc[0]
    assert (row["batch_size"], row["limited_by"]) == (57, "memory")
    assert row["memory_mb"] <= limit_mb
    assert row["probes"] == len(results) <= 9
    assert results.frame["batch_size"].tolist() == sorted(results.frame["batch_size"])
    for text in (str(results.largest), results.largest.to_markdown(), results.largest._repr_html_()):
        assert "57" in text
        assert "Largest batch size within" in text
    ax = results.largest.plot()
    assert ax.get_legend().get_texts()[0].get_text().endswith(" (largest: 57)")
    measured = []
    again = planted(Growing).find_largest(
        "batch_size", limit_mb, 4096, resume=tmp_path, on_case=lambda case, _: measured.append(case)
    )
    assert (measured, again.largest.frame["batch_size"].item()) == ([], 57)
    assert load_results(tmp_path).largest.frame["batch_size"].item() == 57


def test_failures_end_the_search_and_only_memory_is_too_large():
    results = planted(lambda: Growing(6), lambda: Growing(6, MemoryError), Growing).find_largest("batch_size", 1e6, 16)
    frame = results.largest.frame
    assert frame["batch_size"].tolist() == [5, 5, 16]
    assert frame["limited_by"].tolist()[1:] == ["memory", "maximum"]
    assert "6 examples" in frame["limited_by"][0]
    nothing = planted(Growing).find_largest("batch_size", 1.0, 16).largest
    assert nothing.frame["batch_size"].isna().all()
    assert "none; 1 probe, limited by memory" in str(nothing)


def test_lengths_end_with_the_positions_of_the_model():
    benchmark = PyTorchBenchmark(short(models=["tiny", "gpt"]), configs=[tiny_bert(), tiny_gpt2()])
    frame = benchmark.find_largest("sequence_length", 1e6).largest.frame
    assert frame["sequence_length"].tolist() == [64, 64]
    assert all("65 is beyond the 64 positions" in reason for reason in frame["limited_by"])
    args = short(models=["gpt"], inference=False, generation=True)
    results = PyTorchBenchmark(args, configs=[tiny_gpt2()]).find_largest("new_tokens", 1e6)
    assert results.largest.frame["new_tokens"].tolist() == [56]
    assert results.frame["status"].tolist()[-1] == "error"


def test_what_cannot_be_looked_for_is_told():
    benchmark = planted(Growing)
    with pytest.raises(ArgumentError, match="what='batch' .*'batch_size', 'sequence_length' or 'new_tokens'"):
        benchmark.find_largest("batch")
    with pytest.raises(ArgumentError, match="limit_mb=-1"):
        benchmark.find_largest("batch_size", -1)
    with pytest.raises(ArgumentError, match="unless generation=True"):
        benchmark.find_largest("new_tokens")
    with pytest.raises(ArgumentError, match="do not come from a search"):
        _ = planted(Growing).run().largest
    assert benchmark.args.batch_sizes == [1]


def test_the_shell_looks_for_the_largest(capsys):
    words = ["--models", "gpt2:n_layer=1,n_embd=64,n_head=2,vocab_size=100", "--sequence_lengths", "8"]
    assert main(["fit", *words, "--what", "batch_size", "--maximum", "2", "--limit_mb", "100000"]) == 0
    shown = capsys.readouterr().out
    assert "Largest batch size within 100,000 MB:" in shown
    assert ": 2 (" in shown
    assert "limited by maximum" in shown
