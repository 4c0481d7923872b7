"""`hfbench_nb.measure`: any function, in a process of its own."""

from __future__ import annotations

import functools
import gc
import os
import sys
import time

import pytest

from hfbench_nb import ArgumentError, IsolationError, load_results, measure
from hfbench_nb.protocol.measurement import MEGABYTE

pytestmark = pytest.mark.quick

BLOCK = 64 * MEGABYTE


def quick(function, **given):
    return measure(function, **{"max_seconds": 0.05, "timeout_s": 60.0, **given})


def row(results):
    assert len(results.frame) == 1
    return results.frame.iloc[0]


def test_a_function_is_a_row_with_time_and_memory():
    results = quick(lambda: sum(range(1000)), name="sum")
    found = row(results)
    assert (found["framework"], found["model"], found["task"], found["status"]) == ("Python", "sum", "function", "ok")
    assert 0 < found["time_ci_low_s"] <= found["time_s"] <= found["time_ci_high_s"]
    assert found["memory_mb"] == pytest.approx(found["baseline_mb"] + found["weights_mb"] + found["working_mb"])
    assert found[["batch_size", "sequence_length"]].isna().all()
    assert found["weights_mb"] == 0


def test_it_runs_in_another_process_and_changes_nothing_here(tmp_path):
    changed = []
    target = tmp_path / "pid"

    def function():
        changed.append(1)
        target.write_text(str(os.getpid()))

    assert row(quick(function))["status"] == "ok"
    assert changed == []
    assert int(target.read_text()) != os.getpid()


def test_the_record_counts_every_call_that_was_made(tmp_path):
    target = tmp_path / "calls"

    def function():
        with open(target, "ab") as file:
            file.write(b".")
        time.sleep(0.001)

    ((_, measurement),) = quick(function).entries
    assert measurement.costs.calls == target.stat().st_size
    assert measurement.costs.calls_s >= sum(measurement.timing.samples_s)


def test_a_slow_call_is_made_no_more_often_than_needed():
    ((_, measurement),) = quick(functools.partial(time.sleep, 0.15)).entries
    assert len(measurement.timing.samples_s) >= 3
    # The first is no sample, and neither is the one in which memory is read.
    assert measurement.costs.calls == 2 + len(measurement.timing.samples_s)


def test_setup_is_outside_the_measurement_and_hands_its_value_over():
    def setup():
        time.sleep(0.3)
        return b"x" * BLOCK

    found = row(quick(lambda data: len(data), setup=setup))
    assert found["time_s"] < 0.1
    assert found["baseline_mb"] > 64
    assert found["working_mb"] < 1


def test_working_memory_is_what_the_calls_need():
    found = row(quick(lambda: bytearray(b"x") * BLOCK, speed=False))
    assert 63.5 < found["working_mb"] < 66
    assert found["samples"] == 0


def test_a_setup_that_returns_nothing_hands_nothing_over():
    found = row(quick(lambda: None, setup=lambda: None))
    assert found["status"] == "ok"


@pytest.mark.parametrize("is_fresh", [False, True])
def test_garbage_is_collected_there_but_not_looked_for_among_what_was_imported(is_fresh, tmp_path, monkeypatch):
    if is_fresh:
        monkeypatch.setenv("HFBENCH_FRESH_INTERPRETER", "1")
    told = tmp_path / "told"

    def tell():
        told.write_text(f"{gc.isenabled()} {gc.get_freeze_count() > 1000}")

    quick(int, setup=tell)
    assert told.read_text() == "True True"


def test_what_a_large_closure_weighs_is_baseline_and_does_not_stay():
    held = os.urandom(BLOCK)
    before = row(quick(lambda: None))
    found = row(quick(lambda: len(held)))
    after = row(quick(lambda: None))
    assert 63 < found["baseline_mb"] - before["baseline_mb"] < 66
    assert found["working_mb"] < 1
    assert after["baseline_mb"] == pytest.approx(before["baseline_mb"], abs=0.5)


def test_a_framework_is_imported_beforehand():
    def function():
        assert "torch" in sys.modules
        import torch

        return torch.ones(8) + 1

    found = row(quick(function, framework="pytorch"))
    assert (found["framework"], found["status"]) == ("PyTorch", "ok")
    assert found["baseline_mb"] > 100


def test_the_working_directory_is_the_callers(tmp_path, monkeypatch):
    quick(lambda: None)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.txt").write_text("here")
    assert row(quick(lambda: open("data.txt").read()))["error"] == ""


def test_functions_without_a_name_of_their_own_get_one():
    assert row(quick(functools.partial(sorted, [2, 1])))["model"] == "sorted"
    assert row(quick("abc".upper))["model"] == "upper"


@pytest.mark.parametrize(
    ("fault", "status", "error"),
    [
        (lambda: 1 / 0, "error", "ZeroDivisionError: division by zero"),
        (lambda: os._exit(3), "crashed", "exit code 3"),
        (lambda: os.kill(os.getpid(), 9), "crashed", "SIGKILL"),
        (lambda: bytearray(1 << 60), "oom", "MemoryError"),
        (lambda: time.sleep(60), "timeout", "timeout_s=1"),
    ],
)
def test_a_failure_is_a_row(fault, status, error):
    found = row(quick(fault, timeout_s=1.0 if status == "timeout" else 60.0))
    assert found["status"] == status
    assert error in found["error"]


def test_an_error_that_cannot_say_what_it_is():
    class Mute(Exception):
        def __str__(self):
            raise RuntimeError

    def function():
        raise Mute

    found = row(quick(function))
    assert (found["status"], found["error"]) == ("error", "Mute: <no message: its __str__ failed>")


async def coroutine():
    pass


def generator():
    yield


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"function": 3}, "function=3 cannot be used: function must be a function."),
        ({"function": coroutine}, "must be an ordinary function"),
        ({"function": generator}, "must be an ordinary function"),
        ({"function": lambda a, b: 0}, "a function that can be called without arguments"),
        ({"function": lambda a, b: 0, "setup": dict}, "a function that can be called with what setup returns"),
        ({"function": dict, "setup": lambda a: 0}, "setup must be a function that can be called without arguments"),
        ({"function": dict, "setup": 3}, "setup=3 cannot be used: setup must be a function."),
        ({"function": dict, "name": " "}, "name=' ' cannot be used: name must be a name or None."),
        (
            {"function": dict, "framework": "jax"},
            "framework='jax' cannot be used: framework must be 'PyTorch' or 'Tens",
        ),
        ({"function": dict, "speed": False, "memory": False}, "leave nothing to measure"),
        ({"function": dict, "precision": 2}, "precision=2 cannot be used"),
        ({"function": dict, "timeout_s": 0}, "timeout_s=0 cannot be used"),
    ],
)
def test_bad_arguments_are_refused_before_anything_runs(given, message):
    with pytest.raises(ArgumentError) as raised:
        measure(**given)
    assert message in str(raised.value)


def test_what_cannot_travel_is_told():
    generator_object = (i for i in range(3))
    with pytest.raises(ArgumentError, match="cannot be sent to another process.*Create in setup what cannot be sent"):
        measure(lambda: next(generator_object))


def test_a_framework_that_is_not_there_is_told():
    pytest.importorskip("torch")
    if _is_installed("tensorflow"):
        pytest.skip("TensorFlow is installed here")
    with pytest.raises(IsolationError, match="TensorFlow cannot be used"):
        measure(dict, framework="TensorFlow")


def _is_installed(name):
    import importlib.util

    return importlib.util.find_spec(name) is not None


def test_results_of_functions_and_models_can_be_shown_and_kept_together(tmp_path):
    from support.models import short, tiny_bert

    from hfbench_nb import PyTorchBenchmark

    both = PyTorchBenchmark(short(), configs=[tiny_bert()]).run() + quick(lambda: None, name="nothing")
    assert list(both.frame["task"]) == ["inference", "function"]
    (of_model, *_) = both.time_inference_result.values()
    assert (of_model["bs"], of_model["ss"]) == ([1], [8])
    assert "nothing" in both._repr_html_()
    assert "nothing" in both.to_markdown()
    assert "FUNCTION - SPEED - RESULT" in str(both)
    both.save(tmp_path)
    assert load_results(tmp_path).frame.equals(both.frame)
