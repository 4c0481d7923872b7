"""The Python blocks of the README run, each by itself: with small models in place of those that they name."""

from __future__ import annotations

import ast
import builtins
import functools
import re

import pytest
from support.models import tiny_bert
from support.places import ROOT
from support.tiny import tiny
from transformers import BertForMaskedLM

import hfbench_nb
from hfbench_nb import PyTorchBenchmark, PyTorchBenchmarkArguments
from hfbench_nb.configurations import catalog

BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
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
@pytest.mark.parametrize("code", BLOCKS, ids=range(len(BLOCKS)))
def test_a_block_imports_what_it_uses(code):
    assert names_taken_from_elsewhere(code) <= {"results", "other", "text"}


@pytest.mark.timeout(120)
@pytest.mark.usefixtures("close_figures")
@pytest.mark.parametrize("code", BLOCKS, ids=range(len(BLOCKS)))
def test_a_block_runs(code, given, small):
    if "~/overlay" in code:
        pytest.skip("installing an overlay takes gigabytes")
    if "hf://" in code:
        pytest.skip("no hub is reached here: tests/facade/test_hub.py has one of its own")
    if "my-checkpoint" in code:
        BertForMaskedLM(tiny_bert()).save_pretrained(small / "my-checkpoint")
    lines = code.splitlines()
    names = dict(given)
    exec(compile(code, f"README, {lines[0]}", "exec"), names)
    if names["results"] is not given["results"]:
        frame = names["results"].frame
        assert set(frame["status"]) == {"ok"}, frame["error"].tolist()
