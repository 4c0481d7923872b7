"""The README and the pages of the site: their Python blocks run, and they name everything that there is.

Each block runs by itself, with small models in place of those that it names.
"""

from __future__ import annotations

import ast
import builtins
import functools
import re
import runpy

import pytest
from support.argument_tables import PAGE as ARGUMENTS_PAGE
from support.argument_tables import with_tables
from support.models import tiny_bert
from support.places import ROOT
from support.tiny import tiny
from transformers import BertForMaskedLM

import hfbench_nb
from hfbench_nb import PyTorchBenchmark, PyTorchBenchmarkArguments
from hfbench_nb.configurations import catalog
from hfbench_nb.results.metrics import METRICS

pytestmark = pytest.mark.xdist_group("documentation")  # the blocks take results from one run

DOCS = ROOT / "docs"
# A block that stands on several pages runs once.
BLOCKS = {
    code: f"{page.relative_to(ROOT)}, {number}"
    for page in [*sorted(DOCS.rglob("*.md")), ROOT / "README.md"]
    for number, code in enumerate(
        re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE), 1
    )
}
of_each_block = pytest.mark.parametrize("code", BLOCKS, ids=BLOCKS.values())
SMALL = {"max_seconds": 0.05, "rounds": 1}
SIZES = {"batch_sizes": [1, 2], "sequence_lengths": [8, 16, 24, 32], "new_tokens": [4, 6]}


@pytest.fixture(scope="module")
def given():
    """What a block may take from those before it: results, those of another run, and a report that was printed."""
    sizes = {"batch_sizes": [8], "sequence_lengths": [8, 16, 32], "dtype": ["float32", "bfloat16"]}
    args = PyTorchBenchmarkArguments(models=["bert-base", "gpt2"], **sizes, max_seconds=0.05, rounds=2)
    results = PyTorchBenchmark(args, configs=[tiny_bert(), tiny_bert(num_hidden_layers=1)]).run()
    return {"results": results, "other": results, "text": str(results)}


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Let names of models stand for small ones, and sizes and budgets for small ones."""

    def arguments(kind, **values):
        sizes = {name: SIZES[name][: len(given)] for name, given in values.items() if name in SIZES}
        return kind(**{"sequence_lengths": [8, 16], **values, **sizes, **SMALL})

    shrunk = functools.partial(arguments, PyTorchBenchmarkArguments)
    monkeypatch.setattr(hfbench_nb, "PyTorchBenchmarkArguments", shrunk, raising=False)
    in_catalogue = catalog.find_config
    monkeypatch.setattr(
        catalog, "find_config", lambda name: (found := in_catalogue(name)) and tiny(found["model_type"])
    )
    monkeypatch.setattr("hfbench_nb.execution.largest._LARGEST_SIZE", 8)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names_taken_from_elsewhere(code):
    """Return the names that a block uses but neither imports nor defines."""
    nodes = list(ast.walk(ast.parse(code)))
    made = {node.id for node in nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    made |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    made |= {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            made |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    used = {node.id for node in nodes if isinstance(node, ast.Name)}
    return used - made - set(vars(builtins))


@pytest.mark.quick
@of_each_block
def test_a_block_imports_what_it_uses(code):
    assert names_taken_from_elsewhere(code) <= {"results", "other", "text"}


@pytest.mark.timeout(120)
@pytest.mark.usefixtures("close_figures")
@of_each_block
def test_a_block_runs(code, given, small):
    if "~/overlay" in code:
        pytest.skip("installing an overlay takes gigabytes")
    if "hf://" in code:
        pytest.skip("no hub is reached here: tests/storage/test_hub.py has one of its own")
    if "my-checkpoint" in code:
        BertForMaskedLM(tiny_bert()).save_pretrained(small / "my-checkpoint")
    names = dict(given)
    exec(compile(code, BLOCKS[code], "exec"), names)
    if names["results"] is not given["results"]:
        frame = names["results"].frame
        assert set(frame["status"]) == {"ok"}, frame["error"].tolist()


def test_the_reference_has_every_public_name():
    pages = "".join(page.read_text(encoding="utf-8") for page in (DOCS / "reference" / "api").glob("*.md"))
    assert set(re.findall(r"^::: hfbench_nb\.(\w+)$", pages, re.MULTILINE)) == set(hfbench_nb.__all__)


def test_every_argument_is_on_its_page_with_its_help_and_default():
    text = ARGUMENTS_PAGE.read_text(encoding="utf-8")
    assert with_tables(text) == text, "run python tests/support/argument_tables.py"


def test_every_metric_is_on_its_page():
    named = set(re.findall(r"`(\w+)`", (DOCS / "reference" / "metrics.md").read_text(encoding="utf-8")))
    assert set(METRICS.names) <= named


def test_the_pages_of_the_site_are_written_and_lead_to_each_other(tmp_path):
    pages = runpy.run_path(str(DOCS / "tools" / "pages.py"))
    pages["write"](tmp_path)  # raises where a link leads nowhere
    quickstart = (tmp_path / "notebooks" / "quickstart.md").read_text(encoding="utf-8")
    assert "](compare_configurations.md)" in quickstart
    assert (tmp_path / "notebooks" / re.search(r"!\[Plot\]\((.+)\)", quickstart)[1]).stat().st_size > 10_000
    assert "](notebooks/quickstart.md)" in (tmp_path / "start.md").read_text(encoding="utf-8")


def test_a_link_that_leads_nowhere_is_named():
    pages = runpy.run_path(str(DOCS / "tools" / "pages.py"))
    lost = []
    text = pages["_with_links_to_pages"](
        "[a](fit.md#x) [b](gone.md) [c](https://a.b/c) [d](../../LICENSE)\n```\n[e](code.md)\n```",
        source="docs/how-to/x.md",
        page="how-to/x.md",
        known={"docs/how-to/fit.md": "how-to/fit.md"},
        lost=lost,
    )
    assert lost == ["gone.md"]
    assert "[a](fit.md#x)" in text
    assert "/blob/main/LICENSE)" in text
    assert "[e](code.md)" in text
