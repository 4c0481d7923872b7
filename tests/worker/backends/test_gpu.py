"""Accelerators: with a fake driver and device module everywhere, and on a real GPU where there is one."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from support.models import short, tiny_bert, tiny_gpt2

from hfbench_nb import PyTorchBenchmark, measure
from hfbench_nb.worker.accelerator import AcceleratorMeter, EventStopwatch
from hfbench_nb.worker.backends.pytorch_devices import device_module
from hfbench_nb.worker.nvml import NvmlDevice, open_nvml, used_bytes_by_uuid

pytestmark = [pytest.mark.measures, pytest.mark.quick]

MIB = 1 << 20
UUID = "0a1b2c3d-0000-1111-2222-333344445555"


class FakeNvml:
    """A driver with one device, on which this process and another hold memory."""

    class NVMLError(Exception):
        pass

    nvmlMemory_v2 = "v2"

    def __init__(self, own_mib=300, other_mib=1000, pid=None):
        self.own_mib, self.other_mib = own_mib, other_mib
        self.pid = os.getpid() if pid is None else pid

    def nvmlInit(self):
        pass

    def nvmlDeviceGetCount(self):
        return 2

    def nvmlDeviceGetHandleByIndex(self, index):
        if index == 1:
            raise self.NVMLError("in exclusive use")
        return "handle"

    def nvmlDeviceGetHandleByUUID(self, uuid):
        if uuid != f"GPU-{UUID}":
            raise self.NVMLError("not found")
        return "handle"

    def nvmlDeviceGetHandleByPciBusId(self, address):
        assert address == "0000:3b:00.0"
        return "handle"

    def nvmlDeviceGetComputeRunningProcesses(self, handle):
        used = None if self.own_mib is None else self.own_mib * MIB
        return [
            SimpleNamespace(pid=1, usedGpuMemory=self.other_mib * MIB),
            SimpleNamespace(pid=self.pid, usedGpuMemory=used),
        ]

    def nvmlDeviceGetMemoryInfo(self, handle, version=None):
        reserved_by_driver = 0 if version == "v2" else 600
        return SimpleNamespace(
            total=80_000 * MIB, used=(self.other_mib + (self.own_mib or 0) + reserved_by_driver) * MIB
        )

    def nvmlDeviceGetName(self, handle):
        return b"Fake GPU"

    def nvmlDeviceGetPowerManagementLimit(self, handle):
        return 700_000

    def nvmlDeviceGetPerformanceState(self, handle):
        raise self.NVMLError("not supported")

    def nvmlSystemGetDriverVersion(self):
        return "580.1"

    def nvmlDeviceGetUUID(self, handle):
        return f"GPU-{UUID}"


class FakeModule:
    """A device module whose work takes a while after it was launched."""

    def __init__(self):
        self.log = []

    def synchronize(self):
        self.log.append("synchronize")

    def reset_peak_memory_stats(self):
        self.log.append("reset")

    def max_memory_allocated(self):
        return 120 * MIB

    def max_memory_reserved(self):
        return 140 * MIB

    def memory_reserved(self):
        return 130 * MIB

    def memory_allocated(self):
        return 100 * MIB

    def empty_cache(self):
        self.log.append("empty cache")

    def Event(self, enable_timing):
        assert enable_timing
        return SimpleNamespace(record=lambda: self.log.append("event"), elapsed_time=lambda other: 12.0)


def test_the_process_own_figure_is_taken_and_not_the_devices():
    nvml = FakeNvml()
    meter = AcceleratorMeter(FakeModule(), NvmlDevice(nvml, "handle", {}))
    assert meter.current_bytes() == (300 - 30) * MIB  # without what the allocator has reserved and no tensor uses
    meter._module.memory_stats = lambda: {"requested_bytes.all.current": 95 * MIB}  # the rest is rounding
    assert meter.current_bytes() == (300 - 35) * MIB
    with meter.watch() as peak:
        nvml.own_mib = 420
    given_back = 10 * MIB  # reserved at the peak, and no more once the block is over
    assert (meter.method, peak.bytes) == ("NVML process", 420 * MIB + given_back)
    assert peak.details == {
        "process_bytes": 420 * MIB,
        "device_used_bytes": 1420 * MIB,
        "allocated_peak_bytes": 120 * MIB,
        "reserved_peak_bytes": 140 * MIB,
    }


@pytest.mark.parametrize("hidden", [{"pid": 99_999_999}, {"own_mib": None}])
def test_in_a_container_the_devices_difference_is_taken_and_the_process_figure_is_missing(hidden):
    nvml = FakeNvml(**hidden)
    before = {f"GPU-{UUID}": nvml.nvmlDeviceGetMemoryInfo("handle", "v2").used}
    meter = AcceleratorMeter(FakeModule(), NvmlDevice(nvml, "handle", before))
    assert meter.current_bytes() == 0
    with meter.watch() as peak:
        nvml.other_mib += 250
    assert (meter.method, peak.bytes) == ("NVML device difference", 250 * MIB + 10 * MIB)
    assert peak.details["process_bytes"] is None


def test_without_a_driver_library_the_framework_is_asked():
    meter = AcceleratorMeter(FakeModule(), None)
    assert meter.current_bytes() == 100 * MIB
    with meter.watch() as peak:
        pass
    assert (meter.method, peak.bytes) == ("framework reserved", 140 * MIB)
    assert peak.details["process_bytes"] is None


def test_a_framework_that_tells_only_what_its_tensors_hold_is_asked_for_that():
    module = SimpleNamespace(memory_allocated=lambda: 90 * MIB, max_memory_allocated=lambda: 120 * MIB)
    alone = AcceleratorMeter(module, None)
    assert (alone.method, alone.current_bytes()) == ("framework allocated", 90 * MIB)
    with alone.watch() as peak:
        pass
    assert peak.bytes == 120 * MIB
    with AcceleratorMeter(module, NvmlDevice(FakeNvml(), "handle", {})).watch() as peak:
        pass
    assert peak.bytes == 300 * MIB  # its allocator keeps what tensors let go: the driver still sees it


def test_what_no_tensor_uses_is_given_back_before_a_reading():
    module = FakeModule()
    AcceleratorMeter(module, None).release()
    assert module.log == ["empty cache"]
    AcceleratorMeter(SimpleNamespace(), None).release()


def test_the_device_is_found_by_its_uuid(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pynvml", FakeNvml())
    assert open_nvml({}, uuid=UUID).process_bytes() == 300 * MIB
    assert open_nvml({}, uuid=f"GPU-{UUID}") is not None
    assert open_nvml({}, uuid="another") is None
    assert open_nvml({}) is None
    assert used_bytes_by_uuid() == {f"GPU-{UUID}": 1300 * MIB}


def test_the_device_is_found_by_its_bus_address(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pynvml", FakeNvml())
    assert open_nvml({}, pci_bus_id="0000:3b:00.0").process_bytes() == 300 * MIB


def test_facts_that_the_driver_does_not_tell_are_not_available():
    facts = NvmlDevice(FakeNvml(), "handle", {}).facts()
    assert list(facts)[:4] == ["gpu", "gpu_ram_mb", "gpu_power_watts", "gpu_performance_state"]
    assert (facts["gpu"], facts["gpu_ram_mb"], facts["gpu_power_watts"]) == ("Fake GPU", 80_000, 700.0)
    assert facts["gpu_performance_state"] == "N/A"


def test_the_clock_waits_for_the_device_before_and_after():
    module = FakeModule()
    reading = EventStopwatch(module)(lambda: module.log.append("call"), 2)
    assert module.log == ["synchronize", "event", "call", "call", "event", "synchronize"]
    assert reading.device_s == pytest.approx(0.012)
    assert reading.wall_s > 0


def test_a_device_without_events_is_timed_by_the_wall_clock():
    module = SimpleNamespace(synchronize=lambda: None)
    assert EventStopwatch(module)(lambda: None, 1).device_s is None


@pytest.fixture
def fake_gpu(monkeypatch):
    """Make PyTorch's backend measure on an accelerator whose device module and driver are fakes; return the module."""
    from hfbench_nb.worker.backends import pytorch_devices, pytorch_runtime

    module = FakeModule()
    module.set_device = lambda device: None
    module.get_device_properties = lambda device: SimpleNamespace(uuid=UUID)
    module.device_count = lambda: 2
    monkeypatch.setitem(__import__("sys").modules, "pynvml", FakeNvml())
    monkeypatch.setattr(pytorch_runtime, "find_device", lambda name, method: FakeDevice())
    monkeypatch.setattr(torch, "get_device_module", lambda device: module)
    monkeypatch.setattr(pytorch_devices, "touch_common_code", lambda device, dtype: None)
    monkeypatch.setattr(pytorch_runtime, "make_reference", lambda device, synchronize: synchronize)

    class FakeDevice:
        type = "cuda"

        def __str__(self):
            return "cuda:1"

    original = pytorch_runtime.pytorch_models.build
    cpu = torch.device("cpu")
    monkeypatch.setattr(pytorch_runtime.pytorch_models, "build", lambda *a: original(*a[:3], cpu, *a[4:]))
    to_tensors = pytorch_runtime.pytorch_models.to_tensors
    monkeypatch.setattr(pytorch_runtime.pytorch_models, "to_tensors", lambda *a: to_tensors(*a[:2], cpu))
    return module


def measured_on_fake(config, workload, task, **settings):
    from hfbench_nb.configurations.lookup import find_models
    from hfbench_nb.protocol.case import Case, Settings
    from hfbench_nb.protocol.request import Method
    from hfbench_nb.worker import measuring as worker
    from hfbench_nb.worker.backends import load_backend

    (spec,) = find_models(["tiny"], [config])
    method, settings = Method(max_seconds=0.05), Settings(device="cuda:1", **settings)
    measurement = worker.measure(
        lambda: load_backend("hfbench_nb.worker.backends.pytorch").open(settings, method),
        workload(Case("PyTorch", "tiny", task, 1, 8, settings), spec),
        method,
        lambda phase, facts: None,
    )
    assert measurement.status == "ok", measurement.failure
    return measurement


def test_the_device_figures_reach_the_record(fake_gpu):
    """The whole path of an accelerator, with the device module and the driver as the only fakes."""
    from hfbench_nb.worker.workloads.inference import Inference

    measurement = measured_on_fake(tiny_bert(), Inference, "inference")
    assert measurement.memory.method == "NVML process"
    assert measurement.memory.details["reserved_peak_bytes"] == 140 * MIB
    assert len(measurement.timing.device_samples_s) == len(measurement.timing.samples_s)
    assert measurement.timing.device_samples_s[0] == pytest.approx(0.012)
    assert measurement.details["device"] == "cuda:1"


def test_each_phase_of_a_generation_has_the_peaks_of_allocator_and_process(fake_gpu):
    from hfbench_nb.worker.workloads.generation import Generation

    resets = iter(range(1, 100))
    state = SimpleNamespace(phase=0)
    fake_gpu.reset_peak_memory_stats = lambda: setattr(state, "phase", next(resets))
    # Before the first call, between its phases, and before the second call of the first watched block.
    fake_gpu.max_memory_allocated = lambda: {1: 120, 2: 90, 3: 125}.get(state.phase, 0) * MIB
    measurement = measured_on_fake(tiny_gpt2(), Generation, "generation", new_tokens=4, cache_implementation="static")
    memory, details = measurement.memory, measurement.memory.details
    assert details["prefill_allocated_peak_bytes"] == 120 * MIB
    assert details["decode_allocated_peak_bytes"] == 90 * MIB
    assert details["allocated_peak_bytes"] == 125 * MIB
    # 300 MiB of the process, and 10 MiB that the allocator has released meanwhile.
    assert memory.phase_peak_bytes == {"prefill": 310 * MIB, "decode": 310 * MIB}
    assert measurement.metrics["compile_s"] >= 0  # generate compiles the pass with a static cache on a GPU


def test_nothing_but_memory_v2_is_asked_for_the_used_memory():
    assert NvmlDevice(FakeNvml(), "handle", {}).device_bytes() == 1300 * MIB


# ---- on a real GPU


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


def test_the_memory_of_an_apple_gpu_is_what_its_driver_has_given(monkeypatch):
    held = {"current_allocated_memory": 100 * MIB, "driver_allocated_memory": 150 * MIB}
    for name in held:
        monkeypatch.setattr(torch.mps, name, lambda name=name: held[name])
    module = device_module(torch.device("mps"))
    module.set_device(torch.device("mps"))
    meter = AcceleratorMeter(module, None)
    assert meter.method == "framework reserved"
    assert meter.current_bytes() == 100 * MIB
    assert meter.line_reader()() == 100 * MIB
    with meter.watch() as peak:
        held["driver_allocated_memory"] = 400 * MIB
    assert peak.bytes == 400 * MIB
    assert peak.details["allocated_peak_bytes"] is None


@pytest.mark.skipif(not torch.backends.mps.is_available(), reason="needs an Apple GPU")
def test_a_case_runs_on_an_apple_gpu():
    row = PyTorchBenchmark(short(device="mps"), configs=[tiny_bert()]).run().frame.iloc[0]
    assert row["status"] == "ok", row["error"]
    assert row["memory_method"] == "framework reserved"
    assert row["time_s"] > 0
    assert row["weights_mb"] > 0


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
