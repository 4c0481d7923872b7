"""Executors, chosen by name."""

from __future__ import annotations

import pytest
from support.fake_executor import FakeExecutor, make, run

from hfbench_nb import ArgumentError
from hfbench_nb.execution.executors import EXECUTORS, ExecutorKind

pytestmark = pytest.mark.quick


@pytest.mark.parametrize("executor", ["lokal", "", 7, object()])
def test_an_unknown_executor_is_refused_with_those_that_are_known(executor):
    with pytest.raises(ArgumentError, match="executor=.*'local' or 'fresh' or 'in_process'") as refused:
        make().run(executor=executor)
    assert refused.value.parameters == ("executor",)


def test_an_executor_that_is_registered_is_chosen_by_its_name():
    fake = FakeExecutor()
    EXECUTORS.register(ExecutorKind("fake", "nowhere", lambda: fake))
    try:
        results = run(make(), "fake")
    finally:
        EXECUTORS.remove("fake")
    assert [case for case, _ in results.entries] == fake.cases
    with pytest.raises(ArgumentError, match="executor='fake' cannot be used"):
        run(make(), "fake")
