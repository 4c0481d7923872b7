"""Results of operations that are remembered: which operations are alike, and what is made again."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from hfbench_nb.worker.backends.meta_results import NewTensors, description_of
from hfbench_nb.worker.backends.pytorch_counting import _counted

pytestmark = [pytest.mark.measures]


def test_operations_are_alike_only_where_their_results_are():
    aten, whole = torch.ops.aten, torch.empty(4, 8, dtype=torch.int32, device="meta")
    described = [
        description_of(*each)
        for each in [
            (aten.add.Scalar, (whole, 1), {}),
            (aten.add.Scalar, (whole, 1.0), {}),
            (aten.add.Scalar, (whole.long(), 1), {}),
            (aten.add.Scalar, (whole.t(), 1), {}),
            (aten.sub.Scalar, (whole, 1), {}),
            (aten.sum.dim_IntList, (whole, [0, 1]), {}),
            (aten.sum.dim_IntList, (whole, [0, 1]), {"dtype": torch.float64}),
        ]
    ]
    assert len(set(described)) == len(described)
    assert description_of(aten.add.Scalar, (torch.empty_like(whole), 1), {}) == described[0]
    # Numbers may matter; and what a number of Python's own becomes, a tensor on the CPU, decides about types otherwise.
    assert description_of(aten.add.Tensor, (whole, torch.ones(())), {}) is None
    assert description_of(aten.add.Tensor, (torch.ones(2), torch.ones(2)), {}) is None
    # Sparse tensors of one shape hold more or fewer values, and say that their strides are zeros.
    places = torch.empty(2, 4, dtype=torch.int64, device="meta")
    sparse = torch.sparse_coo_tensor(places, torch.empty(4, device="meta"), (5, 5), check_invariants=False)
    assert description_of(aten._values.default, (sparse,), {}) is None


def test_results_follow_the_default_type():
    counts = []
    for kind in (torch.float32, torch.float64):
        call = partial(torch.ones, 3, device="meta")

        def twice(next_phase, kind=kind, call=call):
            call()
            next_phase()
            torch.set_default_dtype(kind)
            assert call().dtype is kind

        try:
            counts += _counted(twice, torch.nn.Linear(1, 1))
        finally:
            torch.set_default_dtype(torch.float32)
    assert [count.moved_bytes for count in counts] == [12, 12, 12, 24]


def test_new_tensors_are_made_again_and_views_are_not():
    given = torch.empty(6, 4, device="meta")
    for out in (given.t(), given.split(2), given[0], given.add_(1), torch.ones(3), given.expand(2, 6, 4), None, ()):
        assert NewTensors.of(out, [given]) is None
    values, places = again = NewTensors.of(torch.ops.aten.max.dim(given, 0), [given]).make()
    assert (values.shape, values.dtype, places.dtype, type(again)) == ((4,), torch.float32, torch.int64, tuple)
    transposed = NewTensors.of(torch.empty(4, 6, device="meta").t(), [given]).make()
    assert (transposed.shape, transposed.stride(), transposed.is_meta) == ((6, 4), (1, 6), True)
