"""Whatever is in files: a clear error or a right answer, never another exception or a hang."""

from __future__ import annotations

import json
import math
import os
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.bad_inputs import ARGUMENTS, ENTRIES, ENVIRONMENT, csv_field, damaged, examples, read_or_refuse

from hfbench_nb import BenchmarkResults, load_results, read_csv
from hfbench_nb.protocol.errors import ArgumentError
from hfbench_nb.storage.journal import FILE_NAME


@pytest.fixture(scope="module")
def journal_text(tmp_path_factory):
    path = BenchmarkResults(ENTRIES, ENVIRONMENT, ARGUMENTS).save(tmp_path_factory.mktemp("journal"))
    return path.read_text()


def write(folder, content):
    if isinstance(content, str):
        content = content.encode("utf-8", "surrogatepass")
    (folder / FILE_NAME).write_bytes(content)
    return folder


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
