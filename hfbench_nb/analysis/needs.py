"""What the tensors of a case take, by what they are for."""

from __future__ import annotations

from dataclasses import dataclass

from hfbench_nb.protocol.measurement import MEGABYTE, Measurement

PARTS = {
    "parameters_mb": "Weights",
    "buffers_mb": "Buffers",
    "gradients_mb": "Gradients",
    "optimizer_mb": "Optimizer state",
    "kv_cache_mb": "Cache",
    "activations_mb": "Activations",
}
"""The parts of what a case needs, which add up to it, with their titles."""


@dataclass(frozen=True)
class Needs:
    """What the tensors of an estimated case take at their peak, MB of 2^20 bytes.

    Attributes
    ----------
    total_mb
        All of them together.
    parameters
        Number of parameters; None if unknown.
    parts_mb
        The same, divided as `PARTS`.  Activations are the rest: what else exists at the peak, inputs included.
    """

    total_mb: float
    parameters: int | None
    parts_mb: dict[str, float]

    @classmethod
    def of(cls, measurement: Measurement) -> Needs | None:
        """Return what an estimated case needs; None if it could not be estimated."""
        memory, facts, metrics = measurement.memory, measurement.model_facts, measurement.metrics
        if memory is None or memory.weights_bytes is None:
            return None
        stored_bytes, other_bytes = (0, 0) if facts is None else (facts.buffer_bytes, facts.non_persistent_buffer_bytes)
        parts_mb = dict.fromkeys(PARTS, 0.0)
        parts_mb["parameters_mb"] = (memory.weights_bytes - stored_bytes) / MEGABYTE
        parts_mb["buffers_mb"] = (stored_bytes + other_bytes) / MEGABYTE
        parts_mb |= {name: metrics[name] for name in ("gradients_mb", "optimizer_mb", "kv_cache_mb") if name in metrics}
        total_mb = memory.peak_bytes / MEGABYTE
        parts_mb["activations_mb"] = total_mb - sum(parts_mb.values())
        return cls(total_mb, None if facts is None else facts.parameters, parts_mb)
