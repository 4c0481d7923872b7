"""Real processes: how they are started and what they survive."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import venv

import psutil
import pytest
from support.faulty import FaultyConfig
from support.fresh import measure_in_fresh_interpreters
from support.function_models import function_benchmark
from support.model_runs import linux, run, server
from support.models import tiny_bert, tiny_gpt2
from support.places import TESTS
from support.processes import run_script, runs, wait_until

from hfbench_nb import ArgumentError, IsolationError, measure

pytestmark = pytest.mark.xdist_group("measuring")


@pytest.mark.measures
@linux
@pytest.mark.quick
def test_one_server_measures_every_case_in_a_process_of_its_own():
    results = run([tiny_bert(), tiny_gpt2()], sequence_lengths=[8, 16], training=True)
    assert list(results.frame["status"]) == ["ok"] * 8
    first = server()._process._process.pid
    run([tiny_bert()])
    assert server()._process._process.pid == first
    assert all(m.costs.start_s < 30 for _, m in results.entries)


FAULTS = {
    "raises": ("error", "RuntimeError: the model <b>is</b> broken"),
    "exits": ("crashed", "ProcessError: the worker ended with exit code 3 and without a reply"),
    "is_killed": ("crashed", "ProcessError: the worker was ended by SIGKILL"),
    "segfaults": ("crashed", "ProcessError: the worker was ended by SIGSEGV"),
    "hangs": ("timeout", "TimeoutError: the case took longer than timeout_s=2 seconds and was ended"),
    "prints": ("ok", ""),
    "asks_for_too_much": ("oom", "RuntimeError: [enforce fail"),
    "leaves_a_process": ("crashed", "ProcessError: the worker ended with exit code 4"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_case_is_a_row_and_its_neighbours_are_intact(fault, capfd):
    status, message = FAULTS[fault]
    results = run([FaultyConfig(), FaultyConfig(fault), FaultyConfig()], timeout_s=2.0)
    assert list(results.frame["status"]) == ["ok", status, "ok"]
    assert message in results.frame["error"][1]
    assert results.labels == ["model-0", "model-1", "model-2"]
    assert results.frame["time_s"].notna().tolist() == [True, status == "ok", True]
    assert capfd.readouterr().out == ""
    names = [process.name() for process in psutil.Process().children(recursive=True)]
    assert "sleep" not in names


def test_a_failure_carries_the_traceback():
    failure = run([FaultyConfig("raises")]).entries[0][1].failure
    assert "in _raises" in failure.traceback
    assert failure.traceback.rstrip().endswith("RuntimeError: the model <b>is</b> broken")


@linux
@pytest.mark.measures
def test_what_was_measured_before_does_not_enter_the_figures():
    def memory_mb():
        return run([tiny_bert()], speed=False).frame["memory_mb"][0]

    before = memory_mb()
    run([tiny_gpt2()], speed=False)
    assert memory_mb() == pytest.approx(before, rel=0.002)


@linux
@pytest.mark.measures
def test_a_fresh_interpreter_gives_the_same_figures(monkeypatch):
    config = tiny_bert(hidden_size=512, intermediate_size=2048, vocab_size=20_000)
    given = {"speed": False, "sequence_lengths": [64], "batch_sizes": [8]}
    forked = run([config], **given).frame.iloc[0]
    measure_in_fresh_interpreters(monkeypatch)
    fresh = run([config], **given).frame.iloc[0]
    assert fresh["status"] == "ok"
    assert fresh["memory_mb"] == pytest.approx(forked["memory_mb"], rel=0.02)
    assert fresh["weights_mb"] == pytest.approx(forked["weights_mb"], abs=2)
    assert fresh["working_mb"] == pytest.approx(forked["working_mb"], abs=4)


def test_faults_are_rows_in_fresh_interpreters_too_and_leave_no_process(monkeypatch, tmp_path):
    monkeypatch.setenv("HFBENCH_FRESH_INTERPRETER", "1")

    def leave_a_process():
        left = subprocess.Popen(["sleep", "600"])
        (tmp_path / "left").write_text(str(left.pid))
        os._exit(4)

    results = measure(leave_a_process) + measure(lambda: time.sleep(600), name="hangs", timeout_s=2.0)
    assert list(results.frame["status"]) == ["crashed", "timeout"]
    assert wait_until(lambda: not runs(int((tmp_path / "left").read_text())))


def test_a_script_needs_no_main_guard():
    code = """
        from support.function_models import function_benchmark
        print(function_benchmark(sequence_lengths=[8, 16]).run())
    """
    done = run_script(code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("INFERENCE - SPEED - RESULT") == 1
    assert done.stderr == ""


def test_a_framework_that_is_missing_is_said_at_once(tmp_path):
    overlay = tmp_path / "overlay"
    (overlay / "transformers").mkdir(parents=True)
    (overlay / "transformers" / "__init__.py").write_text("raise ImportError('this is the one of the overlay')")
    with pytest.raises(IsolationError, match="PyTorch cannot be used by .*this is the one of the overlay"):
        run([tiny_bert()], overlay=str(overlay))


def test_another_interpreter_measures(tmp_path):
    venv.create(tmp_path / "other", symlinks=True)
    python = tmp_path / "other" / "bin" / "python"
    site = next((tmp_path / "other" / "lib").glob("python*/site-packages"))
    folders = [entry for entry in sys.path if entry.endswith("site-packages")]
    (site / "shared.pth").write_text("\n".join([*folders, str(TESTS)]))
    results = function_benchmark(python=str(python), speed=False).run()
    assert list(results.frame["status"]) == ["ok"]
    assert results.environment["python_executable"] == str(python)
    assert results.environment["python_executable"] != sys.executable


def test_the_device_is_checked_before_anything_runs():
    with pytest.raises((ArgumentError, IsolationError), match="device='xpu:7' cannot be used: PyTorch .* finds no xpu"):
        run([tiny_bert()], device="xpu:7")


def test_measuring_in_the_calling_process_says_so():
    results = run([tiny_bert()], multi_process=False, threads=1)
    assert list(results.frame["status"]) == ["ok"]
    assert results.frame["memory_method"][0].endswith("of the calling process")
    assert results.environment["use_multiprocessing"] is False


@pytest.mark.measures
def test_the_number_of_threads_is_used_and_recorded():
    results = run([tiny_bert()], threads=2, memory=False)
    assert results.entries[0][1].details["threads"] == 2
    assert results.environment["threads"] == 2


@pytest.mark.skipif(sys.platform == "win32", reason="has no such programs")
def test_a_program_that_is_no_python_is_refused_as_that(tmp_path):
    script = tmp_path / "python"
    script.write_text("not a program")
    script.chmod(0o755)
    for program in ("/bin/ls", "/bin/echo", "/bin/true", str(script)):
        with pytest.raises(IsolationError) as refused:
            function_benchmark(python=program).run()
        allowed = f"python must be the path of one, such as {sys.executable!r}."
        assert str(refused.value) == f"python={program!r} cannot be used: it is not a Python interpreter; {allowed}"
