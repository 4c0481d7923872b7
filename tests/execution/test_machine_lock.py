"""Runs at the same time: they alternate, tell it, and nobody waits for the dead."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.function_models import function_benchmark
from support.functions_backend import wants_to_be_alone
from support.places import TESTS
from support.processes import wait_until

from hfbench_nb import measure
from hfbench_nb.execution.displays import NoDisplay
from hfbench_nb.execution.machine_lock import preparing
from hfbench_nb.storage.locks import Lock

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="nothing is locked on Windows"),
    pytest.mark.xdist_group("measuring"),
]

HOLD = """
    import sys, time
    from pathlib import Path
    from hfbench_nb.storage.locks import Lock
    lock = Lock(Path(sys.argv[1]))
    print(lock.take(), lock.holder(), flush=True)
    time.sleep(60)
"""


def start_script(code, *arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=TESTS, **options,
    )  # fmt: skip


@contextlib.contextmanager
def held_by_another(path):
    with start_script(HOLD, path) as process:
        try:
            assert process.stdout.readline() == f"True {process.pid}\n", process.stderr.read()
            yield process
        finally:
            process.kill()


def measuring():
    return Path(tempfile.gettempdir()) / "hfbench_nb-measuring.lock"


def tiny(**given):
    return function_benchmark(memory=False, **given)


@contextlib.contextmanager
def in_thread(function):
    """Run a function in a thread; return what it returns, and what was warned of."""
    done = {}
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        thread = threading.Thread(target=lambda: done.update(results=function()))
        thread.start()
        yield done, warned
        thread.join(60)
    assert not thread.is_alive()


ALONE = """
    import sys
    from support.alone import alone
    from hfbench_nb import measure
    place, name = sys.argv[1:]
    runs = [measure(lambda: alone(place, name), max_seconds=0.05, memory=False) for _ in range(5)]
    print([run.frame["status"][0] for run in runs])
"""


def turns_taken(place):
    names = (place / "log").read_text().split()
    return [name for name, before in zip(names, [None, *names], strict=False) if name != before]


def test_two_processes_take_turns(tmp_path):
    with start_script(ALONE, tmp_path, "one") as one, start_script(ALONE, tmp_path, "two") as two:
        told = [process.communicate(timeout=120) for process in (one, two)]
    assert [out for out, _ in told] == [f"{['ok'] * 5}\n"] * 2, told
    assert len(turns_taken(tmp_path)) > 4
    warned = [err.count("is measuring on this machine: the runs alternate, case by case") for _, err in told]
    assert sum(warned) >= 1
    assert max(warned) <= 5  # once per run
    processes = {f"Another run (process {other.pid})" for other in (one, two)}
    assert any(process in err for process in processes for _, err in told)


def test_two_threads_of_one_kernel_take_turns(tmp_path):
    def run(name):
        factory = wants_to_be_alone(str(tmp_path), name)
        benchmark = function_benchmark(factory, sequence_lengths=[1, 2, 3, 4, 5], memory=False, max_seconds=0.2)
        assert name == "one" or wait_until((tmp_path / "log").exists, 30)  # there is another run by now
        return benchmark.run()

    tiny().run()  # starts the server
    with ThreadPoolExecutor(2) as pool, in_thread(lambda: list(pool.map(run, ("one", "two")))) as (done, warned):
        pass
    assert [list(results.frame["status"]) for results in done["results"]] == [["ok"] * 5] * 2
    assert len(turns_taken(tmp_path)) > 4
    assert 1 <= len(warned) <= 2
    assert f"Another run (process {os.getpid()}) is measuring on this machine" in str(warned[0].message)


def test_waiting_is_told_once_and_is_no_part_of_the_time_limit(capsys):
    tiny().run()
    benchmark = tiny(timeout_s=2.0, sequence_lengths=[8, 16], verbose=True)
    with held_by_another(measuring()) as other, in_thread(benchmark.run) as (done, warned):
        time.sleep(2.5)
        assert done == {}
        other.kill()
    assert list(done["results"].frame["status"]) == ["ok", "ok"]
    assert [str(warning.message) for warning in warned] == [
        f"Another run (process {other.pid}) is measuring on this machine: the runs alternate, case by case, so that "
        "they do not disturb each other's measurements."
    ]
    assert warned[0].filename == __file__
    assert capsys.readouterr().err.count(f"waiting for another run (process {other.pid})") == 1


class Shown(NoDisplay):
    """Keeps what is shown."""

    def __init__(self):
        self.texts = []

    def show(self, done, total, text):
        self.texts.append(text)


def test_in_a_notebook_waiting_is_a_note_in_the_progress_and_no_warning(monkeypatch):
    monkeypatch.setattr("hfbench_nb.execution.machine_lock.in_notebook", lambda: True)
    tiny().run()
    shown = Shown()
    with held_by_another(measuring()) as other, in_thread(lambda: tiny().run(display=shown)) as (done, warned):
        assert wait_until(lambda: any(f"waiting for another run (process {other.pid})" in t for t in shown.texts), 30)
        other.kill()
    assert list(done["results"].frame["status"]) == ["ok"]
    assert [str(warning.message) for warning in warned] == []


def test_what_is_prepared_for_a_run_is_no_other_run():
    tiny().run()
    shown = Shown()
    held = contextlib.ExitStack()
    assert held.enter_context(preparing())
    with held, in_thread(lambda: tiny().run(display=shown)) as (done, warned):
        with preparing() as is_free:
            assert not is_free
        assert wait_until(lambda: shown.texts, 30)
        time.sleep(0.3)
        assert done == {}
        assert set(shown.texts) == {"starting the worker server"}
        held.close()
    assert list(done["results"].frame["status"]) == ["ok"]
    assert [str(warning.message) for warning in warned] == []


@pytest.mark.parametrize("is_seen", [True, False])
def test_what_is_prepared_is_no_other_run_either_if_it_ends_while_its_process_is_looked_for(monkeypatch, is_seen):
    tiny().run()
    shown = Shown()
    held = contextlib.ExitStack()
    find = Lock.holder

    def find_while_it_ends(lock):
        found = find(lock) if is_seen else None
        held.close()
        return found if is_seen else find(lock)

    monkeypatch.setattr(Lock, "holder", find_while_it_ends)
    assert held.enter_context(preparing())
    with held, in_thread(lambda: tiny().run(display=shown)) as (done, warned):
        assert wait_until(lambda: "results" in done, 30)
    assert list(done["results"].frame["status"]) == ["ok"]
    assert shown.texts[0] == "starting the worker server"
    assert not [text for text in shown.texts if "another run" in text]
    assert [str(warning.message) for warning in warned] == []


def test_a_function_waits_for_its_turn_too():
    with held_by_another(measuring()) as other, in_thread(lambda: measure(len, setup=list, max_seconds=0.05)) as seen:
        done, warned = seen
        assert wait_until(lambda: len(warned) == 1, 30)
        other.kill()
    assert list(done["results"].frame["status"]) == ["ok"]


def test_a_run_that_waits_can_be_cancelled():
    benchmark = tiny()
    with held_by_another(measuring()), in_thread(benchmark.run) as (done, warned):
        assert wait_until(lambda: len(warned) == 1, 30)
        benchmark.cancel()
        assert wait_until(lambda: "results" in done)
        assert done["results"].entries == ()


def test_a_run_that_waits_can_be_interrupted():
    code = """
        from hfbench_nb import measure
        measure(len, setup=list)
    """
    with held_by_another(measuring()), start_script(code) as script:
        assert "is measuring on this machine" in script.stderr.readline()
        script.send_signal(signal.SIGINT)
        _, err = script.communicate(timeout=5)
    assert err.rstrip().endswith("KeyboardInterrupt")


def test_nobody_waits_where_nothing_can_be_locked(monkeypatch, tmp_path):
    with held_by_another(measuring()):
        monkeypatch.setattr(
            "hfbench_nb.execution.machine_lock.tempfile.gettempdir", lambda: str(tmp_path / "not there")
        )
        assert list(tiny().run().frame["status"]) == ["ok"]


def test_a_benchmark_within_what_is_measured_does_not_wait_for_itself():
    def nested():
        return function_benchmark(memory=False).run().frame["status"][0]

    results = measure(lambda: len(nested()), speed=False, timeout_s=100.0)
    assert (results.frame["status"][0], results.frame["error"][0]) == ("ok", "")


def test_a_lock_is_anyones(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root can act for another user")
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    folder.chmod(0o1777)
    before = os.umask(0o077)
    mine = Lock(folder / "lock")
    os.umask(before)
    assert mine.take()
    mine.close()
    readable, writable = os.pipe()
    other = os.fork()
    if other == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        lock = Lock(folder / "lock")
        os.write(writable, str((lock.take(), lock.holder())).encode())
        time.sleep(60)
        os._exit(0)
    try:
        assert os.read(readable, 100).decode() == f"(True, {other})"
        mine = Lock(folder / "lock")
        assert not mine.take()
        os.kill(other, signal.SIGKILL)
        assert wait_until(mine.take)
    finally:
        os.kill(other, signal.SIGKILL)
        os.waitpid(other, 0)
        mine.close()
        shutil.rmtree(folder)
