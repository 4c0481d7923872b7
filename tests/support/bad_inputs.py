"""Whatever may be given to arguments and readers: about 1,700 inputs that are the same each time.

``HFBENCH_MORE_EXAMPLES=10`` makes ten times as many, by chance.
"""

from __future__ import annotations

import itertools
import os
import warnings
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from hfbench_nb import load_results
from hfbench_nb.protocol.case import Case
from hfbench_nb.protocol.errors import ArgumentError
from hfbench_nb.protocol.line_trace import LineTrace, Place
from hfbench_nb.protocol.measurement import STATUSES, Failure, Measurement, MemoryUse
from hfbench_nb.protocol.tasks import TASKS
from hfbench_nb.protocol.timing import Timing
from hfbench_nb.results.frame import columns

MORE = int(os.environ.get("HFBENCH_MORE_EXAMPLES", "1"))


def examples(count):
    return settings(
        max_examples=count * MORE,
        derandomize=MORE == 1,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )


def outcome(call, *errors):
    """Return what a call returns, or the expected error that it raises."""
    try:
        return call(), None
    except errors as error:
        return None, error


any_text = st.text(st.characters(), max_size=20) | st.sampled_from(
    ["", " ", "\0", "a\0b", "\ud800", "cuda:٣", "cuda:99999999999", "x" * 5000, "/" + "y" * 300, "/", ".", "auto", "O1"]
)
any_number = (
    st.integers()
    | st.floats()
    | st.sampled_from(
        [10**400, -(10**5000), 2**63, 5e-324, 1e308, np.int64(3), np.float32(0.5), np.float64("nan"), 3 + 0j]
    )
)


class Unprintable:
    def __repr__(self):
        raise RuntimeError("no repr")

    def __iter__(self):
        raise RuntimeError("no items")


def _endless():
    while True:
        yield "a"


any_object = st.sampled_from(
    [None, True, False, object(), Unprintable(), np.array([1, 2]), np.array(["a", "b"]), np.array(1), Path("/tmp"),
     b"gpt2", range(1, 4), range(0), range(10**12), {1, 2}, {"a": 1}, lambda: 1, int, ..., "x" * 10**6]
)  # fmt: skip
any_value = st.one_of(
    any_text, any_number, any_object,
    st.lists(any_text | any_number | any_object, max_size=3),
    st.builds(itertools.count), st.builds(_endless), st.builds(lambda: iter([1, 2])),
)  # fmt: skip

TRACE = LineTrace(
    ("a.py",), ("a",), (Place(0, 0, 1, "line", "x = 1"), Place(0, 0, 2, "line", "y")), (0, 1), 10, (1 << 20, -4096)
)
ENTRIES = [
    (Case("PyTorch", "bert", "inference", 8, 128),
     Measurement("ok", Timing((0.011, 0.012, 0.013), 1, 0.02), MemoryUse("VmHWM", 9 << 28, 3 << 28, 4 << 28, 2 << 28),
                 details={"threads": 2}, note="one input", line_trace=TRACE)),
    (Case("PyTorch", "bert", "training", 8, 128), Measurement("oom", failure=Failure("MemoryError", "big", "t", "l"))),
    (Case("PyTorch", "gpt2", "inference", 8, 128), Measurement("ok", Timing((2.5,)), MemoryUse("VmHWM", 1 << 31))),
]  # fmt: skip
ENVIRONMENT = {"framework": "PyTorch", "framework_version": "2.13.0", "use_gpu": False, "cpu_ram_mb": 8000}
ARGUMENTS = {"speed": True, "memory": True, "env_print": True, "trace_memory_line_by_line": True}


def assert_usable(results, folder):
    """Everything that can be done with results works, and agrees."""
    frame = results.frame
    assert list(frame.columns) == columns(results.entries)
    assert len(frame) == len(results.entries) == len(results.labels)
    for (case, measurement), (_, row) in zip(results.entries, frame.iterrows(), strict=True):
        assert measurement.status in STATUSES
        assert case.task in TASKS
        assert (row["model"], row["task"], row["status"]) == (case.model, case.task, measurement.status)
        if measurement.timing is not None:
            assert row["time_min_s"] <= row["time_s"] <= max(measurement.timing.samples_s)
            assert row["time_s"] >= 0
        if measurement.memory is not None:
            assert row["memory_mb"] == measurement.memory.peak_bytes / (1 << 20) >= 0
    for text in (str(results), results._repr_html_(), results.to_markdown()):
        text.encode("utf-8")
    for summary in results.summaries.values():
        assert summary.report()
        assert summary._repr_html_()
    saved = folder / "saved"
    results.save(saved, overwrite=True)
    again = load_results(saved)
    # As text: NaN, which details may hold, is not equal to itself.
    assert repr(again.entries) == repr(results.entries)
    assert repr(again.environment) == repr(results.environment)
    written = results.to_csv(folder / "csv")
    for path in written:
        path.read_bytes().decode("utf-8")


def read_or_refuse(read, name, folder):
    """Read with everything that may be left out; an error names what was read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        results, error = outcome(read, ArgumentError)
    if error is None:
        assert_usable(results, folder)
    else:
        assert name in str(error)
    return results


@st.composite
def damaged(draw, text):
    """A text with a few spans cut out, doubled, or replaced."""
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        stop = min(len(text), start + draw(st.integers(0, 30)))
        new = draw(st.sampled_from(["", text[start:stop] * 2, "9" * 20, "-", "NaN", '"', "\\ud800", "\0", "\n"])
                   | st.text(max_size=5))  # fmt: skip
        text = text[:start] + new + text[stop:]
    return text


csv_field = any_text | st.sampled_from(
    ["8", "008", "0", "-8", "8.0", "1_0", "٣", " 8 ", "9" * 10, "9" * 5000, "0.5", "1e400", "1e308", "nan", "-inf",
     "-1", "\u2028", "N/A", "=1+1", '"', 'a"b', "'", "a\nb", "1e-400", "0"]
)  # fmt: skip
