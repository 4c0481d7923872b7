"""Runs that are interrupted or cancelled, with real processes."""

from __future__ import annotations

import threading
import time

import pytest
from support.faulty import FaultyConfig
from support.function_models import function_benchmark
from support.model_runs import linux
from support.models import short, tiny_bert
from support.processes import run_script, wait_until

from hfbench_nb import PyTorchBenchmark

pytestmark = pytest.mark.xdist_group("measuring")

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
