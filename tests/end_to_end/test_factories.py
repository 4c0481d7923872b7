"""Models of the user's own in a real Jupyter kernel, and the examples of the documentation."""

from __future__ import annotations

import re

import pytest
from support.kernels import execute
from support.models import tiny_bert
from support.places import ROOT

pytestmark = [pytest.mark.measures, pytest.mark.shows]

PAGE = ROOT / "docs" / "how-to" / "own-module.md"

DEFINED = """
import torch
from hfbench_nb import PyTorchBenchmark, PyTorchBenchmarkArguments

WIDTH = 64

class Recurrent(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.cells = torch.nn.GRU(WIDTH, WIDTH, batch_first=True)
        self.head = torch.nn.Linear(WIDTH, 2)
    def forward(self, signal):
        return self.head(self.cells(signal)[0][:, -1])

def recurrent():
    return Recurrent()

def inputs(batch_size, sequence_length):
    return {"signal": torch.randn(batch_size, sequence_length, WIDTH)}

def loss(scores):
    return scores.logsumexp(-1).mean()

args = PyTorchBenchmarkArguments(batch_sizes=[2], sequence_lengths=[8, 16], training=True, max_seconds=0.05, rounds=1)
"""


def test_a_factory_defined_in_a_notebook_cell_is_measured_and_resumed(tmp_path):
    run = str(tmp_path / "run")
    first = f"results = PyTorchBenchmark(args, configs=[recurrent], inputs=inputs, loss=loss).run({run!r}); results"
    say = "print(list(results.frame['status']), list(results.frame['error']), set(results.frame['model']))"
    *_, shown, said = execute(DEFINED, first, say)
    assert shown[-1].output_type == "execute_result"
    assert said[-1].text == f"{['ok'] * 4} {[''] * 4} {{'recurrent'}}\n"
    # Another kernel, the same notebook: what was measured is kept, since the functions are the same.
    again = "benchmark = PyTorchBenchmark(args, configs=[recurrent], inputs=inputs, loss=loss)\nmeasured = []\n"
    again += f"results = benchmark.run(resume={run!r}, on_case=lambda case, measurement: measured.append(case))"
    changed = DEFINED.replace("logsumexp(-1)", "square()")
    refused = f"try:\n    {again.splitlines()[0]}; benchmark.run(resume={run!r})\nexcept ValueError as e: print(e)"
    counts = "print(len(measured), len(results.frame))"
    *_, kept, _, refusal = execute("# a longer notebook\n", DEFINED, again, counts, changed, refused)
    assert kept[-1].text == "0 4\n"
    assert "configuration of 'recurrent': code" in refusal[-1].text


def example(after):
    """Return the first example on the page after a heading."""
    text = PAGE.read_text(encoding="utf-8").partition(f"## {after}\n")[2]
    found = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert found is not None, after
    return found[1]


def quick(code):
    return code.replace("PyTorchBenchmarkArguments(", "PyTorchBenchmarkArguments(max_seconds=0.05, rounds=1, ")


CHECK = "print(list(results.frame['status']), list(results.frame['error']))"


def test_the_page_measures_a_model_of_the_users_own_and_pretrained_weights(tmp_path, monkeypatch):
    from transformers import BertForMaskedLM

    monkeypatch.chdir(tmp_path)
    BertForMaskedLM(tiny_bert()).save_pretrained("my-checkpoint")
    own, weights = (quick(example(heading)) for heading in ("Your own model", "Pretrained weights"))
    _, _, said, _, said_of_weights = execute("from hfbench_nb import *", own, CHECK, weights, CHECK)  # one kernel
    assert said[-1].text == f"{['ok'] * 4} {[''] * 4}\n"
    assert said_of_weights[-1].text == f"{['ok'] * 2} {[''] * 2}\n"
