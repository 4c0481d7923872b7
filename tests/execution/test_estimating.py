"""Estimates as users see them: frame, table, plot, verdicts, and what cannot be estimated."""

from __future__ import annotations

import psutil
import pytest
import torch
from support.models import short, tiny_bert, tiny_gpt2

from hfbench_nb import (
    ArgumentError,
    PyTorchBenchmark,
    PyTorchBenchmarkArguments,
    TensorFlowBenchmarkArguments,
    estimate,
)
from hfbench_nb.analysis.needs import PARTS
from hfbench_nb.arguments.frameworks import FRAMEWORKS
from hfbench_nb.execution.cancellation import Cancellation
from hfbench_nb.execution.in_process import CallingProcess
from hfbench_nb.frontends.cli import main
from hfbench_nb.protocol.request import Method, Request

pytestmark = pytest.mark.xdist_group("estimating")  # they look at one estimate


@pytest.fixture(scope="module")
def found():
    args = short(models=["tiny", "gpt"], sequence_lengths=[8, 4096], training=True)
    return PyTorchBenchmark(args, configs=[tiny_bert(), tiny_gpt2()]).estimate(budget_mb=1.0)


def test_the_parts_of_an_estimate_add_up(found):
    frame = found.frame
    assert frame["status"].tolist() == ["ok", "ok", "error", "error"] * 2
    ok = frame[frame["status"] == "ok"]
    assert ok[list(PARTS)].sum(axis="columns").tolist() == pytest.approx(ok["total_mb"].tolist())
    assert (ok["parameters_mb"] * 2**20 / 4).tolist() == pytest.approx(ok["parameters"].tolist())
    assert "is beyond the" in frame["error"][2]
    assert (ok[ok["task"] == "training"]["total_mb"].to_numpy() > ok[ok["task"] == "inference"]["total_mb"]).all()


def test_what_fits_is_said_in_every_form(found):
    assert found.frame["fits"].dropna().unique().tolist() == ["close"]
    for text in (str(found), found.to_markdown(), found._repr_html_()):
        assert "fits 1 MB?" in text.replace("fits  (1 MB)", "fits 1 MB")
        assert "come on top" in text
        assert "beyond the 64 positions" in text
    ax = found.plot()
    assert [text.get_text() for text in ax.texts].count("not estimated") == 4
    assert any("close" in text.get_text() for text in ax.texts)


def test_cases_are_estimated_and_measured_from_one_server():
    benchmark = PyTorchBenchmark(short(), configs=[tiny_bert()])
    benchmark.run()

    def servers():
        return {process.pid for process in psutil.Process().children()}

    before = servers()
    assert benchmark.estimate().frame["status"].tolist() == ["ok"]
    assert servers() == before


def test_a_request_may_name_another_backend_in_the_calling_process_too():
    benchmark = PyTorchBenchmark(short(), configs=[tiny_bert()])
    request = Request(
        benchmark.cases[0],
        Method(speed=False),
        benchmark.models["tiny"],
        backend=FRAMEWORKS["PyTorch"].estimating_backend,
    )
    found = CallingProcess().measure(FRAMEWORKS["PyTorch"], request, lambda message: None, Cancellation())
    assert (found.status, found.memory.method) == ("ok", "tensors of the calling process")


def test_a_model_far_too_large_for_this_machine_is_estimated():
    args = PyTorchBenchmarkArguments(
        models=["meta-llama/Llama-3.1-8B:num_hidden_layers=80,hidden_size=8192,intermediate_size=28672"],
        batch_sizes=[1],
        sequence_lengths=[8192],
        dtype="bfloat16",
    )
    row = estimate(args, device="t4").frame.iloc[0]
    assert row["parameters"] > 60e9
    assert (row["status"], row["fits"]) == ("ok", "no")
    assert row["parameters_mb"] * 2**20 == 2 * row["parameters"]


def test_sizes_with_millions_of_tokens_are_estimated():
    models = {"tiny": tiny_bert(), "gpt": tiny_gpt2()}
    args = short(models=list(models), batch_sizes=[32, 1 << 16], sequence_lengths=[32], training=True, generation=True)
    frame = PyTorchBenchmark(args, configs=list(models.values())).estimate().frame
    frame = frame[(frame["model"] == "gpt") | (frame["task"] != "generation")]
    assert set(frame["status"]) == {"ok"}
    few, many = (frame[frame["batch_size"] == size]["activations_mb"].to_numpy() for size in (32, 1 << 16))
    assert (many / few).tolist() == pytest.approx([2048] * 5, rel=0.05)


def test_what_cannot_be_used_is_told_before_anything_runs(monkeypatch):
    monkeypatch.setattr("hfbench_nb.execution.estimating.Estimator", None)
    benchmark = PyTorchBenchmark(short(), configs=[tiny_bert()])
    with pytest.raises(ArgumentError, match=r"device='T5' .*'this' or one of T4, "):
        benchmark.estimate(device="T5")
    with pytest.raises(ArgumentError, match="budget_mb=0"):
        benchmark.estimate(budget_mb=0)
    with pytest.raises(ArgumentError, match="contradict each other"):
        benchmark.estimate(budget_mb=1, device="T4")
    with pytest.raises(ArgumentError, match="only PyTorch"):
        estimate(TensorFlowBenchmarkArguments(models=["bert-base-uncased"]))


def test_a_model_of_ones_own_is_estimated_without_its_memory():
    def huge():
        return torch.nn.Linear(200_000, 200_000, bias=False)  # 149 GB

    def inputs(batch_size, sequence_length):
        return {"input": torch.ones(batch_size, 200_000)}

    row = estimate(short(models=["huge"]), [huge], inputs=inputs, device="this").frame.iloc[0]
    assert (row["parameters_mb"], row["fits"]) == (200_000**2 * 4 / 2**20, "no")


def test_the_shell_estimates(capsys):
    assert main(["estimate", "--models", "gpt2:n_layer=1,n_embd=64,n_head=2", "--batch-sizes", "1",
                 "--sequence_lengths", "8", "--budget_device", "T4", "--format", "markdown"]) == 0  # fmt: skip
    shown = capsys.readouterr().out
    assert "fits T4 (15,259 MB)?" in shown
    assert "| yes |" in shown
