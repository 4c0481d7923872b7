"""Journals of today and of version 0.1.0, and their lines."""

from __future__ import annotations

import json

from hfbench_nb.protocol.case import Case, Settings
from hfbench_nb.storage.journal import FILE_NAME
from support.places import TESTS

OLD = TESTS / "storage" / "data" / "version-0.1.0"
"""What version 0.1.0 has written: a run, two runs that were added, a function, and the CSV files of the run."""

HERE, THERE = {"device": "cpu", "kernel": "6"}, {"device": "cuda", "kernel": "6"}
SETTINGS = Settings(
    device="auto", dtype="float32", threads=2, huge_pages=False, python=None, overlay=None,
    attn_implementation=None, weights="random", compile="none", quantization="none", torchscript=False,
)  # fmt: skip


def case(length=8, **settings):
    return Case("PyTorch", "bert", "inference", 1, length, Settings({**SETTINGS, **settings}))


def lines_of(folder):
    return [json.loads(line) for line in (folder / FILE_NAME).read_text().splitlines()]


def replace_line(folder, number, change):
    """Change the data of a line, counted from 1."""
    lines = lines_of(folder)
    lines[number - 1] = change(lines[number - 1])
    (folder / FILE_NAME).write_text("".join(json.dumps(line) + "\n" for line in lines))


def raw(name):
    """Return the lines of an old journal as they are written: head and cases."""
    head, *lines = lines_of(OLD / name)
    return head, lines
