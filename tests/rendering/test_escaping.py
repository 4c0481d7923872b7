"""Names, errors, facts and arguments are text: nothing in them is markup, a formula or a command to the terminal."""

from __future__ import annotations

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.pages import Tags

from hfbench_nb import BenchmarkResults, PyTorchBenchmarkArguments, read_csv
from hfbench_nb.protocol.case import Case
from hfbench_nb.protocol.measurement import Failure, Measurement, MemoryUse
from hfbench_nb.protocol.timing import Timing
from hfbench_nb.rendering.escaping import for_spreadsheet, from_spreadsheet, markdown_code, printable

pytestmark = pytest.mark.quick

HOSTILE = [
    "<script>alert(1)</script>",
    '" onmouseover="alert(1)',
    "' onmouseover='alert(1)",
    "</td></table><img src=x onerror=alert(1)>",
    "--><style>*{display:none}</style>",
    "{{ 7 * 7 }}{% raw %}",
    "[click](https://example.org)![i](x) https://example.org www.example.org me@example.org",
    "`code` ``two`` ` | **bold** _em_ ~~out~~ $x$ \\| \\`",
    "# heading",
    "- item\n- item\n\n> quote\n\n---\n\n1. one",
    "| a | b |\n|---|---|\n| c | d |",
    "&lt;b&gt; &#60;i&#62;",
    "a\x1b[2J\x1b]0;title\x07\rb\x00",
    "\u202etxt.exe",
]
FORMULAS = [
    "=1+1", "+1", "-1+1|cmd", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "'=1", "''=1", "' =1", "=HYPERLINK(\"x\")",
    "\N{FULLWIDTH EQUALS SIGN}1+1", "\N{FULLWIDTH COMMERCIAL AT}SUM(A1)",
]  # fmt: skip
MARKUP_TAGS = {"script", "img", "style", "a", "i", "b", "code", "h1", "blockquote", "hr", "ol"}


def hostile_results(text):
    cases = [Case("PyTorch", text, "inference", 8, length) for length in (8, 32)]
    measurement = Measurement("ok", Timing((1.0, 1.1)), MemoryUse(text, 5 << 20), note=text)
    failure = Measurement("error", failure=Failure(text, text, text))
    entries = [(cases[0], measurement), (cases[1], failure)]
    return BenchmarkResults(entries, {text: text, "list": [text], "nested": {text: text}}, {"env_print": True})


def harmless_html(html):
    """Check that there is nothing but our own tags and attributes, each closed."""
    tags = Tags(html).tags
    assert not {tag for tag, _ in tags} & MARKUP_TAGS
    assert not [name for _, attrs in tags for name in attrs if name.startswith(("on", "src", "href"))]
    for tag in ("table", "td", "div", "details"):
        assert sum(name == tag for name, _ in tags) == html.count(f"</{tag}>")
    return Tags(html).texts


@pytest.mark.parametrize("text", HOSTILE)
def test_html_shows_it_as_text(text):
    results = hostile_results(text)
    texts = harmless_html(results._repr_html_())
    assert printable(text).strip() in texts
    assert printable(text).strip() in [t.replace("\r", "") for t in harmless_html(results.environment._repr_html_())]
    args = PyTorchBenchmarkArguments(models=[text])
    assert repr([text]) in harmless_html(args._repr_html_())


@pytest.fixture(scope="module")
def markdown():
    """Renders as GitHub does: tables, struck out text, links from bare addresses."""
    markdown_it = pytest.importorskip("markdown_it", reason="markdown-it-py is part of the extra `test`")
    return markdown_it.MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


@pytest.mark.parametrize("text", [*HOSTILE, *FORMULAS])
def test_markdown_shows_it_as_text(markdown, text):
    results = hostile_results(text)
    rendered = markdown.render(results.to_markdown(environment=True))
    parsed = Tags(rendered)
    # Three tables, the list of one failure, emphasis of ours; in code spans nothing is markup, nor becomes a link.
    assert {tag for tag, _ in parsed.tags} <= {
        "p", "strong", "em", "table", "thead", "tbody", "tr", "th", "td", "ul", "li", "code", "br",
        "details", "summary"
    }  # fmt: skip
    counts = {name: sum(tag == name for tag, _ in parsed.tags) for name in ("table", "tr", "li", "strong", "em")}
    assert counts == {"table": 3, "tr": 2 + 2 + 4, "li": 1, "strong": 2, "em": 2}
    assert " ".join(printable(text).split()) in parsed.texts


def test_code_spans_of_markdown(markdown):
    assert markdown_code("bert_base") == "`bert_base`"
    assert markdown_code("") == ""
    assert markdown.renderInline(markdown_code("`a``b`")) == "<code>`a``b`</code>"


@given(st.text(max_size=40))
def test_any_text_stays_in_its_code_span(markdown, text):
    table = f"| a | b |\n|---|---|\n| {markdown_code(text)} | end |\n"
    parsed = Tags(markdown.render(table))
    assert [tag for tag, _ in parsed.tags if tag not in ("code",)] == [
        "table", "thead", "tr", "th", "th", "tbody", "tr", "td", "td"
    ]  # fmt: skip
    assert parsed.texts.count("end") >= 1


@pytest.mark.parametrize("text", [*FORMULAS, *HOSTILE])
def test_csv_holds_no_formula_and_gives_the_name_back(tmp_path, text):
    results = hostile_results(text)
    time_path, memory_path, environment_path = results.to_csv(tmp_path)
    for path in (time_path, memory_path, environment_path):
        with path.open(encoding="utf-8", newline="") as file:
            values = [value for row in csv.reader(file) for value in row]
        assert not [
            value
            for value in values
            if value.lstrip()[:1] in tuple("=+-@\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH COMMERCIAL AT}")
        ]
        assert not [value for value in values if value[:1] in ("\t", "\r", "\n")]
    assert set(read_csv(time_path).frame["model"]) == {text}


@given(st.text(alphabet="'=+-@\t\r\n a\N{FULLWIDTH EQUALS SIGN}", max_size=6))
def test_any_text_comes_back_from_a_spreadsheet(text):
    written = for_spreadsheet(text)
    assert from_spreadsheet(written) == text
    assert written.lstrip()[:1] not in tuple("=+-@\N{FULLWIDTH EQUALS SIGN}") or written == ""


def test_files_of_the_original_are_read_as_they_are(tmp_path):
    path = tmp_path / "old.csv"
    path.write_text("model,batch_size,sequence_length,result\n-odd,8,8,0.5\nit's,8,8,0.5\n'quoted',8,8,0.5\n")
    assert read_csv(path).frame["model"].tolist() == ["-odd", "it's", "'quoted'"]


@pytest.mark.parametrize("text", HOSTILE)
def test_the_report_keeps_its_lines_and_sends_the_terminal_nothing(text):
    results = hostile_results(text)
    report = str(results)
    assert all(line.isprintable() for line in report.split("\n"))
    rows = [line for line in report.split("\n") if line.rstrip().endswith(("1.05", "N/A"))]
    assert len(rows) == 2 + 1  # two of the time, one of the memory
    assert all(printable(text).strip() in row for row in rows)
    assert str(results.environment) in report


def test_what_does_not_print_is_shown_as_its_escape():
    assert printable("naïve 模型") == "naïve 模型"
    assert printable("a\x1b[2J\n\u202e") == r"a\x1b[2J\n\u202e"
