"""Whole runs of training: measured in workers, with the axes of a step."""

from __future__ import annotations

import math
import statistics

import pytest
from support.models import short, tiny_bert, tiny_gpt2

from hfbench_nb import PyTorchBenchmark, load_results
from hfbench_nb.frontends import cli
from hfbench_nb.results.metrics import METRICS

pytestmark = [pytest.mark.measures, pytest.mark.xdist_group("measurements")]

PARTS = ["baseline_mb", "weights_mb", "gradients_mb", "optimizer_mb", "activations_mb"]


def test_a_step_is_measured_with_its_phases_and_the_parts_of_its_memory(tmp_path):
    args = short(
        training=True, batch_sizes=[2], sequence_lengths=[16], optimizer=["none", "adamw"],
        gradient_accumulation=[1, 3],
    )  # fmt: skip
    results = PyTorchBenchmark(args, configs=[tiny_gpt2(architectures=["GPT2LMHeadModel"])]).run(tmp_path)
    frame = results.frame.set_index(["task", "optimizer", "gradient_accumulation"]).sort_index()
    assert set(frame["status"]) == {"ok"}
    inference = frame.loc["inference"]
    assert len(inference) == 1  # what a step consists of is no axis of it
    assert inference[[*PARTS[2:], "forward_s", "samples_per_s"]].isna().all(axis=None)
    training = frame.loc["training"]
    assert training[PARTS].sum(axis="columns").to_numpy() == pytest.approx(training["memory_mb"].to_numpy(), abs=1e-6)
    assert (training[PARTS] >= 0).all(axis=None)
    for measurement in (row.measurement for row in results if row.case.task == "training"):
        phases = [measurement.timings[name].samples_s for name in ("forward_s", "backward_s", "optimizer_s")]
        shares = [sum(of_call) / whole for *of_call, whole in zip(*phases, measurement.timing.samples_s, strict=True)]
        assert statistics.median(shares) == pytest.approx(1, abs=0.03)
    adamw, plain = training.loc[("adamw", 3)], training.loc[("none", 1)]
    assert adamw["optimizer_mb"] == pytest.approx(2 * adamw["gradients_mb"], rel=0.01)
    assert (plain["optimizer_mb"], plain["gradients_mb"]) == (0, adamw["gradients_mb"])
    assert adamw["samples_per_s"] == pytest.approx(2 * 3 / adamw["time_s"])
    assert adamw["tokens_per_s"] == pytest.approx(2 * 3 * 16 / adamw["time_s"])
    assert "gpt2" not in results.labels
    assert results.labels[-1] == "tiny [adamw, 3 micro-batches]"
    (measurement,) = [
        m for case, m in results.entries if dict(case.settings).get("optimizer") == "adamw" and "micro-batch" in m.note
    ]
    assert set(measurement.memory.phase_peak_bytes) == {"forward", "backward", "optimizer"}
    assert max(measurement.memory.phase_peak_bytes.values()) == pytest.approx(measurement.memory.peak_bytes, rel=1e-3)
    assert set(measurement.timings) == {"forward_s", "backward_s", "optimizer_s"}
    assert not any(timing.noisy for timing in measurement.timings.values())  # the whole call is what must be precise
    low, high = METRICS["forward_s"].interval_of(*results.entries[-1])
    assert low <= adamw["forward_s"] <= high
    again = load_results(tmp_path).frame
    assert again.equals(results.frame)


def test_rows_say_where_an_axis_does_nothing_and_what_is_missing():
    args = short(
        inference=False, training=True, memory=False, gradient_checkpointing=True,
        optimizer=["none", "adamw_8bit"],
    )  # fmt: skip
    results = PyTorchBenchmark(args, configs=[tiny_bert()]).run()
    told, failed = results.frame.to_dict("records")
    assert math.isnan(told["memory_mb"])
    assert "gradient_checkpointing saves nothing here" in results.entries[0][1].note
    assert failed["status"] == "error"
    assert "pip install bitsandbytes" in failed["error"]
    assert "tiny" in results.to_markdown()


def test_the_shell_knows_the_axes_of_training_by_their_fields(capsys):
    words = "pytorch --models bert-base-uncased --training --optimizer adamw sgd --gradient_checkpointing true false"
    assert cli.main([*words.split(), "--lora_rank", "-1"]) == 2
    assert "lora_rank=-1 cannot be used" in capsys.readouterr().err
    assert cli.main(["tensorflow", "--models", "bert-base-uncased", "--training", "--optimizer", "adamw"]) == 2
    assert "--optimizer is an option of hfbench pytorch" in capsys.readouterr().err
