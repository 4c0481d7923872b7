"""The axis `huge_pages`."""

from __future__ import annotations

import pytest
from support.models import short

from hfbench_nb import PyTorchBenchmark
from hfbench_nb.execution import huge_pages
from hfbench_nb.protocol.errors import IsolationError
from hfbench_nb.results.environment import huge_pages_setting

pytestmark = pytest.mark.quick


def can_be_asked_for():
    try:
        huge_pages.check_huge_pages()
    except IsolationError:
        return False
    return huge_pages_setting() == "madvise"


@pytest.mark.measures
@pytest.mark.skipif(not can_be_asked_for(), reason="this kernel gives huge pages to nobody, or to everybody")
def test_a_worker_has_huge_pages_where_it_asks_for_them(tmp_path):
    def factory():
        import torch

        kept = torch.nn.Linear(4096, 4096)
        with open("/proc/self/smaps_rollup") as lines, open(tmp_path / "found", "a") as found:
            found.write("".join(line.split()[1] + "\n" for line in lines if line.startswith("AnonHugePages")))
        return kept

    def inputs(batch_size, sequence_length):
        import torch

        return {"input": torch.ones(batch_size, 4096)}

    args = short(models=["own"], huge_pages=[False, True], max_seconds=0.01)
    results = PyTorchBenchmark(args, configs=[factory], inputs=inputs).run()
    assert list(results.frame["status"]) == ["ok", "ok"], list(results.frame["error"])
    small_kb, huge_kb = map(int, (tmp_path / "found").read_text().split())
    assert huge_kb - small_kb > 32 << 10  # half of the 64 MiB of weights at least
    assert results.labels == ["own [small pages]", "own [huge pages]"]
    assert results.environment["transparent_huge_pages"] == "madvise"
    assert results.relative({"huge_pages": False}).frame["model"].tolist() == ["own [huge pages]"]


@pytest.mark.parametrize(("setting", "why"), [("never", "the kernel's setting is never"), (None, "only on Linux")])
def test_where_there_are_none_the_row_says_why(monkeypatch, setting, why):
    monkeypatch.setattr(huge_pages, "huge_pages_setting", lambda: setting)
    args = short(models=["own"], huge_pages=[False, True], max_seconds=0.01)
    benchmark = PyTorchBenchmark(args, configs=[lambda: None], inputs=lambda batch_size, sequence_length: {})
    results = benchmark.run()
    assert why in results.frame["error"][1]
    with pytest.raises(IsolationError, match=why):
        PyTorchBenchmark(short(huge_pages=True), configs=[lambda: None], inputs=lambda b, n: {}).run()


def test_other_tunables_are_kept():
    given = {"GLIBC_TUNABLES": "glibc.malloc.arena_max=1:glibc.malloc.hugetlb=0", "A": "b"}
    assert huge_pages.with_huge_pages(given) == {
        "GLIBC_TUNABLES": "glibc.malloc.arena_max=1:glibc.malloc.hugetlb=1", "A": "b",
    }  # fmt: skip
    assert huge_pages.with_huge_pages({})["GLIBC_TUNABLES"] == "glibc.malloc.hugetlb=1"
