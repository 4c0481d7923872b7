"""Inputs that fit a model's forward pass, and the meaning of batch size and sequence length; for every framework."""

from hfbench_nb.worker.backends.inputs.base import CountFeatures, Inputs, cannot_count, forward_arguments
from hfbench_nb.worker.backends.inputs.making import make_inputs

__all__ = ["CountFeatures", "Inputs", "cannot_count", "forward_arguments", "make_inputs"]
