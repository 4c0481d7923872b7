"""The arguments of a framework from outside the package: an axis of its own, and the flag of a task from outside."""

from __future__ import annotations

from dataclasses import dataclass

from hfbench_nb.arguments import checks
from hfbench_nb.arguments.benchmark import BenchmarkArguments
from hfbench_nb.arguments.fields import Axis, option
from hfbench_nb.arguments.frameworks import Framework
from hfbench_nb.arguments.measurement import MEASURE


def _check_block_size(name: str, value: object) -> None:
    checks.integer(name, value, minimum=1)


@dataclass(kw_only=True, repr=False)
class NumPyBenchmarkArguments(BenchmarkArguments):
    """Measure models in NumPy."""

    framework = "NumPy"

    block_size: int | list[int] = option(
        64,
        "Tokens that pass a layer at once.",
        axis=Axis(_check_block_size, lambda value: f"blocks of {value}", title="Block size (tokens)"),
    )
    embedding: bool = option(False, "Measure embedding: one vector per sequence.", task="embedding", group=MEASURE)

    def check(self) -> None:
        super().check()
        for dtype in checks.values_of_axis(self, "dtype"):
            checks.one_of("dtype", dtype, ("float32", "float16"))


NUMPY = Framework("NumPy", "numpy_backend", "numpy_arguments:NumPyBenchmarkArguments")
