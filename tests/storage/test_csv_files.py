"""CSV files that are read: ours, the original's, and others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfbench_nb import ArgumentError, read_csv

pytestmark = [pytest.mark.shows, pytest.mark.quick]


def test_csv_files_come_back(results, tmp_path):
    time_path, memory_path, _ = results.to_csv(tmp_path)
    times, memories = read_csv(time_path), read_csv(memory_path, task="training")
    assert times.frame["time_s"].tolist()[:3] == results.frame["time_s"].tolist()[:3]
    assert times.frame["memory_mb"].isna().all()
    assert list(times.frame["status"]) == ["ok", "ok", "ok", "error"]
    assert memories.frame["memory_mb"].tolist()[:3] == [500.0, 914.0, 1281.0]
    assert set(memories.frame["task"]) == {"training"}


def test_a_file_of_the_original_is_read(tmp_path):
    path = tmp_path / "inference_time_1595.csv"
    path.write_bytes(b"model,batch_size,sequence_length,result\r\nbert,8,8,0.0006\r\nbert,8,32,N/A\r\n")
    results = read_csv(path)
    assert results.frame["time_s"][0] == 0.0006
    assert results.frame["error"][1] == "MissingResult: the file says 'N/A'"
    assert not results.frame["noisy"].any()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1, has no columns; give a file that to_csv has written"),
        ("a,b\n1,2\n", r"has the columns \['a', 'b'\]"),
        ("model,batch_size,sequence_length,result\nbert,x,8,1\n", "line 2: batch_size and sequence_length must be"),
        ("model,batch_size,sequence_length,result\nbert,8,8\n", "line 2, does not have 4 columns"),
        ("model,batch_size,sequence_length,result\nbert,8,8,1,2\n", "line 2, does not have 4 columns"),
        ("model,batch_size,sequence_length,result\nbert,8,8,-1\n", "line 2: result='-1' is neither a number nor N/A"),
        ("model,batch_size,sequence_length,result\nbert,8,8,inf\n", "result='inf'"),
    ],
)
def test_a_file_of_another_kind_is_refused(tmp_path, text, message):
    path = tmp_path / "file.csv"
    path.write_text(text)
    with pytest.raises(ArgumentError, match=message):
        read_csv(path)
    with pytest.raises(ArgumentError, match="cannot be read as CSV"):
        read_csv(tmp_path)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(data)
    with pytest.raises(ArgumentError):
        read_csv(path)
