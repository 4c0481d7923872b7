"""The arguments of the TensorFlow benchmark."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from hfbench_nb.arguments import checks
from hfbench_nb.arguments.benchmark import BenchmarkArguments
from hfbench_nb.arguments.documentation import document_fields
from hfbench_nb.arguments.fields import Axis, option
from hfbench_nb.arguments.foreign_names import refuse_foreign_names
from hfbench_nb.arguments.negative_names import accept_negative_names
from hfbench_nb.protocol.errors import ArgumentError, wrong_value


@document_fields
@refuse_foreign_names
@accept_negative_names
@dataclass(kw_only=True, repr=False)
class TensorFlowBenchmarkArguments(BenchmarkArguments):
    """Measure models in TensorFlow.

    The arguments of Transformers 4.48's class of this name, and more.

    Raises
    ------
    ArgumentError
        If a value cannot be used; the message names the parameter, the value and what is allowed.

    Examples
    --------
    >>> from hfbench_nb import TensorFlowBenchmarkArguments
    >>> TensorFlowBenchmarkArguments(models=["gpt2"], use_xla=True).eager_mode
    False
    """

    framework = "TensorFlow"

    tpu_name: str | None = option(None, "Name of the TPU.")
    device_idx: int = option(0, "Index of the GPU, unless device names one.")
    eager_mode: bool | list[bool] = option(
        False, "Run eagerly, not as a graph.", axis=Axis(words=lambda value: "eager" if value else "graph")
    )
    use_xla: bool | list[bool] = option(
        False,
        "Compile the graph with XLA; not together with eager_mode.",
        axis=Axis(words=lambda value: "XLA" if value else "no XLA"),
    )

    def check(self) -> None:  # noqa: D102 - inherited
        super().check()
        checks.integer("device_idx", self.device_idx, minimum=0)
        if self.tpu_name is not None and not isinstance(self.tpu_name, str):
            raise wrong_value("tpu_name", self.tpu_name, "a name or None")
        if self.trust_remote_code:
            raise wrong_value("trust_remote_code", True, "False for TensorFlow: models come with code for PyTorch only")
        for device in checks.values_of_axis(self, "device"):
            if device.startswith(("mps", "xpu")):
                raise wrong_value("device", device, "'auto', 'cpu', 'cuda' or 'cuda:1' for TensorFlow")
        eager_modes, xla = checks.values_of_axis(self, "eager_mode"), checks.values_of_axis(self, "use_xla")
        if all(self.contradiction({"eager_mode": e, "use_xla": x}) for e in eager_modes for x in xla):
            raise ArgumentError(
                "eager_mode=True and use_xla=True contradict each other: XLA compiles graphs.", "eager_mode", "use_xla"
            )
        if self.trace_memory_line_by_line and not all(eager_modes):
            raise ArgumentError(
                "trace_memory_line_by_line=True needs eager_mode=True: the lines of a graph run only while it is made.",
                "trace_memory_line_by_line",
                "eager_mode",
            )

    def contradiction(self, settings: dict[str, Any]) -> str:  # noqa: D102 - inherited
        return "XLA compiles graphs" if settings.get("eager_mode") and settings.get("use_xla") else ""

    @property
    def is_tpu(self) -> bool:
        """Whether a TPU is to be used: one is named, here or by the variable ``TPU_NAME``, and `tpu` is True."""
        return self.tpu and bool(self.tpu_name or os.environ.get("TPU_NAME"))
