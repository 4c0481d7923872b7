"""Runs on the machines of a Dask cluster: schedulers and workers in processes, on 127.0.0.1."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading

import psutil
import pytest
from support.dask_processes import SIZES, connected, dask_processes, hosts, run
from support.function_models import function_benchmark
from support.models import tiny_bert
from support.places import TESTS
from support.processes import wait_until

from hfbench_nb import ArgumentError, PyTorchBenchmark, PyTorchBenchmarkArguments, load_results
from hfbench_nb.execution import dask_cluster, dask_discovery, dask_worker
from hfbench_nb.execution.displays import NoDisplay
from hfbench_nb.execution.executors import make_executor
from hfbench_nb.frontends.options import parse
from hfbench_nb.protocol.errors import IsolationError

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="processes are ended by signals"),
    pytest.mark.xdist_group("measuring"),
    pytest.mark.timeout(120),
    pytest.mark.usefixtures("brief"),
]

distributed = pytest.importorskip("distributed", reason="Dask is not installed: hfbench-nb[dask]")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Two machines, which no test ends."""
    with dask_processes(tmp_path_factory.mktemp("cluster"), "a", "b") as processes, connected(processes, 2) as client:
        processes.client = client
        yield processes


def measuring_processes():
    """Return the processes that measure on any worker: those that worker servers have forked."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or [])
        if "hfbench_nb.worker.server" in line and "support.functions_backend" in line:
            with contextlib.suppress(psutil.NoSuchProcess):
                found += process.children()
    return found


# ---- how cases are spread


def test_machines_share_the_cases_and_rows_come_in_the_order_of_the_sweep(cluster, tmp_path):
    told = []
    benchmark = function_benchmark(sequence_lengths=SIZES, rounds=2)
    results = run(benchmark, cluster.client, folder=tmp_path / "run", on_case=lambda *given: told.append(given))
    assert list(results.frame["sequence_length"]) == SIZES
    assert set(results.frame["status"]) == {"ok"}
    assert set(hosts(results)) == {"a", "b"}
    assert len(told) == 2 * len(SIZES)
    # Rounds of one case stay on one machine, which its environment names; labels do not split the model.
    for row in results:
        assert {part.resolved["host"] for part in row.measurement.each_round} == {row.environment["host"]}
    assert set(results.labels) == {"fine"}
    kept = load_results(tmp_path / "run").frame.sort_values("sequence_length", ignore_index=True)
    assert kept.equals(results.frame)
    # Nothing is kept on the machines for a run that is over.
    in_use = lambda: set(cluster.client.run(lambda: len(dask_worker._executor._used)).values())  # noqa: E731
    assert wait_until(lambda: in_use() == {0}, 10.0)


def test_every_machine_can_measure_everything(cluster):
    results = run(function_benchmark(sequence_lengths=[8, 16]), cluster.client, spread="hosts")
    assert list(results.frame["sequence_length"]) == [8, 8, 16, 16]
    assert hosts(results) == ["a", "b"] * 2
    assert len(set(results.labels)) == 2
    for name in "ab":
        assert any(f"/{name}]" in label for label in results.labels)
    name = results.frame["host"][0]
    assert len(results.relative(to={"host": name}).frame) == 2


def test_workers_that_share_a_machine_lock_are_one_machine(tmp_path):
    with dask_processes(tmp_path / "cluster", "a") as processes:
        processes.add("same", machine="a")
        with connected(processes, 2) as client:
            machines = make_executor(client).machines()
            assert len(machines) == 1


def test_two_hundred_cases_on_two_machines(cluster, tmp_path):
    results = run(
        function_benchmark(sequence_lengths=range(1, 201), memory=False, max_seconds=0.005),
        cluster.client,
        folder=tmp_path / "r",
    )
    assert set(results.frame["status"]) == {"ok"}
    assert len(results) == 200
    assert min(hosts(results).count(name) for name in "ab") > 40
    assert (tmp_path / "r" / "results.jsonl").read_text().count("\n") == 201


def test_a_model_of_pytorch_with_its_profile(cluster):
    args = PyTorchBenchmarkArguments(
        models=["tiny"], batch_sizes=[1], sequence_lengths=[8], max_seconds=0.05, rounds=1, profile=True
    )
    (row,) = run(PyTorchBenchmark(args, configs=[tiny_bert()]), cluster.client)
    assert row.measurement.status == "ok", row.measurement.failure
    assert os.path.getsize(row.measurement.profile.trace) > 0
    assert row.measurement.metrics["flops"] > 0


def test_threads_are_not_limited_by_the_nanny(tmp_path):
    with dask_processes(tmp_path / "cluster") as processes:
        processes.add("a", "--nanny")
        with connected(processes, 1) as client:
            make_executor(client).machines()
            found = client.run(lambda: os.environ.get("MALLOC_TRIM_THRESHOLD_"))
            assert list(found.values()) == [None]


def test_two_notebooks_alternate_on_a_machine(cluster):
    """A worker measures one case at a time, whoever asks."""
    told = []

    class Told(NoDisplay):
        def show(self, done, total, text):
            told.append(text)

    first = function_benchmark(models=["hangs"], sequence_lengths=[8, 16])
    with threading_run(first, cluster.client):
        assert wait_until(lambda: len(measuring_processes()) == 2, 30.0)
        with connected(cluster, 2) as other:
            second = function_benchmark()
            thread = threading.Thread(target=lambda: second.run(executor=other, display=Told()))
            thread.start()
            assert wait_until(lambda: any("where another run may be measuring" in text for text in told), 20.0)
            first.cancel()
            thread.join(30)
    assert list(second.results.frame["status"]) == ["ok"]


# ---- what goes wrong


SCRIPT = """
import sys
from support.function_models import function_benchmark
benchmark = function_benchmark(models=["hangs"], sequence_lengths=[8, 16])
benchmark.run(executor=sys.argv[1])
"""


def test_a_notebook_that_is_gone_ends_its_measurements(cluster):
    assert wait_until(lambda: not measuring_processes())
    with subprocess.Popen([sys.executable, "-c", SCRIPT, cluster.address], cwd=TESTS) as notebook:
        try:
            assert wait_until(lambda: len(measuring_processes()) == 2, 30.0)
        finally:
            notebook.kill()
    assert wait_until(lambda: not measuring_processes(), 20.0)
    assert list(run(function_benchmark(), cluster.client).frame["status"]) == ["ok"]


def test_cancel_ends_the_measurements_on_every_machine(cluster):
    benchmark = function_benchmark(models=["hangs"], sequence_lengths=SIZES)
    with threading_run(benchmark, cluster.client) as results:
        assert wait_until(lambda: len(measuring_processes()) == 2, 30.0)
        benchmark.cancel()
    assert list(results()["status"]) == ["cancelled", "cancelled"]
    assert wait_until(lambda: not measuring_processes())


class threading_run:  # noqa: N801 - used as a function
    """Run a benchmark in a thread, and wait for its end."""

    def __init__(self, benchmark, client):
        self._thread = threading.Thread(target=lambda: run(benchmark, client), daemon=True)
        self._benchmark = benchmark

    def __enter__(self):
        self._thread.start()
        return lambda: self._benchmark.results.frame

    def __exit__(self, *_):
        self._thread.join(30)
        assert not self._thread.is_alive()


def test_an_interrupted_run_is_resumed(cluster, tmp_path):
    count = 0

    def interrupt(case, measurement):
        nonlocal count
        count += 1
        if count == 3:
            raise KeyboardInterrupt

    benchmark = function_benchmark(sequence_lengths=range(1, 21))
    with pytest.raises(KeyboardInterrupt, match=r"Interrupted: \d+ of 20 cases are measured"):
        run(benchmark, cluster.client, folder=tmp_path / "run", on_case=interrupt)
    before = (tmp_path / "run" / "results.jsonl").read_text().splitlines()
    told = []
    again = function_benchmark(sequence_lengths=range(1, 21))
    results = run(again, cluster.client, resume=tmp_path / "run", on_case=lambda case, _: told.append(case))
    assert list(results.frame["status"]) == ["ok"] * 20
    assert 16 <= len(told) <= 17
    assert len(before) >= 4


def test_a_run_that_was_begun_here_is_not_resumed_on_a_cluster(cluster, tmp_path):
    function_benchmark().run(tmp_path / "run", display=NoDisplay())
    with pytest.raises(ArgumentError, match=r"host \('none' in the journal, '.*/a' now\)"):
        run(function_benchmark(), cluster.client, resume=tmp_path / "run")


# ---- what can be asked for


def test_without_dask_the_error_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(IsolationError, match=r"needs Dask, which is not installed: pip install 'hfbench-nb\[dask\]'"):
        make_executor("tcp://127.0.0.1:1")


def test_a_scheduler_that_does_not_answer(monkeypatch):
    monkeypatch.setattr(dask_cluster, "CONNECT_TIMEOUT_S", 0.5)
    with pytest.raises(IsolationError, match=r"The scheduler tcp://127\.0\.0\.1:9 does not answer"):
        make_executor("tcp://127.0.0.1:9")


def test_workers_of_another_version_are_left_out(cluster, monkeypatch):
    monkeypatch.setattr(dask_discovery, "tool_version", lambda: "0.0.1")
    with pytest.warns(UserWarning, match="are left out"), pytest.raises(IsolationError, match=r"0\.0\.1 here"):
        make_executor(cluster.client).machines()


def test_what_is_no_client_that_works_is_refused(cluster):
    with connected(cluster, 2) as closed:
        pass
    for client in (closed, distributed.Future("key", closed)):
        with pytest.raises(ArgumentError, match="a client of Dask that is connected and not asynchronous"):
            make_executor(client)
    with pytest.raises(ArgumentError, match="multi_process=False cannot be used"):
        run(function_benchmark(multi_process=False), cluster.client)


def test_hosts_need_a_cluster():
    with pytest.raises(ArgumentError, match="spread='hosts' cannot be used"):
        function_benchmark().run(spread="hosts")
    with pytest.raises(ArgumentError, match="spread='machines' cannot be used: spread must be 'cases' or 'hosts'"):
        function_benchmark().run(spread="machines")


def test_the_shell_takes_a_scheduler():
    command = parse(["pytorch", "--models", "gpt2", "--scheduler", "tcp://node-1:8786", "--spread", "hosts"])
    assert command.of_run == {"executor": "tcp://node-1:8786", "spread": "hosts", "folder": None, "resume": None}
    with pytest.raises(ArgumentError, match=r"scheduler='node-1:8786' cannot be used"):
        parse(["pytorch", "--models", "gpt2", "--scheduler", "node-1:8786"])
    with pytest.raises(ArgumentError, match="contradict each other"):
        parse(["pytorch", "--models", "gpt2", "--scheduler", "tcp://a:1", "--executor", "fresh"])
    with pytest.raises(ArgumentError, match="spread='hosts' cannot be used.*unless scheduler names a cluster"):
        parse(["pytorch", "--models", "gpt2", "--spread", "hosts"])
