"""Files that are damaged, or are none of ours: one message names the file, the line and what to do."""

import re

import pytest
from support.measured import case_of, ok, results_of

from hfbench_nb import ArgumentError, PyTorchBenchmark, PyTorchBenchmarkArguments, load_results, read_csv

pytestmark = [pytest.mark.shows, pytest.mark.quick]

HEAD = '{"hfbench_nb_format":3,"environments":[],"arguments":{},"configurations":{}}\n'
CSV = "model,batch_size,sequence_length,result\n"
# What libraries say, which tells users nothing.
RAW = r"Expecting|JSONDecodeError|KeyError|Errno|codec can't|unhashable|NoneType|not subscriptable|char \d"


def told(read, path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ArgumentError) as refused:
        read(path)
    message = str(refused.value)
    assert str(path) in message
    assert not re.search(RAW, message), message
    return message


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "line 1, cannot be read as results of hfbench_nb: it is empty; it is no such file, or damaged: take a"),
        ("{}", "line 1, cannot be read as results of hfbench_nb: it lacks 'hfbench_nb_format'; it is no such file"),
        ("[]", "it is not of the form that hfbench_nb writes; "),
        ('{"a": tru', "line 1, cannot be read as results of hfbench_nb: it is not JSON, from character 7 on; "),
        ("\N{SNOWMAN}", "it is not JSON, from character 1 on; "),
        (b"\xff\xfe{", "cannot be read as results of hfbench_nb: it is not text in UTF-8, from byte 0 on; "),
        ("[" * 100 + "]" * 100, "nested too deeply; "),
    ],
)
def test_results(tmp_path, text, reason):
    assert reason in told(lambda path: load_results(path), tmp_path / "results.jsonl", text)


def test_no_results(tmp_path):
    with pytest.raises(ArgumentError) as refused:
        load_results(tmp_path)
    advice = "No such file or directory; give the folder of a run, or one that save has written to."
    assert str(refused.value) == f"{tmp_path / 'results.jsonl'} cannot be read as results of hfbench_nb: {advice}"


@pytest.mark.parametrize(
    ("line", "reason"),
    [("{]", "it is not JSON, from character 2 on"), ("{}", "it lacks 'environment'"), ("", "it is empty"),
     ("[]", "it is not of the form that hfbench_nb writes")],
)  # fmt: skip
def test_a_line_of_results(tmp_path, line, reason):
    path = tmp_path / "results.jsonl"
    path.write_text(f"{HEAD}{line}\n")
    with pytest.warns(UserWarning, match=re.escape(f"{path}, line 2, is left out: {reason}")) as warned:
        load_results(tmp_path)
    assert [each.filename for each in warned] == [__file__]  # at the user's own line


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "line 1, has no columns; give a file that to_csv has written, or the original, with the columns model, "),
        (b"\xff", "cannot be read as CSV: it is not text in UTF-8, from byte 0 on; give a file that to_csv has"),
        (CSV + 'a,1,8,"2', "line 2, cannot be read as CSV: unexpected end of data; give a file that"),
        (CSV + "a,1,8", "line 2, does not have 4 columns"),
    ],
)
def test_csv_files(tmp_path, text, reason):
    assert reason in told(read_csv, tmp_path / "file.csv", text)


@pytest.mark.parametrize("folder", ["", None, 3, "a\0b"])
@pytest.mark.parametrize("write", ["save", "to_csv"])
def test_nothing_is_written_to_what_is_no_folder(tmp_path, monkeypatch, write, folder):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ArgumentError, match=r"^folder=.* cannot be used: folder must be a path\.$"):
        getattr(results_of((case_of(), ok())), write)(folder)
    assert not [*tmp_path.iterdir()]


def test_a_configuration(tmp_path):
    def look_up(path):
        PyTorchBenchmark(PyTorchBenchmarkArguments(models=[str(path.parent)]))

    reason = "config.json cannot be read as a configuration: it is not JSON, from line 2, character 1 on."
    assert reason in told(look_up, tmp_path / "config.json", '{"model_type": "bert",\n')
