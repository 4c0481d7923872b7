"""Printed reports that are read back: ours, the original's, and those of the documentation."""

from __future__ import annotations

import html
import re
import textwrap
import warnings

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.measured import MIB, case_of, failed, ok
from support.reports import NAMES, read_back

from hfbench_nb import ArgumentError, BenchmarkResults, load_reference
from hfbench_nb.protocol.case import Case
from hfbench_nb.protocol.measurement import Failure, Measurement, MemoryUse
from hfbench_nb.protocol.timing import Timing

pytestmark = [pytest.mark.shows, pytest.mark.quick]


RULE = 80 * "-"
MISPRINTS = {
    NAMES[2]: [("bert-base", 8, "0.006", 128), ("bert-base", 32, "0.006", 512)],
}


def page(name):
    """The report as the documentation prints it: names to the left, and the errors of typing back in."""
    published = load_reference(name)
    lines = [">>> print(results)"]
    for title, head, metric in [("SPEED", "Time in s", "speed"), ("MEMORY", "Memory in MB", "memory")]:
        lines += [f"====================      INFERENCE - {title} - RESULT       ===================="]
        lines += [RULE, f"Model Name             Batch Size     Seq Length     {head}                  ", RULE]
        for c, m in published.entries:
            time = m.failure.message.split()[2] if m.timing is None else str(m.timing.median_s)
            shown = time if metric == "speed" else str(m.memory.peak_bytes // MIB)
            length = c.sequence_length
            for model, right, of, wrong in MISPRINTS.get(name, []):
                if (model, right, of) == (c.model, length, shown):
                    length = wrong
            lines.append(f"{c.model:<27}8{length:>16}{shown:>18}     ")
        lines += [RULE, ""]
    lines += ["====================        ENVIRONMENT INFORMATION         ====================", ""]
    return "\n".join([*lines, *(f"- {key}: {value}" for key, value in published.environment.items())])


@pytest.mark.parametrize("name", NAMES)
def test_the_printed_documentation_is_read_as_the_reference(name):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read = BenchmarkResults.from_report(page(name))
    expected = read_back(load_reference(name))
    if name == "bert-configurations-tensorflow":
        # What the reader cannot know for an error of typing, it reads as printed.
        odd = Case("TensorFlow", "bert-6-lay", "inference", 8, 128)
        assert read_back(read)[odd] == (0.0011, 1330 * MIB, "ok", None)
        expected[odd] = read_back(read)[odd]
    assert read_back(read) == expected
    assert [c for c, _ in read.entries] == [c for c, _ in load_reference(name).entries]
    environment = load_reference(name).environment
    assert read.environment == environment
    assert list(map(type, read.environment.values())) == list(map(type, environment.values()))
    said = [str(w.message) for w in caught]
    if name == "bert-configurations-pytorch":
        assert len(said) == 2
        assert re.match(r"line 6 is read as batch size 8, sequence length 8, .*: 'bert-base +8 +128 +0\.006'$", said[0])
        assert "line 7 is read as batch size 8, sequence length 32" in said[1]
        assert all(w.filename == __file__ for w in caught)
    else:
        assert said == []


PASTED = {
    "blanks around": lambda text: f"\n\n  \n{text}\n \n\n",
    "indented": lambda text: textwrap.indent(text, "        "),
    "Windows": lambda text: text.replace("\n", "\r\n"),
    "fenced": lambda text: f"I ran it:\n```\n{text}\n```\nFast on 8 8 0.5\n- note: nothing\n",
    "quoted": lambda text: textwrap.indent(text, "> ", lambda line: True),
    "prompt": lambda text: f">>> {text.lstrip()}",
    "escaped": html.escape,
    "trailing blanks lost": lambda text: "\n".join(line.rstrip() for line in text.split("\n")),
    "one blank between columns": lambda text: re.sub(r"(?<=\S) {2,}(?=\S)", " ", text),
    "progress and files": lambda text: f"1 / 3\n2 / 3\n{text}\nSaving results to csv.\n",
}


@pytest.fixture
def results():
    long = "an organisation/a model whose name has blanks and more than thirty characters"
    entries = [
        (case_of("bert", sequence_length=8), ok(0.0001, 450)),
        (case_of("bert", sequence_length=512), ok(1.23449, 914)),
        (case_of("bert", "training"), ok(2.5, 1914)),
        (
            case_of("bert", "training", sequence_length=512),
            failed(message="no memory: 1,024 MB\n\n  asked for\nat <once>"),
        ),
        (case_of(long), ok(0.02, 1281)),
        (case_of(long, sequence_length=512), failed()),
        (case_of("N/A: 8"), Measurement("timeout", failure=Failure("Timeout", ""))),
        (
            case_of("late"),
            Measurement("crashed", memory=MemoryUse("VmHWM", 5 * MIB), failure=Failure("Crash", "a: b: c")),
        ),
        (case_of("no memory"), Measurement("ok", Timing((0.25,)))),
    ]
    environment = {
        "transformers_version": "4.60",
        "framework": "PyTorch",
        "use_gpu": False,
        "gpu": None,
        "threads": 2,
        "limit": 1.5,
        "date": "2026-11-02",
        "from": {"bert": "hub"},
        "name": "a: b",
    }
    return BenchmarkResults(entries, environment, {"speed": True, "memory": True, "env_print": True})


def expected_of(results):
    """Figures to the printed digits; what has no printed metric, with the reason that reading gives."""
    expected = {}
    for c, (time_s, size, status, why) in read_back(results).items():
        if time_s == 0.0001:
            time_s, why = None, "MissingResult: published as < 0.001 s"
        if c.model == "no memory":
            why = "MissingResult: the report says 'N/A' for memory"
        expected[c] = (time_s if time_s is None else round(time_s, 3), size, status, why)
    return expected


@pytest.mark.parametrize("how", ["as it is", *PASTED])
@pytest.mark.filterwarnings("error")
def test_our_own_report_comes_back(results, how):
    text = PASTED.get(how, str)(str(results))
    read = BenchmarkResults.from_report(text)
    assert read_back(read) == expected_of(results)
    assert read.environment == {**results.environment, "from": "{'bert': 'hub'}"}
    assert read.arguments == {"speed": True, "memory": True, "env_print": True}


def test_what_was_read_is_printed_and_read_alike(results):
    read = BenchmarkResults.from_report(str(results))
    again = BenchmarkResults.from_report(str(read))
    assert read_back(again) == read_back(read)
    assert str(again) == str(read)


def test_a_report_without_environment_has_no_framework_and_only_its_tables():
    only_time = BenchmarkResults([(case_of(), Measurement("ok", Timing((1.0,))))], {}, {"memory": False})
    read = BenchmarkResults.from_report(only_time.report())
    assert read_back(read) == {Case("", "bert", "inference", 8, 8): (1.0, None, "ok", None)}
    assert read.arguments == {"speed": True, "memory": False, "env_print": False}
    assert str(read) == str(only_time)


def table(*rows, title="INFERENCE - SPEED - RESULT"):
    return "\n".join(
        [f"========== {title} ==========", RULE, "Model Name  Batch Size  Seq Length", RULE, *rows, RULE, ""]
    )


@pytest.mark.filterwarnings("error")
def test_missing_results_of_the_original_are_no_numbers():
    text = table("a 8 8 N/A", "b 8 8 N/A", "c 8 8 <0.001", "d 8 8 0.0")
    text += table("a 8 8 N/A", "b 8 8 500", "c 8 8 N/A", "d 8 8 7", title="INFERENCE - MEMORY - RESULT")
    read = {c.model: v for c, v in read_back(BenchmarkResults.from_report(text)).items()}
    no_memory = "the report says 'N/A' for memory"
    assert read == {
        "a": (None, None, "error", f"MissingResult: the report says 'N/A' for speed; {no_memory}"),
        "b": (None, 500 * MIB, "ok", "MissingResult: the report says 'N/A' for speed"),
        "c": (None, None, "ok", f"MissingResult: published as < 0.001 s; {no_memory}"),
        "d": (None, 7 * MIB, "ok", "MissingResult: published as 0.0 s"),
    }


@pytest.mark.filterwarnings("error")
def test_memory_line_by_line_is_passed_over():
    text = table("bert 8 8 0.5")
    text += "=== INFERENCE - MEMOMRY - LINE BY LINE - SUMMARY ===\nx 8 8 0.5\nN/A: no cell could be traced\n"
    text += "=== SOMETHING ELSE ===\ny 8 8 0.5\n" + table("bert 8 8 1.5", title="TRAIN - SPEED - RESULTS")
    read = BenchmarkResults.from_report(text)
    assert [(c.model, c.task) for c, _ in read.entries] == [("bert", "inference"), ("bert", "training")]


MEMORY = table(*(f"a 8 {n} {n}" for n in (8, 32, 128, 512)), title="INFERENCE - MEMORY - RESULT")


@pytest.mark.parametrize(
    ("rows", "others", "times", "said"),
    [
        # The table of memory says what was meant.
        (["8 8 0.1", "8 8 0.2", "8 8 0.3", "8 8 0.4"], MEMORY, {8: 0.1, 32: 0.2, 128: 0.3, 512: 0.4}, ["read as"] * 3),
        # It does not: a length of its own is no error of typing.
        (["8 8 0.1", "8 8 0.2", "8 64 0.3", "8 512 0.4"], MEMORY, {64: 0.3, 512: 0.4}, ["left out"] * 2),
        # There is none: what is said once, or twice alike, is kept.
        (["8 8 0.1", "8 8 0.2", "8 32 0.3"], "", {32: 0.3}, ["left out"] * 2),
        (["8 8 0.1", "8 8 0.1", "8 32 0.3"], "", {8: 0.1, 32: 0.3}, ["left out"]),
        (["8 8 nan", "8 32 0.3", "8 16 -1", "8 4 1e999"], "", {32: 0.3}, ["neither a number nor N/A"] * 3),
    ],
)
def test_rows_that_are_there_twice_are_attributed_or_left_out(rows, others, times, said):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read = BenchmarkResults.from_report(table(*(f"a {row}" for row in rows)) + others)
    assert {c.sequence_length: m.timing.median_s for c, m in read.entries if m.timing} == times
    messages = [str(w.message) for w in caught]
    assert len(messages) == len(said)
    assert all(part in message for part, message in zip(said, messages, strict=True))


def test_of_two_reports_the_first_is_read():
    with pytest.warns(UserWarning, match=r"line 47: another report starts here; only the first is read"):
        read = BenchmarkResults.from_report(page(NAMES[0]) + "\n\n" + page(NAMES[1]))
    assert read_back(read) == read_back(load_reference(NAMES[0]))


@pytest.mark.parametrize("text", ["", "nonsense", table(), "- framework: PyTorch", "bert 8 8 0.5", page.__doc__])
def test_other_text_is_refused(text):
    with pytest.raises(ArgumentError, match=r"headed INFERENCE or TRAIN \(or another task\) - SPEED or MEMORY"):
        BenchmarkResults.from_report(text)


def test_what_is_no_text_is_refused():
    with pytest.raises(ArgumentError, match="text=None cannot be used: text must be the text of a report"):
        BenchmarkResults.from_report(None)


PARTS = st.sampled_from(
    [
        "====================       INFERENCE - SPEED - RESULT       ====================",
        "=== TRAIN - MEMORY - RESULTS ===",
        "=== ENVIRONMENT INFORMATION ===",
        RULE,
        "bert 8 8 0.006",
        "bert 8 8 99999999999999999999e999",
        "a b  8 ٣ < 0.001",
        " x 8 512 N/A ",
        "N/A: bert, training, batch size 8, sequence length 8: oom: MemoryError: no",
        "    more",
        "- framework: PyTorch",
        "- n: 99999999999999999999999",
        "```",
    ]
)


@pytest.mark.filterwarnings("ignore::UserWarning")
@given(st.one_of(st.text(), st.lists(st.one_of(PARTS, st.text(max_size=10))).map("\n".join)))
@example("=INFERENCE - SPEED - RESULT\nb 8 8 < 0.001\n&lt; 1")
def test_any_text_is_read_or_refused(text):
    try:
        read = BenchmarkResults.from_report(text)
    except ArgumentError:
        return
    assert len(read.frame) == len(read.entries) > 0
    assert read_back(BenchmarkResults.from_report(str(read))).keys() == read_back(read).keys()
