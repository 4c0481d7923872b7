"""Worker servers: when they are started, and that none is left."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import threading

import psutil
import pytest
from support.faulty import FaultyConfig
from support.function_models import FUNCTIONS, function_benchmark
from support.model_runs import linux, run, server
from support.models import tiny_bert
from support.places import TESTS
from support.processes import runs, wait_until

from hfbench_nb import IsolationError
from hfbench_nb.arguments.frameworks import FRAMEWORKS
from hfbench_nb.execution import servers as client
from hfbench_nb.execution.cancellation import Cancellation
from hfbench_nb.protocol.case import Settings
from hfbench_nb.protocol.request import Method

pytestmark = pytest.mark.xdist_group("measuring")


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
