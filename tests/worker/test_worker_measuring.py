"""How a worker measures a case."""

from __future__ import annotations

import types

import pytest

pytestmark = pytest.mark.measures


def test_a_failing_pass_costs_the_trace_and_nothing_else():
    from hfbench_nb.worker import measuring as worker
    from hfbench_nb.worker.workloads.base import Prepared

    class Runtime:
        meter = types.SimpleNamespace(line_reader=lambda: None, release=lambda: None)

        def forget_passes(self, model):
            self.forgot = model

    def fail():
        raise ValueError("no")

    runtime, taken = Runtime(), worker._Taken()
    worker._trace_lines(runtime, Prepared(fail, 0, 0, "model"), taken)
    assert runtime.forgot == "model"
    assert (taken.line_trace, taken.line_trace_failure) == (None, "ValueError: no")
