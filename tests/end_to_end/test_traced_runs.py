"""Cases traced line by line, measured in real processes with real torch."""

from __future__ import annotations

import json

import pytest

import hfbench_nb
from hfbench_nb.facade.benchmark_results import BenchmarkResults
from hfbench_nb.protocol.measurement import MEGABYTE

pytestmark = [pytest.mark.measures, pytest.mark.xdist_group("tracing")]  # they look at one run


def tiny_config():
    from transformers import BertConfig

    return BertConfig(hidden_size=64, num_hidden_layers=2, num_attention_heads=2, intermediate_size=128, vocab_size=200)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    pytest.importorskip("torch")
    args = hfbench_nb.PyTorchBenchmarkArguments(
        models=["tiny"], batch_sizes=[2], sequence_lengths=[8, 256], training=True, max_seconds=0.2, rounds=1,
        trace_memory_line_by_line=True,
    )  # fmt: skip
    return hfbench_nb.PyTorchBenchmark(args, configs=[tiny_config()]).run(tmp_path_factory.mktemp("run"))


def test_cases_are_traced_in_a_pass_of_their_own(results):
    assert list(results.frame["status"]) == ["ok"] * 4
    assert results.frame[["time_s", "memory_mb"]].notna().all().all()
    assert len(results.summaries) == 4
    assert results.inference_summary == results.summaries[results.entries[2][0]]
    modules = {state.frame.module for state in results.inference_summary.sequential}
    assert "transformers.models.bert.modeling_bert" in modules
    assert all("transformers" in module for module in modules)
    lines = [state.frame.line_number for state in results.inference_summary.sequential]
    assert len(lines) > 100
    # At length 256 the hidden states of a layer alone need 0.1 MB, kept for the backward pass.
    assert results.train_summary.total.bytes > 2 * MEGABYTE


def test_traces_are_in_the_journal_and_small(results):
    again = hfbench_nb.load_results(results.folder)
    assert again.entries == results.entries
    assert again.train_summary == results.train_summary
    assert len(json.dumps(results.entries[0][1].line_trace.to_dict())) < 60_000


def test_report_of_a_run_has_the_sections_of_the_original(results):
    text = str(results)
    inference = 20 * "=" + "INFERENCE - MEMOMRY - LINE BY LINE - SUMMARY" + 20 * "="
    training = 20 * "=" + "TRAIN - MEMOMRY - LINE BY LINE - SUMMARY" + 20 * "="
    assert f"\n\n{inference}\n\nLine by line memory consumption:\n" in text
    assert f"\n\n{training}\n\nLine by line memory consumption:\n" in text
    assert text.count("Line by line memory consumption:") == 2
    assert f"\n\nTotal memory increase: {results.train_summary.total}" in text


def test_without_the_argument_nothing_is_traced(results):
    untraced = BenchmarkResults(results.entries, {}, {**results.arguments, "trace_memory_line_by_line": False})
    assert "LINE BY LINE" not in str(untraced)
    assert hfbench_nb.PyTorchBenchmarkArguments(models=["m"]).method().trace_memory_line_by_line is False
