"""Formulas of operations that PyTorch does not count."""

from __future__ import annotations

import pytest
import torch

from hfbench_nb.worker.backends.pytorch_flops import formula_of

pytestmark = [pytest.mark.measures]


def test_grouped_heads_of_keys_and_values_count_for_each_query():
    given = torch.empty(2, 8, 16, 4, device="meta"), *(torch.empty(2, 2, 16, 4, device="meta") for _ in range(2))
    for name in ("_scaled_dot_product_flash_attention", "_scaled_dot_product_flash_attention_for_cpu"):
        formula = formula_of(getattr(torch.ops.aten, name))
        assert formula(*given, 0.0, True, out_val=given[0]) == 2 * 2 * 8 * 16 * 16 * (4 + 4)
    backward = formula_of(torch.ops.aten._scaled_dot_product_flash_attention_backward)
    assert backward(given[0], *given, out_val=given[0]) == 2 * 2 * 8 * 16 * 16 * 5 * 4
