"""Systems in which a peak cannot be reset or a clock jumps: what is measured stays right, or says how it was."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.model_runs import run
from support.models import tiny_bert
from support.processes import run_script

import hfbench_nb

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="limits, mounts and signals as Linux has them"),
    pytest.mark.xdist_group("measuring"),
]

MIDDLING = {"hidden_size": 512, "intermediate_size": 2048, "vocab_size": 20_000}


def test_where_the_peak_cannot_be_reset_it_is_sampled_and_the_record_says_so():
    """As in a container whose /proc is read-only."""
    through = ["unshare", "--mount", "sh", "-c", 'mount --bind /proc /proc && mount -o remount,ro,bind /proc && "$@"']
    if subprocess.run([*through, "sh", "true"], capture_output=True).returncode:
        pytest.skip("no mount namespace can be made here")
    code = f"""
        from support import light
        from support.models import short
        from hfbench_nb import PyTorchBenchmark
        row = PyTorchBenchmark(short(models=[light.bert(**{MIDDLING})], speed=False)).run().frame.iloc[0]
        print(row["status"], row["memory_method"], row["memory_mb"], row["weights_mb"], sep="|")
    """
    status, method, memory_mb, weights_mb = run_script(code, through=[*through, "sh"]).stdout.strip().split("|")
    exact = run([tiny_bert(**MIDDLING)], speed=False).frame.iloc[0]
    assert (status, method, exact["memory_method"]) == ("ok", "sampled RSS (1 ms)", "VmHWM")
    assert float(memory_mb) == pytest.approx(exact["memory_mb"], rel=0.05)
    assert float(weights_mb) == pytest.approx(exact["weights_mb"], abs=3)


def test_where_the_peak_cannot_be_reset_in_the_callers_process_the_record_says_so(tmp_path):
    """In a process of its own: what this one frees meanwhile would be taken off the weights."""
    code = f"""
        from pathlib import Path
        from support.function_models import function_benchmark
        from hfbench_nb.worker import memory
        memory._CLEAR_REFS = Path({str(tmp_path)!r})  # a folder: it cannot be written
        held_before = bytearray(b"x") * (50 << 20)  # which is baseline
        def large():
            held = bytearray(b"x") * (40 << 20)
            return lambda: len(held)
        row = function_benchmark(large, multi_process=False, speed=False).run().frame.iloc[0]
        print(*row[["status", "memory_method", "memory_mb", "baseline_mb", "weights_mb", "working_mb"]], sep="|")
    """
    status, method, *figures = run_script(code).stdout.strip().split("|")
    memory_mb, baseline_mb, weights_mb, working_mb = map(float, figures)
    assert (status, method) == ("ok", "sampled RSS (1 ms) of the calling process")
    assert memory_mb == pytest.approx(baseline_mb + weights_mb + working_mb, abs=0.01)
    assert baseline_mb > 50
    assert weights_mb > 0
    assert working_mb >= 0


def test_a_clock_that_jumps_does_not_enter_the_figures(monkeypatch):
    jumps = itertools.count(1_700_000_000, -86_400)
    monkeypatch.setattr(time, "time", lambda: float(next(jumps)))
    monkeypatch.setattr(time, "time_ns", lambda: next(jumps) * 1_000_000_000)
    results = run([tiny_bert()], multi_process=False, memory=False, sequence_lengths=[8, 16])
    assert list(results.frame["status"]) == ["ok", "ok"]
    for _, measurement in results.entries:
        assert all(0 < sample < 10 for sample in measurement.timing.samples_s)


def test_no_duration_is_taken_from_a_clock_that_may_be_set():
    package = Path(hfbench_nb.__file__).parent
    using = {
        str(path.relative_to(package)): len(found)
        for path in package.rglob("*.py")
        if (found := re.findall(r"time\.time(?:_ns)?\(|datetime\.now\(|dt\.datetime\.now\(", path.read_text()))
    }
    # The names of files, the date of a run, the age of a file and of what is kept for a day.
    environment = "results/environment.py"
    aged = {"storage/run_folders.py": 1, "storage/machine_peaks.py": 2}
    assert using == {"arguments/fields.py": 1, environment: using[environment], **aged}
