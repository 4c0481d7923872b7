"""What models return."""

from __future__ import annotations

from hfbench_nb.worker.backends.pytorch_outputs import floating_tensors


def first_tensor(outputs):
    """Return the first floating-point tensor in a model's outputs."""
    found = next(floating_tensors(outputs), None)
    assert found is not None, f"the model returns no tensor of floating-point numbers, but {type(outputs).__name__}"
    return found
