"""What may go wrong around a case, with real processes: which row it costs, and that nothing else is lost."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
import textwrap
import threading
import time
from pathlib import Path

import psutil
import pytest
from jupyter_client.manager import start_new_kernel
from support.faulty import FaultyConfig
from support.function_models import FUNCTIONS, function_benchmark
from support.model_runs import descendants, run, server_pid
from support.models import short, tiny_bert
from support.places import TESTS
from support.processes import run_script, runs, wait_until

from hfbench_nb import IsolationError, PyTorchBenchmark
from hfbench_nb.execution import servers as client
from hfbench_nb.storage.journal import Journal

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="limits, mounts and signals as Linux has them"),
    pytest.mark.xdist_group("measuring"),
]

NO_ANSWER = "ProcessError: the worker ended with exit code 1 and without a reply"

# Those that tests/execution/test_isolation.py has not.
FAULTS = {
    "stops_itself": ("timeout", "TimeoutError: the case took longer than timeout_s=2 seconds and was ended"),
    "fills_its_address_space": ("oom", "can't allocate memory"),
    "closes_its_pipe": ("crashed", NO_ANSWER),
    "closes_everything": ("crashed", NO_ANSWER),
    "writes_into_its_pipe": ("ok", ""),
    "forks": ("ok", ""),
    "forks_and_hangs": ("timeout", "TimeoutError: the case took longer than timeout_s=2 seconds and was ended"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_case_costs_its_row_alone_and_leaves_no_process(fault, tmp_path):
    status, message = FAULTS[fault]
    run([FaultyConfig()])
    server = server_pid()
    if status == "oom":  # the row also has an estimate, whose server stays
        PyTorchBenchmark(short(), configs=[FaultyConfig()]).estimate()
    before = descendants()
    results = run([FaultyConfig(), FaultyConfig(fault, str(tmp_path)), FaultyConfig()], timeout_s=2.0)
    assert list(results.frame["status"]) == ["ok", status, "ok"]
    assert message in results.frame["error"][1]
    assert results.frame["time_s"].notna().tolist() == [True, status == "ok", True]
    assert server_pid() == server
    assert descendants() == before
    if (tmp_path / "daemon").exists():
        assert not runs(int((tmp_path / "daemon").read_text()))
    assert list(run([FaultyConfig()]).frame["status"]) == ["ok"]


def test_a_closed_pipe_is_told_in_the_log_of_the_failure():
    failure = run([FaultyConfig("closes_its_pipe")]).entries[0][1].failure
    assert "Bad file descriptor" in failure.log


@pytest.fixture
def small_cgroup():
    """Make a control group in which 1 GB of memory may be used; skip the test where that is not allowed."""
    own = next((line.strip().split(":")[2] for line in open("/proc/self/cgroup") if ":memory:" in line), None)
    limit, parent = "memory.limit_in_bytes", Path(f"/sys/fs/cgroup/memory{own}")
    if own is None:
        own = open("/proc/self/cgroup").readline().strip().split(":")[2]
        limit, parent = "memory.max", Path(f"/sys/fs/cgroup{own}")
    group = parent / f"hfbench-test-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error}")
    try:
        try:
            (group / limit).write_text(str(1 << 30))
            (group / "cgroup.procs").read_text()
        except OSError as error:
            pytest.skip(f"memory cannot be limited here: {error}")
        yield group
        assert wait_until(lambda: not (group / "cgroup.procs").read_text().strip())
    finally:
        with contextlib.suppress(OSError):
            group.rmdir()


def test_the_kernels_out_of_memory_killer_costs_one_case(small_cgroup):
    code = """
        import os, sys
        open(sys.argv[1] + "/cgroup.procs", "w").write(str(os.getpid()))
        from hfbench_nb import measure
        def fill_the_machine():
            held = []
            while True:
                held.append(bytearray(b"x") * (8 << 20))
        rows = [measure(function).frame.iloc[0] for function in (list, fill_the_machine, list)]
        print([row["status"] for row in rows], rows[1]["error"])
    """
    done = run_script(code, small_cgroup)
    message = "MemoryError: the kernel's out-of-memory killer ended the worker"
    assert done.stdout == f"['ok', 'oom', 'ok'] {message}\n", done.stderr


def test_a_server_that_is_killed_while_a_daemon_of_its_case_lives_costs_one_case(tmp_path):
    run([FaultyConfig()])
    victim = psutil.Process(server_pid())
    left = []

    def kill():
        assert wait_until(
            lambda: len(victim.children(recursive=True)) >= 4, 30
        )  # the model type's server, worker, sleep, daemon
        left.extend(victim.children(recursive=True))
        victim.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    started = time.monotonic()
    results = run([FaultyConfig("forks_and_hangs", str(tmp_path)), FaultyConfig()], timeout_s=90.0)
    killer.join()
    assert time.monotonic() - started < 80
    assert list(results.frame["status"]) == ["crashed", "ok"]
    assert results.frame["error"][0] == "ProcessError: the worker was ended by SIGKILL"
    assert len(left) >= 4
    assert wait_until(lambda: not any(runs(process.pid) for process in left), 2.0)


def test_a_server_that_is_killed_between_two_cases_costs_none(monkeypatch):
    function_benchmark().run()
    victim = server_pid(FUNCTIONS)
    add = Journal.add

    def add_and_kill(self, *entry):
        add(self, *entry)
        if runs(victim):
            os.kill(victim, signal.SIGKILL)
            assert wait_until(lambda: not runs(victim))
            time.sleep(0.1)

    monkeypatch.setattr(Journal, "add", add_and_kill)
    assert list(function_benchmark(sequence_lengths=[8, 16]).run().frame["status"]) == ["ok", "ok"]
    assert server_pid(FUNCTIONS) != victim


def test_a_server_that_cannot_be_started_is_one_clear_error(monkeypatch, tmp_path):
    monkeypatch.setattr(client, "_servers", {})
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    with pytest.raises(IsolationError, match="The worker for PyTorch cannot be started: .*No such file"):
        run([tiny_bert()])


def reply(kernel, message_id):
    while True:
        message = kernel.get_shell_msg(timeout=60)
        if message["parent_header"]["msg_id"] == message_id:
            return message["content"]


def test_an_interrupted_kernel_keeps_what_is_finished_and_measures_again():
    manager, kernel = start_new_kernel(cwd=TESTS)
    try:
        code = """
            from support.function_models import function_benchmark
            benchmark = function_benchmark(models=["fine", "hangs"])
            benchmark.run();
        """
        running = kernel.execute(textwrap.dedent(code), stop_on_error=False)
        shown = ""
        while not re.search(r"building: hangs|memory: hangs", shown):
            shown = str(kernel.get_iopub_msg(timeout=60)["content"])
        time.sleep(0.3)
        manager.interrupt_kernel()
        assert reply(kernel, running)["ename"] == "RunInterrupted"
        running = kernel.execute(
            "first = list(benchmark.results.frame['status']); again = function_benchmark()",
            user_expressions={"both": "first, list(again.run().frame['status'])"},
        )
        told = reply(kernel, running)["user_expressions"]["both"]
        assert told["data"]["text/plain"] == "(['ok', 'cancelled'], ['ok'])"
    finally:
        kernel.stop_channels()
        manager.shutdown_kernel(now=True)
