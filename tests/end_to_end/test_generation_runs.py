"""Whole runs of generation: measured in workers, resumed, and from the shell."""

from __future__ import annotations

import json

import pytest
from support.models import short, tiny_gpt2
from support.tiny import TINY

from hfbench_nb import ArgumentError, PyTorchBenchmark
from hfbench_nb.frontends import cli

pytestmark = [pytest.mark.measures, pytest.mark.xdist_group("measurements")]


def test_a_run_is_measured_and_resumed(tmp_path):
    def run(**given):
        args = short(generation=True, new_tokens=[2, 6], batch_sizes=[2], sequence_lengths=[8, 60], **given)
        return PyTorchBenchmark(args, configs=[tiny_gpt2()])

    results = run().run(tmp_path / "run")
    frame = results.frame.set_index(["task", "sequence_length", "new_tokens"]).sort_index()
    assert list(results.frame["task"]).count("inference") == 2
    assert frame["status"].value_counts().to_dict() == {"ok": 5, "error": 1}
    assert (
        "sequence_length 60 with new_tokens 6 are beyond the 64 positions" in frame.loc[("generation", 60, 6), "error"]
    )
    row = frame.loc[("generation", 8, 6)]
    assert row["cache_implementation"] == "dynamic"
    assert row["kv_cache_mb"] == 2 * 2 * 2 * 32 * (8 + 5) * 4 / (1 << 20)
    assert max(row["prefill_peak_mb"], row["decode_peak_mb"]) == pytest.approx(row["memory_mb"], abs=0.1)
    assert row["prefill_peak_mb"] > row["baseline_mb"]
    measurement = next(m for case, m in results.entries if case.settings.get("new_tokens") == 6 and m.succeeded)
    assert {name: len(timing.samples_s) for name, timing in measurement.timings.items()} == {
        "ttft_s": row["samples"], "tpot_s": row["samples"], "itl_s": 5 * row["samples"],
    }  # fmt: skip
    # Medians do not add up where other tests disturb a sample: each call does.
    of_calls = [measurement.timing.samples_s, *(measurement.timings[name].samples_s for name in ("ttft_s", "tpot_s"))]
    assert all(first_s + 5 * further_s <= time_s for time_s, first_s, further_s in zip(*of_calls, strict=True))
    measured = []
    again = run(cache_implementation=[None, "static"]).run(
        resume=tmp_path / "run", on_case=lambda case, _: measured.append(case)
    )
    kept = {case.settings["cache_implementation"] for case in measured if case.task == "generation"}
    assert kept == {"static", None}  # the case that failed is measured again
    assert sum(case.settings.get("cache_implementation") == "static" for case in measured) == 4
    assert len(measured) == 5
    assert again.frame["cache_implementation"].dropna().unique().tolist() == ["dynamic", "static"]


def test_memory_alone_has_a_cache_and_no_times():
    args = short(generation=True, inference=False, speed=False, new_tokens=4)
    (row,) = PyTorchBenchmark(args, configs=[tiny_gpt2()]).run().frame.to_dict("records")
    assert row["kv_cache_mb"] > 0
    assert row["prefill_peak_mb"] > 0
    assert row["ttft_s"] != row["ttft_s"]


def test_the_shell_prints_the_table_of_llama_bench(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "config.json").write_text(json.dumps(TINY["llama"]))
    words = "pytorch --models tiny --batch_sizes 1 --sequence_lengths 8 --no_inference --max_seconds 0.05"
    given = "--generation --new_tokens 4 6 --format llama-bench --no_memory"
    assert cli.main([*words.split(), *given.split()]) == 0
    out = capsys.readouterr().out
    assert [line.split("|")[-3].strip() for line in out.splitlines()[2:]] == ["pp8", "tg4 @ d8", "tg6 @ d8"]
    assert " ± " in out.splitlines()[2]
    assert cli.main([*words.split(), "--inference", "--format", "llama-bench"]) == 2
    assert "format='llama-bench' cannot be used" in capsys.readouterr().err
    assert cli.main(["tensorflow", "--models", "tiny", "--generation"]) == 2
    assert "--generation is an option of hfbench pytorch" in capsys.readouterr().err


def test_the_magic_has_no_format():
    from hfbench_nb.frontends.options import HelpShown, parse

    with pytest.raises(HelpShown, match="unrecognized arguments: --format"):
        parse(["pytorch", "--models", "tiny", "--format", "markdown"])
    with pytest.raises(ArgumentError, match="new_tokens"):
        parse(["pytorch", "--models", "tiny", "--generation", "--new_tokens", "1"])
