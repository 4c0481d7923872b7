"""Disks and folders that cannot be written: no result is lost."""

from __future__ import annotations

import contextlib
import itertools
import os
import resource
import subprocess
import sys

import pytest
from support.function_models import function_benchmark
from support.model_runs import benchmark_of, run
from support.models import tiny_bert

from hfbench_nb import ArgumentError, load_results
from hfbench_nb.execution import servers as client
from hfbench_nb.storage.journal import Journal

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="limits, mounts and signals as Linux has them"),
    pytest.mark.xdist_group("measuring"),
]

LENGTHS = list(range(1, 25))


def check_full_disk(results, warned, folder):
    assert set(results.frame["status"]) == {"ok"}
    lost = [str(warning.message) for warning in warned]
    assert lost
    assert all("is part of the results, and will be written with the next case if" in message for message in lost)
    kept = load_results(folder)  # nothing is torn: that would be a warning, and so an error
    assert 0 < len(kept.entries) < len(results.entries)
    assert kept.entries == results.entries[: len(kept.entries)]


@pytest.mark.filterwarnings("error:.*left out")
def test_a_full_disk_costs_no_result_and_the_run_can_be_resumed(mounted):
    folder = mounted("small", "size=16k")
    with pytest.warns(UserWarning, match="No space left on device") as warned:
        results = function_benchmark(sequence_lengths=LENGTHS).run(folder)
    check_full_disk(results, warned, folder)
    known = len(load_results(folder).entries)
    subprocess.run(["mount", "-o", "remount,size=4m", folder], check=True)
    resumed = function_benchmark(sequence_lengths=LENGTHS).run(resume=folder)
    assert resumed.entries[:known] == results.entries[:known]
    assert set(resumed.frame["status"]) == {"ok"}
    assert sorted(map(repr, load_results(folder).entries)) == sorted(map(repr, resumed.entries))


@contextlib.contextmanager
def file_size_limit(size_bytes):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.filterwarnings("error:.*left out")
def test_a_file_that_may_not_grow_costs_no_result(tmp_path):
    function_benchmark().run()  # the server is started without the limit
    with file_size_limit(12_000), pytest.warns(UserWarning, match="File too large") as warned:
        results = function_benchmark(sequence_lengths=LENGTHS).run(tmp_path / "run")
    check_full_disk(results, warned, tmp_path / "run")


def test_cases_that_could_not_be_written_are_written_once_there_is_room_again(tmp_path, monkeypatch):
    add, sizes = Journal.add, itertools.count()

    def add_with_little_room(self, *entry):
        room = next(sizes) > 1
        with contextlib.nullcontext() if room else file_size_limit(os.stat(self.path).st_size + 10):
            add(self, *entry)

    monkeypatch.setattr(Journal, "add", add_with_little_room)
    with pytest.warns(UserWarning, match="File too large") as warned:
        results = function_benchmark(sequence_lengths=[8, 16, 24]).run(tmp_path)
    assert len(warned) == 2
    assert warned[0].filename == __file__
    assert load_results(tmp_path).entries == results.entries


def test_files_that_cannot_be_written_cost_no_result(tmp_path, mounted):
    folder = mounted("full", "size=4k")
    (folder / "filler").write_bytes(b"x" * 4096)
    names = {f"{name}_csv_file": str(folder / name) for name in ("inference_time", "env_info")}
    names["inference_memory_csv_file"] = str(tmp_path / "memory.csv")
    with pytest.warns(UserWarning, match="A requested file could not be written: .*No space left on device") as told:
        results = run([tiny_bert()], save_to_csv=True, **names)
    failed = [str(each.message).split(": ")[1] for each in told if "requested file" in str(each.message)]
    assert failed == [str(folder / "inference_time"), str(folder / "env_info")]
    assert list(results.frame["status"]) == ["ok"]
    assert [path.name for path in folder.iterdir()] == ["filler"]
    assert (tmp_path / "memory.csv").exists()  # one that cannot be written does not cost the others


def read_only(tmp_path, mounted):
    if os.geteuid() == 0:  # whom permissions do not stop
        return mounted("read-only", "ro")
    tmp_path.chmod(0o555)
    return tmp_path


def test_a_read_only_folder_is_refused_before_anything_is_measured(tmp_path, mounted, monkeypatch):
    folder = read_only(tmp_path, mounted)
    monkeypatch.setattr(client.WorkerServer, "measure", None)
    message = r"folder='.*' cannot be used: folder must be a folder that can be written to \(.*(Read-only|Permission)"
    for wanted in (folder, folder / "new"):
        with pytest.raises(ArgumentError, match=message):
            run([tiny_bert()], wanted)


def test_without_a_cache_the_results_are_kept_in_memory(tmp_path, mounted, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(read_only(tmp_path, mounted)))
    with pytest.warns(UserWarning, match="Results are kept in memory only: .*(Read-only|Permission)") as warned:
        results = benchmark_of([tiny_bert()]).run()
    assert warned[0].filename == __file__
    assert list(results.frame["status"]) == ["ok"]
    assert results.folder is None
