"""Whatever is given to arguments and readers: a clear error or a right answer, never another exception or a hang.

About 1,700 inputs that are the same each time; ``HFBENCH_MORE_EXAMPLES=10`` makes ten times as many, by chance.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import os
import string
import sys
import typing
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hfbench_nb import (
    BenchmarkResults,
    PyTorchBenchmark,
    PyTorchBenchmarkArguments,
    TensorFlowBenchmarkArguments,
    estimate,
    load_results,
    panel,
    read_csv,
)
from hfbench_nb.arguments.sweep import combinations
from hfbench_nb.frontends import options
from hfbench_nb.protocol.case import Case
from hfbench_nb.protocol.errors import ArgumentError, shown
from hfbench_nb.protocol.line_trace import LineTrace, Place
from hfbench_nb.protocol.measurement import STATUSES, Failure, Measurement, MemoryUse
from hfbench_nb.protocol.tasks import TASKS
from hfbench_nb.protocol.timing import Timing
from hfbench_nb.results.frame import columns
from hfbench_nb.storage.journal import FILE_NAME

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


# ---- arguments

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

KINDS = (PyTorchBenchmarkArguments, TensorFlowBenchmarkArguments)
FIELDS = [(kind, field.name) for kind in KINDS for field in dataclasses.fields(kind)]
TYPES = {kind: typing.get_type_hints(kind) for kind in KINDS}


def is_of(hint, value):
    """Tell whether a value is of a declared type, and not only equal to one that is."""
    inner = typing.get_args(hint)
    if typing.get_origin(hint) is list:
        return type(value) is list and all(is_of(inner[0], item) for item in value)
    if inner:
        return any(is_of(each, value) for each in inner)
    return type(value) in (int, float) if hint is float else isinstance(value, hint)


def assert_in_order(args):
    for name, hint in TYPES[type(args)].items():
        assert is_of(hint, getattr(args, name)), name
    for sizes in (args.batch_sizes, args.sequence_lengths):
        assert min(sizes) >= 1
        assert len(set(sizes)) == len(sizes)
    assert all(name.strip() for name in args.models)
    assert args.repeat >= 1
    assert args.seed >= 0
    assert 0 < args.precision < 1
    assert 0 < args.max_seconds < math.inf
    assert 0 < args.timeout_s < math.inf
    assert args.threads is None or args.threads >= 1
    assert args.dtype in ("float32", "float16", "bfloat16")
    # All of it can cross the process border and be printed.
    args.to_json_string().encode("utf-8", "surrogateescape")
    json.dumps([dataclasses.asdict(args.method()), *(dict(settings) for settings in combinations(args))])
    repr(args)


@examples(600)
@given(st.sampled_from(FIELDS), any_value)
def test_an_argument_is_used_or_refused_by_name_and_value(field, value):
    kind, name = field
    args, error = outcome(lambda: kind(**{"models": ["gpt2"], name: value}), ArgumentError)
    if error is None:
        assert_in_order(args)
    else:
        assert name in str(error)
        assert shown(value) in str(error)
        assert len(str(error)) < 600


@examples(100)
@given(st.data())
def test_arguments_that_were_changed_later_are_checked_again(data):
    kind = data.draw(st.sampled_from(KINDS))
    args = kind(models=["gpt2"])
    for _ in range(2):
        name = data.draw(st.sampled_from([field.name for field in dataclasses.fields(kind)]))
        setattr(args, name, data.draw(any_value))
    _, error = outcome(args.check, ArgumentError)
    if error is None:
        assert_in_order(args)
    else:
        assert any(field.name in str(error) for field in dataclasses.fields(kind))


OPTION_WORDS = [f"--{name}" for name in TYPES[PyTorchBenchmarkArguments]]
OPTION_WORDS += [word.replace("_", "-") for word in OPTION_WORDS] + ["--no-inference", "--no_memory", "--help", "--"]
VALUE_WORDS = ["gpt2", "8", "-1", "0", "1e400", "nan", "True", "None", "cuda", "float16", "", "8,16", "[1]", "1" * 5000]


@examples(120)
@given(
    st.sampled_from(["pytorch", "tensorflow", "models", "env", "overlay", "nothing", ""]),
    st.lists(st.sampled_from(OPTION_WORDS) | st.sampled_from(VALUE_WORDS) | any_text, max_size=5),
)
def test_words_are_parsed_or_refused(command, words):
    parsed, error = outcome(lambda: options.parse([command, *words]), options.HelpShown, ArgumentError)
    if isinstance(error, options.HelpShown):
        assert error.text.strip()
        assert error.code in (0, 2)
    elif error is not None:
        assert any(name in str(error) for kind in KINDS for name in TYPES[kind])
    elif isinstance(parsed, KINDS):
        assert_in_order(parsed)


# ---- files and reports

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


@pytest.fixture(scope="module")
def journal_text(tmp_path_factory):
    path = BenchmarkResults(ENTRIES, ENVIRONMENT, ARGUMENTS).save(tmp_path_factory.mktemp("journal"))
    return path.read_text()


@pytest.fixture(scope="module")
def report_text():
    return BenchmarkResults(ENTRIES, ENVIRONMENT, ARGUMENTS).report()


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


def write(folder, content):
    if isinstance(content, str):
        content = content.encode("utf-8", "surrogatepass")
    (folder / FILE_NAME).write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("bad")


@examples(200)
@given(st.data())
def test_a_damaged_journal_is_read_or_refused(journal_text, folder, data):
    content = data.draw(st.binary(max_size=200) | st.text(max_size=100) | damaged(journal_text))
    write(folder, content)
    read_or_refuse(lambda: load_results(folder), str(folder), folder)


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


def _copy(value):
    return json.loads(json.dumps(value))


json_value = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters(), max_size=10),
    st.sampled_from([-1, 0, 10**400, 2**63, -(2**70), 1e308, math.inf, math.nan, "\ud800", [], {}, [None], [[]],
                     {"": {}}, nested(60), nested(900), "NaN", [True], ["a", 1], [1e300, 1e300], [10**400]]).map(_copy),
    st.lists(st.floats() | st.integers(), max_size=4), st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)  # fmt: skip


def places(data, before=()):
    """Every place in a tree of JSON data, as a path of keys."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield (*before, key)
        yield from places(value, (*before, key))


@examples(400)
@given(st.data())
def test_a_journal_with_a_wrong_value_is_read_or_refused(journal_text, folder, data):
    lines = [json.loads(line) for line in journal_text.splitlines()]
    for _ in range(data.draw(st.integers(1, 2))):
        *way, last = data.draw(st.sampled_from(list(places(lines))))
        target = lines
        for key in way:
            target = target[key]
        if data.draw(st.integers(0, 9)):
            target[last] = data.draw(json_value)
        elif isinstance(target, dict):
            del target[last]
    write(folder, "".join(json.dumps(line) + "\n" for line in lines))
    results = read_or_refuse(lambda: load_results(folder), str(folder), folder)
    if results is not None:  # what is not damaged is there
        before = [json.dumps(json.loads(line)) for line in journal_text.splitlines()]
        intact = sum(json.dumps(line) == line_before for line, line_before in zip(lines[1:], before[1:], strict=True))
        assert len(results.entries) >= intact


@pytest.mark.parametrize("depth", [60, 10_000, 1_000_000])
@pytest.mark.parametrize("place", ["head", "line"])
def test_deep_nesting_is_refused(journal_text, folder, depth, place):
    head, *lines = journal_text.splitlines()
    deep = '{"a":' * depth + "1" + "}" * depth
    text = "\n".join([deep, *lines] if place == "head" else [head, deep, *lines])
    write(folder, text)
    if place == "head":
        with pytest.raises(ArgumentError, match="nested too deeply"):
            load_results(folder)
    else:
        with pytest.warns(UserWarning, match="line 2, is left out.*nested too deeply"):
            assert len(load_results(folder).entries) == 3


CSV_HEAD = "model,batch_size,sequence_length,result\n"
csv_field = any_text | st.sampled_from(
    ["8", "008", "0", "-8", "8.0", "1_0", "٣", " 8 ", "9" * 10, "9" * 5000, "0.5", "1e400", "1e308", "nan", "-inf",
     "-1", "\u2028", "N/A", "=1+1", '"', 'a"b', "'", "a\nb", "1e-400", "0"]
)  # fmt: skip


@examples(240)
@given(st.data())
def test_a_csv_file_is_read_or_refused(folder, data):
    rows = st.lists(st.lists(csv_field, min_size=3, max_size=5), max_size=3)
    quoted = ["".join(f'"{field}",' for field in row)[:-1] for row in data.draw(rows)]
    plain = [",".join(row) for row in data.draw(rows)]
    good = ["bert,8,128,0.5", "bert,8,512,N/A"]
    text = CSV_HEAD + "\n".join(data.draw(st.sampled_from([plain, quoted, good + plain[:1], good + quoted[:1]])))
    content = data.draw(st.sampled_from([text, text]) | damaged(CSV_HEAD + "\n".join(good)) | st.binary(max_size=60))
    path = folder / "file.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    values = data.draw(st.sampled_from([None, "time_s", "memory_mb"]))
    results = read_or_refuse(lambda: read_csv(path, values=values), str(path), folder)
    for case, _ in results.entries if results else ():
        assert 1 <= min(case.sizes) <= max(case.sizes) <= 999_999_999


@pytest.mark.parametrize("read", [read_csv, load_results])
@pytest.mark.parametrize(
    "place", [None, 5, b"/tmp", "", "a\0b", ["x"], "/" + "y" * 5000, "/dev", "/no/such", np.array(["a"])]
)
def test_a_place_that_is_none_is_refused(read, place):
    with pytest.raises(ArgumentError):
        read(place)


@pytest.mark.parametrize(
    ("take", "args"),
    [(take, args) for take in (estimate, panel, PyTorchBenchmark) for args in ("gpt2", {"models": ["gpt2"]})]
    + [(estimate, None), (PyTorchBenchmark, None)],
)
def test_what_is_no_arguments_is_refused(take, args):
    with pytest.raises(ArgumentError, match=r"args=.* cannot be used: args must be a PyTorchBenchmarkArguments"):
        take(args)


@pytest.mark.parametrize(
    "given", [{"values": "bytes"}, {"values": np.array([1, 2])}, {"task": "no task"}, {"task": ["training"]}]
)
def test_what_a_csv_file_is_said_to_hold_is_checked(given, tmp_path):
    with pytest.raises(ArgumentError, match=next(iter(given))):
        read_csv(tmp_path / "file.csv", **given)


@pytest.mark.skipif(sys.platform == "win32", reason="has no named pipes in folders")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / FILE_NAME)
    with pytest.raises(ArgumentError, match="not an ordinary file"):
        load_results(tmp_path)
    with pytest.raises(ArgumentError, match="not an ordinary file"):
        read_csv(tmp_path / FILE_NAME)


@examples(240)
@given(st.data())
def test_a_report_is_read_or_refused(report_text, folder, data):
    row = st.tuples(st.sampled_from(["bert", "a b", "", "<b>"]), csv_field, csv_field, csv_field).map("  ".join)
    lines = report_text.split("\n")
    place = data.draw(st.integers(0, len(lines)))
    with_rows = "\n".join([*lines[:place], *data.draw(st.lists(row, min_size=1, max_size=3)), *lines[place:]])
    text = data.draw(st.sampled_from([with_rows, with_rows]) | damaged(report_text) | st.text(max_size=100))
    read_or_refuse(lambda: BenchmarkResults.from_report(text), "text", folder)


@pytest.mark.parametrize("text", [None, 5, b"report", ["report"], {}, math.nan])
def test_a_report_is_text(text):
    with pytest.raises(ArgumentError, match="text="):
        BenchmarkResults.from_report(text)


@pytest.mark.parametrize(
    "unit", ["N/A: ", "N/A: x, inference, batch size 1, sequence length 1: ", "< ", "=" * 20, "- a: ", "> "]
)
def test_a_long_line_takes_no_long_time(unit):
    head = "=" * 20 + "INFERENCE - SPEED - RESULT" + "=" * 20 + "\n" + ("-" * 80 + "\n") * 2
    with pytest.raises(ArgumentError):
        BenchmarkResults.from_report(head + unit * 20_000 + string.ascii_letters)
