"""Energy: with a fake driver and fake counters of Linux; what hardware tells none."""

from __future__ import annotations

import pytest
from support.models import short, tiny_bert

from hfbench_nb import PyTorchBenchmark
from hfbench_nb.worker.energy import NoEnergyCounterError, RaplCounter, counter_of, energy_of
from hfbench_nb.worker.nvml import NvmlDevice

pytestmark = [pytest.mark.quick]


@pytest.fixture
def powercap(tmp_path):
    """Two packages, one of which has a domain of its own, as Linux shows them."""
    for name in ("intel-rapl:0", "intel-rapl:1", "intel-rapl:0:0"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "energy_uj").write_text("900\n")
        (tmp_path / name / "max_energy_range_uj").write_text("999\n")
    return tmp_path


def test_the_packages_add_up_and_their_counters_start_anew(powercap):
    counter = RaplCounter(powercap)
    assert counter.joules() == 0
    (powercap / "intel-rapl:0" / "energy_uj").write_text("950")
    (powercap / "intel-rapl:1" / "energy_uj").write_text("100")  # 200 further
    assert counter.joules() == pytest.approx(250e-6)
    (powercap / "intel-rapl:1" / "energy_uj").write_text("150")
    assert counter.joules() == pytest.approx(300e-6)


def test_a_machine_without_counters_says_so(tmp_path):
    with pytest.raises(NoEnergyCounterError, match=r"no energy counter of its processor \(RAPL"):
        RaplCounter(tmp_path)
    with pytest.raises(NoEnergyCounterError, match="mps does not report its energy"):
        counter_of(None, "mps")


class FakeNvml:
    class NVMLError(Exception):
        pass

    taken_mj = 5000

    def nvmlDeviceGetUUID(self, handle):
        return "GPU-0"

    def nvmlDeviceGetTotalEnergyConsumption(self, handle):
        if self.taken_mj is None:
            raise self.NVMLError("Not Supported")
        return self.taken_mj


def test_a_gpu_is_asked_by_its_driver():
    nvml = FakeNvml()
    device = NvmlDevice(nvml, "handle", {})
    assert counter_of(device, "cuda:0").joules() == 5.0

    def calls(number):
        assert number == 10  # for a second
        nvml.taken_mj += 250 * number

    assert energy_of(calls, 0.1, device) == pytest.approx(0.25)
    nvml.taken_mj = None
    with pytest.raises(NoEnergyCounterError, match="driver does not report its energy: Not Supported"):
        device.joules()


def test_a_counter_that_stands_still_is_none():
    with pytest.raises(NoEnergyCounterError, match="did not move"):
        energy_of(lambda number: None, 1.0, NvmlDevice(FakeNvml(), "handle", {}))


def test_the_energy_of_a_case_or_why_it_is_missing_is_in_the_results():
    results = PyTorchBenchmark(short(), configs=[tiny_bert()]).run()
    details, energy_j = results.entries[0][1].details, results.frame["energy_j"][0]
    why = details.get("no_energy")
    assert energy_j > 0 if why is None else energy_j != energy_j
    assert why is None or "energy counter" in why
