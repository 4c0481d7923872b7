"""Machines of a Dask cluster that are lost, come back or do not answer; in processes, on 127.0.0.1."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

import psutil
import pytest
from support.dask_processes import SIZES, connected, dask_processes, hosts, run
from support.function_models import function_benchmark
from support.processes import wait_until

from hfbench_nb import ArgumentError, load_results
from hfbench_nb.execution import dask_machine
from hfbench_nb.execution.displays import NoDisplay
from hfbench_nb.protocol.errors import IsolationError

pytest.importorskip("distributed", reason="Dask is not installed: hfbench-nb[dask]")

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="processes are ended by signals"),
    pytest.mark.xdist_group("measuring"),
    pytest.mark.timeout(120),
    pytest.mark.usefixtures("brief"),
]


@pytest.fixture
def own_cluster(tmp_path):
    """Two machines of the test's own, which it may end."""
    with dask_processes(tmp_path / "cluster", "a", "b") as processes, connected(processes, 2) as client:
        processes.client = client
        yield processes


def test_a_worker_that_is_killed_costs_no_case(own_cluster):
    begun = threading.Event()

    def kill(case, measurement):
        if not begun.is_set():
            begun.set()
            own_cluster.workers["a"].kill()

    benchmark = function_benchmark(sequence_lengths=range(1, 31))
    with pytest.warns(UserWarning, match=r"No Dask worker is left on .*/a"):
        results = run(benchmark, own_cluster.client, on_case=kill)
    assert set(results.frame["status"]) == {"ok"}
    assert len(results) == 30


def test_a_case_that_ends_every_worker_is_a_row(own_cluster):
    def kill_the_worker():
        ancestors = psutil.Process().parents()
        next(p for p in ancestors if "dask_worker" in " ".join(p.cmdline())).kill()
        time.sleep(60)

    benchmark = function_benchmark(lambda: kill_the_worker, models=["fatal"], sequence_lengths=[8])
    own_cluster.add("c")
    own_cluster.client.wait_for_workers(3, timeout=60)
    with pytest.warns(UserWarning, match="No Dask worker is left"):
        results = run(benchmark, own_cluster.client)
    (row,) = results
    assert row.measurement.status == "crashed"
    assert "was lost while it measured this case" in str(row.measurement.failure)


def test_a_nanny_brings_its_worker_back(tmp_path, monkeypatch):
    monkeypatch.setattr(dask_machine, "RETURN_TIMEOUT_S", 30.0)
    with dask_processes(tmp_path / "cluster") as processes:
        processes.add("a", "--nanny")
        with connected(processes, 1) as client:
            (pid,) = client.run(os.getpid).values()
            killed = threading.Event()

            def kill(case, measurement):
                if not killed.is_set():
                    killed.set()
                    os.kill(pid, signal.SIGKILL)

            results = run(function_benchmark(sequence_lengths=SIZES), client, on_case=kill)
    assert list(results.frame["status"]) == ["ok"] * 4


def test_where_every_machine_must_measure_a_lost_one_leaves_rows_that_say_so(own_cluster):
    def kill(case, measurement):
        own_cluster.workers["a"].kill()

    with pytest.warns(UserWarning, match="No Dask worker is left"):
        results = run(function_benchmark(sequence_lengths=SIZES), own_cluster.client, spread="hosts", on_case=kill)
    of_b = results.frame[results.frame["host"].str.endswith("/b")]
    assert list(of_b["status"]) == ["ok"] * 4
    of_a = results.frame[results.frame["host"].str.endswith("/a")]
    assert "error" in set(of_a["status"])
    assert len(of_a) == 4


def test_a_run_ends_where_the_scheduler_is_gone_and_keeps_what_is_measured(own_cluster, tmp_path):
    def kill(case, measurement):
        if case.sequence_length == 3:
            own_cluster.scheduler.kill()

    benchmark = function_benchmark(sequence_lengths=range(1, 201))
    told = r"The scheduler of the cluster has not answered for 1 s\. \d+ of 200 cases are measured\. .*load_results"
    with pytest.raises(IsolationError, match=told):
        run(benchmark, own_cluster.client, on_case=kill, folder=tmp_path / "run")
    kept = load_results(tmp_path / "run")
    assert 3 <= len(kept) < 200
    assert set(kept.frame["status"]) == {"ok"}
    assert len(benchmark.results) == len(kept)


def test_a_case_is_continued_on_another_machine_where_that_which_began_it_is_gone(own_cluster, tmp_path):
    args = {"sequence_lengths": SIZES, "rounds": 3}

    def interrupt(case, measurement):
        if case.sequence_length == SIZES[-1]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(function_benchmark(**args), own_cluster.client, folder=tmp_path / "run", on_case=interrupt)
    own_cluster.workers["a"].kill()
    assert wait_until(lambda: len(own_cluster.client.nthreads()) == 1, 20.0)
    results = run(function_benchmark(**args), own_cluster.client, resume=tmp_path / "run")
    assert [len(row.measurement.each_round) for row in results] == [3] * 4
    assert set(results.frame["status"]) == {"ok"}
    with pytest.raises(
        ArgumentError, match=r"host \(.*/b' in the journal, 'none' now\)|host \(.*/a' in the journal, 'n"
    ):
        function_benchmark(**args).run(resume=tmp_path / "run", display=NoDisplay())


def test_a_frozen_worker_is_left_out(own_cluster, monkeypatch):
    own_cluster.workers["a"].send_signal(signal.SIGSTOP)
    try:
        with pytest.warns(UserWarning, match=r"left out: .*TimeoutError: no answer within 1 s"):
            results = run(function_benchmark(), own_cluster.client)
    finally:
        own_cluster.workers["a"].send_signal(signal.SIGCONT)
    assert hosts(results) == ["b"]
