"""What may go wrong around a case, with real processes: which row it costs, and that nothing else is lost."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import resource
import signal
import subprocess
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
from support.models import short, tiny_bert
from support.places import TESTS
from support.processes import run_script, runs, wait_until

import hfbench_nb
from hfbench_nb import ArgumentError, IsolationError, PyTorchBenchmark, load_results
from hfbench_nb.arguments.frameworks import FRAMEWORKS
from hfbench_nb.execution import servers as client
from hfbench_nb.storage.journal import Journal

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="limits, mounts and signals as Linux has them"),
    pytest.mark.xdist_group("measuring"),
]


def run(configs, folder=None, resume=None, **given):
    names = [f"model-{i}" for i in range(len(configs))]
    return PyTorchBenchmark(short(models=names, **given), configs=configs).run(folder, resume)


def server_pid(framework=FRAMEWORKS["PyTorch"]):
    return client.workers(framework)._process._process.pid


def descendants():
    return {p.pid for p in psutil.Process().children(recursive=True) if p.status() != psutil.STATUS_ZOMBIE}


@pytest.fixture
def mounted(tmp_path):
    """Mount small file systems; without the right to, the test is skipped."""
    mounts = []

    def mount(name, *options):
        folder = tmp_path / name
        folder.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", folder], capture_output=True)
        if done.returncode:
            pytest.skip(f"nothing can be mounted here: {done.stderr.decode().strip()}")
        mounts.append(folder)
        return folder

    yield mount
    for folder in mounts:
        subprocess.run(["umount", "-l", folder], check=True)


NO_ANSWER = "ProcessError: the worker ended with exit code 1 and without an answer"

# Those that tests/test_isolation.py has not.
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
        results = run([tiny_bert()])
    assert warned[0].filename == __file__
    assert list(results.frame["status"]) == ["ok"]
    assert results.folder is None


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
