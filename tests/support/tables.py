"""Results for tables, and their texts."""

from __future__ import annotations

import dataclasses

from hfbench_nb import BenchmarkResults
from hfbench_nb.display.tables import make_tables
from hfbench_nb.protocol.case import Case
from hfbench_nb.protocol.facts import ModelFacts
from support.measured import case_of, failed, ok


def function(name, time_s):
    return Case("Python", name, "function"), ok(time_s)


def shown(results):
    """The texts of each table: title, heads, then the rows of each block, marks included."""
    rows = []
    for table in make_tables(results):
        rows.append([table.title, table.row_title, *table.columns])
        for block in table.blocks:
            for name, cells in block.rows:
                texts = [None if c is None else ("*" if c.best else "") + c.text for c in cells]
                rows.append([block.batch_size, name, *texts])
    return rows


def results_of_two_models():
    entries = [
        (case_of(sequence_length=8), ok(0.0021)),
        (case_of(sequence_length=512), ok(1.2345, 914)),
        (case_of("slow"), ok(0.02, 1281, spread=0.3)),
        (case_of("slow", sequence_length=512), failed()),
    ]
    environment = {"framework": "PyTorch", "use_gpu": False, "configurations_from": {"bert": "hub"}}
    return BenchmarkResults(entries, environment, {"speed": True, "memory": True})


def sized():
    facts = ModelFacts("BertModel", 109_482_240)
    entries = [
        (case_of(model, sequence_length=n), dataclasses.replace(ok(0.01 * n * factor), model_facts=facts))
        for model, factor in (("org/bert", 1), ("gpt2", 2))
        for n in (8, 32)
    ]
    facts = {"framework_version": "2.13.0", "transformers_version": "4.57.6", "device": "cpu", "cpu_model": "EPYC"}
    return BenchmarkResults(entries, facts, {"memory": False})
