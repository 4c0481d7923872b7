"""Real processes: how they are started, what they survive, and that none is left."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import venv

import psutil
import pytest
from support.faulty import FaultyConfig
from support.fresh import measure_in_fresh_interpreters
from support.function_models import FUNCTIONS, function_benchmark
from support.models import short, tiny_bert, tiny_gpt2
from support.places import TESTS
from support.processes import run_script, runs, wait_until

from hfbench_nb import ArgumentError, IsolationError, PyTorchBenchmark, measure
from hfbench_nb.arguments.frameworks import FRAMEWORKS
from hfbench_nb.execution import servers as client
from hfbench_nb.execution.cancellation import Cancellation
from hfbench_nb.protocol.case import Settings
from hfbench_nb.protocol.request import Method

pytestmark = pytest.mark.xdist_group("measuring")

linux = pytest.mark.skipif(sys.platform != "linux", reason="forks, which only Linux does here")


def run(configs, **given):
    names = [f"model-{i}" for i in range(len(configs))]
    return PyTorchBenchmark(short(models=names, **given), configs=configs).run()


def server():
    return client.workers(FRAMEWORKS["PyTorch"])


@pytest.mark.measures
@linux
@pytest.mark.quick
def test_one_server_measures_every_case_in_a_process_of_its_own():
    results = run([tiny_bert(), tiny_gpt2()], sequence_lengths=[8, 16], training=True)
    assert list(results.frame["status"]) == ["ok"] * 8
    first = server()._process._process.pid
    run([tiny_bert()])
    assert server()._process._process.pid == first
    assert all(m.details["start_s"] < 30 for _, m in results.entries)


FAULTS = {
    "raises": ("error", "RuntimeError: the model <b>is</b> broken"),
    "exits": ("crashed", "ProcessError: the worker ended with exit code 3 and without an answer"),
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
def test_a_killed_server_costs_one_case():
    function_benchmark().run()
    victim = client.workers(FUNCTIONS)._process._process.pid
    killer = threading.Timer(1.0, os.kill, (victim, signal.SIGKILL))
    killer.start()
    assert list(function_benchmark(models=["hangs", "fine"]).run().frame["status"]) == ["crashed", "ok"]
    assert not runs(victim)


@linux
def test_another_environment_gets_another_server(monkeypatch):
    before = server()
    monkeypatch.setenv("UNRELATED_VARIABLE", "1")
    assert server() is before
    monkeypatch.setenv("MKL_NUM_THREADS", "1")
    assert server() is not before


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


INTERRUPTED = """
    import os, signal, sys, threading, time
    import psutil
    from support.function_models import function_benchmark
    benchmark = function_benchmark(models=["fine", "hangs"])
    def interrupt():
        while not benchmark.results.entries:
            time.sleep(0.05)
        time.sleep(0.5)
        global pressed
        pressed = time.monotonic()
        os.kill(os.getpid(), signal.SIGINT)
    threading.Thread(target=interrupt).start()
    try:
        benchmark.run()
    except KeyboardInterrupt:
        print(time.monotonic() - pressed < 10.0)
    children = [p for p in psutil.Process().children(recursive=True) if p.status() != "zombie"]
    print(len(children) <= 1, list(benchmark.results.frame["status"]))
"""


@linux
def test_an_interrupt_ends_the_case_soon_and_keeps_what_is_finished():
    done = run_script(INTERRUPTED)
    # Of the processes, the server may stay for the next run.
    assert done.stdout.splitlines() == ["True", "True ['ok', 'cancelled']"], done.stderr


def test_a_run_is_cancelled_from_another_thread():
    benchmark = PyTorchBenchmark(short(models=["fine", "hangs"]), configs=[tiny_bert(), FaultyConfig("hangs")])
    thread = threading.Thread(target=benchmark.run)
    thread.start()
    assert wait_until(lambda: len(benchmark.results.entries) == 1, 60)
    time.sleep(0.3)
    benchmark.cancel()
    thread.join(2.0)
    assert not thread.is_alive()
    assert list(benchmark.results.frame["status"]) == ["ok", "cancelled"]


def test_a_cancel_ends_its_own_run_alone():
    first, second = (function_benchmark(sequence_lengths=[8, 16], max_seconds=0.5, precision=1e-9) for _ in range(2))
    first.run()
    thread = threading.Thread(target=second.run)
    thread.start()
    while thread.is_alive():
        first.cancel()
        thread.join(0.02)
    assert list(second.results.frame["status"]) == ["ok", "ok"]


def test_a_run_that_waits_for_its_turn_is_cancelled_alone():
    holding = PyTorchBenchmark(short(models=["hangs"]), configs=[FaultyConfig("hangs")])
    waiting = PyTorchBenchmark(short(), configs=[tiny_bert()])
    threads = [threading.Thread(target=benchmark.run) for benchmark in (holding, waiting)]
    threads[0].start()
    assert wait_until(lambda: bool(holding.environment_info), 60)
    time.sleep(0.5)
    threads[1].start()
    time.sleep(0.5)
    waiting.cancel()
    threads[1].join(1.0)
    assert [thread.is_alive() for thread in threads] == [True, False]
    holding.cancel()
    threads[0].join(2.0)
    assert not threads[0].is_alive()


def test_a_run_is_cancelled_while_the_server_starts(tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text("import time; time.sleep(2)\n")  # as long as a framework's import takes
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    benchmark = function_benchmark()
    thread = threading.Thread(target=benchmark.run)
    thread.start()
    time.sleep(0.3)
    benchmark.cancel()
    thread.join(1.0)
    assert not thread.is_alive()
    assert benchmark.results.entries == ()
    assert list(benchmark.run().frame["status"]) == ["ok"]


@linux
def test_nothing_is_left_when_the_caller_is_killed():
    code = """
        import os, threading, time
        from support import light
        from support.models import short
        from hfbench_nb import PyTorchBenchmark
        import psutil
        def tell():
            while len(psutil.Process().children(recursive=True)) < 3:
                time.sleep(0.05)
            print(*[p.pid for p in psutil.Process().children(recursive=True)], flush=True)
        threading.Thread(target=tell).start()
        PyTorchBenchmark(short(models=[light.bert()], max_seconds=3600.0, repeat=10**9, memory=False)).run()
    """
    caller = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True, cwd=TESTS
    )
    with caller:
        processes = [int(pid) for pid in caller.stdout.readline().split()]
        caller.kill()
    assert len(processes) == 3  # server, the model type's server, worker
    assert wait_until(lambda: not any(runs(pid) for pid in processes), 2.0)


@linux
def test_the_servers_end_when_they_have_been_idle(monkeypatch):
    monkeypatch.setattr("hfbench_nb.execution.process.IDLE_S", 0.3)
    idle = client.WorkerServer(FRAMEWORKS["Python"], None, None)  # whatever the framework: this one starts at once
    idle.environment(Settings(), Method(), Cancellation())
    assert wait_until(lambda: not idle.is_alive())
    assert idle.environment(Settings(), Method(), Cancellation())["framework"] == "Python"  # started again
    client.close_all()
    assert not idle.is_alive()


@linux
def test_a_server_that_is_just_starting_is_closed_too(tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text("import time; time.sleep(60)\n")  # a framework's import, only longer
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    errors = []

    def ask():
        try:
            client.workers(FRAMEWORKS["Python"]).environment(Settings(), Method(), Cancellation())
        except IsolationError as error:
            errors.append(error)

    client.close_all()
    thread = threading.Thread(target=ask)
    thread.start()
    assert wait_until(lambda: psutil.Process().children())
    started = psutil.Process().children()
    client.close_all()
    assert not [process for process in started if runs(process.pid)]
    thread.join(10.0)
    told = "The worker for Python did not start: the worker was ended by SIGKILL"
    assert [str(error).startswith(told) for error in errors] == [True]


@linux
def test_a_case_is_the_first_victim_of_the_kernels_out_of_memory_killer():
    run([tiny_bert()])
    thread = threading.Thread(target=run, args=([FaultyConfig("hangs")],), kwargs={"timeout_s": 3.0})
    thread.start()

    def scores():
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(OSError):
                yield open(f"/proc/{process.pid}/oom_score_adj").read().strip()

    assert wait_until(lambda: "1000" in list(scores()), 30.0)
    assert open("/proc/self/oom_score_adj").read().strip() != "1000"
    thread.join()


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
