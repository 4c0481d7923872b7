"""Accelerators: on a real GPU, where there is one."""

from __future__ import annotations

import subprocess
import sys

import pytest
from support.gpus import MIB
from support.models import short, tiny_bert, tiny_gpt2

from hfbench_nb import PyTorchBenchmark, measure

pytestmark = [pytest.mark.measures, pytest.mark.quick]


def measured_on_gpu(config, **given):
    results = PyTorchBenchmark(short(**given), configs=[config]).run()
    (row,) = results.frame.to_dict("records")
    assert row["status"] == "ok", row["error"]
    return row, results.entries[0][1], results.environment


def only_memory(function, **given):
    (row,) = measure(function, framework="pytorch", speed=False, timeout_s=120.0, **given).frame.to_dict("records")
    assert row["status"] == "ok", row["error"]
    return row


def measured_workspaces_mb():
    """What cuBLAS keeps of the allocator's memory once it has multiplied, MB: 8 or, from Hopper on, 32 and more."""
    code = """
import torch
layer, given = torch.nn.Linear(256, 256, device="cuda"), torch.ones(64, 256, device="cuda", requires_grad=True)
layer(given).sum().backward()
torch.bmm(torch.ones(2, 64, 64, device="cuda"), torch.ones(2, 64, 64, device="cuda"))
del layer, given
torch.cuda.synchronize()
print(torch.cuda.memory_allocated() / 2**20)
"""
    return float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


@pytest.mark.gpu
def test_a_real_gpu_is_timed_synchronised_and_its_memory_split(real_gpu):
    config = tiny_bert(hidden_size=512, intermediate_size=2048, vocab_size=60_000)
    row, measurement, environment = measured_on_gpu(config, max_seconds=1.0, batch_sizes=[8])
    assert row["memory_method"].startswith("NVML")
    assert measurement.memory.peak_bytes >= measurement.memory.details["reserved_peak_bytes"]
    device_s = sorted(measurement.timing.device_samples_s)[len(measurement.timing.device_samples_s) // 2]
    assert 0 < device_s <= 1.05 * row["time_s"]
    assert (environment["use_gpu"], environment["device"]) == (True, "cuda:0")


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_weights_on_a_gpu_are_what_the_parameters_take(real_gpu, dtype):
    names = ["google-bert/bert-base-uncased", "google-t5/t5-small"]
    results = PyTorchBenchmark(short(models=names, speed=False, dtype=dtype)).run()
    for case, measurement in results.entries:
        parameters = measurement.model_facts.parameters * (4 if dtype == "float32" else 2)
        assert measurement.memory.weights_bytes == pytest.approx(parameters, rel=0.02, abs=MIB), case.model


@pytest.mark.gpu
@pytest.mark.parametrize("size_mib", [8, 64, 512])
def test_a_planted_transient_on_a_gpu_is_read(real_gpu, size_mib):
    def transient(torch, gives_back=False):
        torch.empty(size_mib << 20, dtype=torch.uint8, device="cuda")
        if gives_back:
            torch.cuda.empty_cache()

    def torch_on_gpu():
        import torch

        torch.zeros(1, device="cuda")
        return torch

    kept = only_memory(transient, setup=torch_on_gpu)["working_mb"]
    given_back = only_memory(lambda torch: transient(torch, gives_back=True), setup=torch_on_gpu)["working_mb"]
    in_blocks = 20 if size_mib < 10 else size_mib  # less than 10 MiB comes out of a block of 20
    assert kept == pytest.approx(in_blocks, abs=3)
    assert given_back == pytest.approx(kept, abs=3)


@pytest.mark.gpu
def test_a_profile_on_a_gpu_is_the_time_of_its_kernels_and_what_it_waits(real_gpu):
    results = PyTorchBenchmark(short(profile=True, training=True), configs=[tiny_bert()]).run()
    for view in results.profiles:
        modules = view.modules.set_index("group")["time_s"]
        assert modules.sum() == pytest.approx(view.profile.traced_s)
        assert {"embeddings", "attention", "feed-forward", "norms", "idle"} <= set(modules.index)
        assert view.trace.is_file()


@pytest.mark.gpu
def test_a_planned_time_on_a_gpu_is_read_whole(real_gpu):
    """The call comes back at once: only a clock that waits for the device sees what was launched."""

    def spin(cycles):
        import torch

        torch.cuda._sleep(cycles)

    one, three = (
        measure(spin, setup=lambda cycles=cycles: cycles, framework="pytorch", memory=False).frame["time_s"][0]
        for cycles in (20_000_000, 60_000_000)
    )
    assert one > 0.002
    assert three / one == pytest.approx(3, rel=0.1)


@pytest.mark.gpu
def test_what_other_processes_hold_on_the_gpu_does_not_count(real_gpu):
    config = tiny_bert(hidden_size=512, intermediate_size=2048)
    alone, *_ = measured_on_gpu(config, speed=False)
    code = "import torch; held = torch.ones(1 << 29, device='cuda'); print('ready', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "ready\n"
        beside, *_ = measured_on_gpu(config, speed=False)
        other.stdin.close()
    assert beside["memory_mb"] == pytest.approx(alone["memory_mb"], rel=0.005)


@pytest.mark.gpu
def test_the_cpu_can_be_asked_for_beside_a_gpu(real_gpu):
    row, measurement, environment = measured_on_gpu(tiny_bert(), device="cpu")
    assert (row["memory_method"], measurement.details["device"]) == ("VmHWM", "cpu")
    assert measurement.timing.device_samples_s is None or not measurement.timing.device_samples_s
    row, measurement, environment = measured_on_gpu(tiny_bert(), cuda=False)
    assert (row["memory_method"], environment["use_gpu"]) == ("VmHWM", False)


@pytest.mark.gpu
def test_a_model_that_does_not_fit_is_out_of_memory_and_the_next_case_is_measured(real_gpu):
    too_large = tiny_bert(vocab_size=1 << 30, hidden_size=256)
    results = PyTorchBenchmark(short(models=["large", "small"]), configs=[too_large, tiny_bert()]).run()
    assert list(results.frame["status"]) == ["oom", "ok"]


@pytest.mark.gpu
def test_a_pass_that_does_not_fit_is_out_of_memory_and_keeps_nothing_back(real_gpu):
    results = PyTorchBenchmark(
        short(batch_sizes=[1 << 20, 1], sequence_lengths=[16], training=True, inference=False),
        configs=[tiny_bert(hidden_size=1024, num_attention_heads=16)],
    ).run()
    assert list(results.frame.set_index("batch_size")["status"].loc[[1 << 20, 1]]) == ["oom", "ok"]


@pytest.mark.gpu
def test_generation_on_a_gpu_has_a_peak_per_phase_and_a_cache(real_gpu):
    row, measurement, _ = measured_on_gpu(
        tiny_gpt2(), inference=False, generation=True, cache_implementation="static", timeout_s=300.0
    )
    assert row["kv_cache_mb"] > 0
    assert 0 < row["prefill_peak_mb"] <= row["memory_mb"]
    assert 0 < row["decode_peak_mb"] <= row["memory_mb"]
    assert measurement.memory.details["prefill_allocated_peak_bytes"] > 0
    assert measurement.metrics["compile_s"] > 0


@pytest.mark.gpu
def test_an_estimate_is_what_the_allocator_hands_out_on_a_gpu_beside_the_workspaces_of_libraries(real_gpu):
    config = tiny_bert(hidden_size=768, num_attention_heads=12, num_hidden_layers=4, max_position_embeddings=512)
    arguments = short(batch_sizes=[8], sequence_lengths=[512], training=True, speed=False)
    benchmark = PyTorchBenchmark(arguments, configs=[config])
    workspaces_mb = measured_workspaces_mb()
    for (_, needs), measured in zip(benchmark.estimate().rows, benchmark.run(), strict=True):
        allocated_mb = measured.measurement.memory.details["allocated_peak_bytes"] / MIB
        # A pass may need them for one of the threads that launch, or also for that of the backward pass.
        assert -0.05 * allocated_mb <= allocated_mb - needs.total_mb <= workspaces_mb + 0.05 * allocated_mb


@pytest.mark.gpu
def test_the_energy_of_a_case_on_a_gpu_is_that_of_a_machine(real_gpu):
    config = tiny_bert(hidden_size=1024, num_attention_heads=16, intermediate_size=4096, max_position_embeddings=512)
    results = PyTorchBenchmark(short(batch_sizes=[32], sequence_lengths=[512]), configs=[config]).run()
    row, details = results.frame.iloc[0], results.entries[0][1].details
    power_watts = row["energy_j"] / row["time_s"]
    assert 20 < power_watts < 1.5 * results.environment["gpu_power_watts"], details.get("no_energy")
    assert 0 < row["utilization"] <= 1.02, details.get("no_flops", details.get("no_peaks"))
