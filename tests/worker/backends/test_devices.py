"""Devices that are not there: the message says which are."""

import pytest

torch = pytest.importorskip("torch")

from hfbench_nb.protocol.request import Method  # noqa: E402
from hfbench_nb.worker.backends import pytorch_devices  # noqa: E402
from hfbench_nb.worker.backends.base import DeviceNotFoundError  # noqa: E402
from hfbench_nb.worker.backends.pytorch_devices import find_device  # noqa: E402

pytestmark = [pytest.mark.measures, pytest.mark.quick]


@pytest.mark.parametrize(
    ("there", "name", "found", "allowed"),
    [
        ({}, "cuda", "no cuda devices", "'auto' or 'cpu'"),
        ({"mps": 1}, "cuda:1", "no cuda devices", "'auto', 'cpu' or 'mps'"),
        ({"cuda": 2}, "cuda:2", "2 cuda devices", "'auto', 'cpu', 'cuda' or 'cuda:1'"),
        ({"cuda": 1}, "cuda:7", "1 cuda device", "'auto', 'cpu' or 'cuda'"),
        ({"xpu": 1}, "mps", "no mps devices", "'auto', 'cpu' or 'xpu'"),
    ],
)
def test_the_devices_that_are_there_are_named(monkeypatch, there, name, found, allowed):
    monkeypatch.setattr(pytorch_devices, "_count", lambda kind: there.get(kind, 0))
    with pytest.raises(DeviceNotFoundError) as refused:
        find_device(name, Method())
    expected = f"device={name!r} cannot be used: PyTorch {torch.__version__} finds {found}; on this machine, device "
    assert str(refused.value) == f"{expected}must be {allowed}"


def test_devices_are_counted():
    assert pytorch_devices._count("cuda") == torch.cuda.device_count()
    assert pytorch_devices._count("nonsense") == 0
